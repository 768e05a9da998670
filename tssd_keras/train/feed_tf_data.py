"""The feed as a tf.data.Dataset: batches are read ahead in TensorFlow's threads.

TensorFlow keeps every function that a pipeline has ever called, for as long as the process lives.
So it is given functions that hold nothing; what they need lives as long as the dataset.
"""

from __future__ import annotations

import functools
import os
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from tssd_keras.data.nested import leaves, packed, parts_of
from tssd_keras.train.beside_feed import FedToFit
from tssd_keras.train.map_draws import batch_keys, random_states

READ_AHEAD = 2  # batches that wait for the step

# Methods of tf.data.Dataset that give another one, with the same batches or with others.
HARMLESS = ("prefetch", "with_options")
ALTERING = (
    *("batch", "bucket_by_sequence_length", "cache", "concatenate", "enumerate", "filter"),
    *("flat_map", "group_by_window", "ignore_errors", "interleave", "map", "padded_batch"),
    *("ragged_batch", "rebatch", "rejection_resample", "repeat", "scan", "shard", "shuffle"),
    *("skip", "snapshot", "sparse_batch", "take", "take_while", "unbatch", "unique", "window"),
)


def tf_data(feed: Any):
    """tf.data.Dataset of a `feed.Feed`; each batch reads its weights off the table."""
    import tensorflow as tf

    batch = (feed.n_rows,)
    mapped, n_generators, flat = _in_graph(feed) if feed.map is not None else (None, 0, None)

    def planned():
        (rows, used), key = feed.plan_and_key()
        return rows, used, batch_keys(key, range(len(rows)), n_generators)

    plan = _Held(planned)

    def epoch(_):
        parts = tf.numpy_function(plan.call, [], (tf.int64, tf.float32, tf.int64))
        for part, shape in zip(parts, (batch, batch, (n_generators, 2)), strict=True):
            part.set_shape((None, *shape))
        return tf.data.Dataset.from_tensor_slices(tuple(parts))

    parts = list(parts_of(feed.inputs).values())
    targets = feed.targets.parts(np.zeros(1, np.int64))  # of one row, to see what they are like
    weights = feed.weights(np.zeros(1, np.int64), np.ones(1, np.float32))
    like = (*parts, *targets, weights)
    shapes = [batch + tuple(part.shape[1:]) for part in like]
    dtypes = [_tensor_dtype(tf, part.dtype) for part in like]

    def read(rows, used):
        x = [part for _, part in leaves(feed.read(rows))]
        return [*x, *feed.targets.parts(rows), feed.weights(rows, used)]

    reader = _Held(read)
    structure = getattr(feed.inputs, "parts", None)
    structured = feed.targets.structured

    def gather(rows, used, keys):
        found = tf.numpy_function(reader.call, [rows, used], dtypes)
        for tensor, shape in zip(found, shapes, strict=True):
            tensor.set_shape(shape)
        y = structured(found[len(parts) : -1])
        given = packed(structure, iter(found)), y, found[-1]
        return given if mapped is None else (*given, keys)

    dataset = tf.data.Dataset.from_tensors(0).flat_map(epoch)
    dataset = dataset.map(gather, num_parallel_calls=os.cpu_count())
    if mapped is not None:  # one batch after the other, as they share the generators
        dataset = dataset.map(mapped)
    dataset = _without_autotuning(tf, dataset.prefetch(READ_AHEAD))
    return _fed(dataset, feed, (plan, reader, flat))


def _fed(dataset, feed: Any, held: tuple, altered_by: str = ""):
    """The dataset, which now looks at the `fit` that it is given to; see `beside_feed`.

    Args:
        dataset: of the feed's batches, or made of them.
        feed: a `feed.Feed`.
        held: what must live as long as the dataset.
        altered_by: the method that changed what is trained; "": none.
    """
    kind: Any = type(dataset)
    dataset.__class__ = _fed_class(kind)
    dataset.feed, dataset.held, dataset.altered_by = feed, held, altered_by
    return dataset


@functools.cache
def _fed_class(kind: Any) -> type:
    """A kind of tf.data.Dataset whose offspring are fed ones, too."""
    import tensorflow as tf

    def cardinality(self):
        # Keras takes the length of its first epoch for a limit on all later ones, and after a
        # resume that epoch can be short. So the most that an epoch can have is announced.
        if self.altered_by:
            return super(fed, self).cardinality()
        return tf.constant(self.feed.max_steps, tf.int64)

    def remade(name: str) -> Callable:
        def method(self, *args, **settings):
            made = getattr(super(fed, self), name)(*args, **settings)
            altered_by = self.altered_by or (name if name not in HARMLESS else "")
            return _fed(made, self.feed, self.held, altered_by)

        return functools.wraps(getattr(kind, name))(method)

    names = {name for name in (*HARMLESS, *ALTERING) if hasattr(kind, name)}
    body = {"cardinality": cardinality, **{name: remade(name) for name in names}}
    # Python lets an object become of a class whose first base is its own.
    fed = type(f"Fed{kind.__name__}", (kind, FedToFit), body)
    return fed


def _without_autotuning(tf, dataset):
    """The dataset, all of whose numbers are set, without the thread that would tune them.

    Whoever lets go of an iterator waits for that thread. Its wake-up call can be missed
    (TensorFlow 2.21: `OptimizeLoop` is woken before it is told that it is cancelled), and then it
    sleeps on, up to a minute, and all of Python with it.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


class _Held:
    """A function that is called as long as this object lives, whoever keeps `call`.

    Args:
        function: of positional arguments.

    Attributes:
        call: calls it; raises RuntimeError once this object is gone.
    """

    def __init__(self, function: Callable) -> None:
        self._function = function
        held = weakref.ref(self)

        def call(*arguments):
            owner = held()
            if owner is None:
                raise RuntimeError(
                    "the dataset of a feed must live while its batches are read, it is gone. Keep "
                    "what tssd.feed(...) gives."
                )
            return owner._function(*arguments)

        self.call = call


def _tensor_dtype(tf, dtype: np.dtype):
    return tf.string if dtype.kind in "SUO" else tf.as_dtype(dtype)


def _in_graph(feed: Any):
    """(x, y, weight, keys) -> (mapped x, y, weight), how many keys it takes, what must live on."""
    import keras
    import tensorflow as tf

    with tf.device("CPU:0"):
        one_map = feed.map_tried_on(lambda x: tf.nest.map_structure(tf.constant, x))
    like = feed.first_batch()

    # TensorFlow's own random numbers begin anew with each iterator if its seed is set
    # (keras.utils.set_random_seed), so every epoch would get the same views. A function that is
    # called from without goes on where it was. Keras' layers keep their random state themselves.
    @tf.function
    def flat(*parts):
        return keras.tree.flatten(one_map.in_graph(keras.tree.pack_sequence_as(like, parts)))

    flat_held = _Held(flat)
    if not one_map.is_layer:
        dtypes = [part.dtype for part in flat(*map(tf.constant, keras.tree.flatten(like)))]
    elif not feed._maps_in_graph:  # generators of TensorFlow's come with a first graph
        flat.get_concrete_function(*map(tf.constant, keras.tree.flatten(like)))
    states = random_states(feed.map, foreign=not feed._maps_in_graph)

    def mapped(x, y, weight, keys):
        if one_map.is_layer:
            for state, key in zip(states, tf.unstack(keys), strict=True):
                state.assign(tf.cast(key, state.dtype))
            x = one_map.in_graph(x)
            parts = keras.tree.flatten(x)
        else:
            parts = tf.py_function(flat_held.call, keras.tree.flatten(x), dtypes)
        parts = [tf.ensure_shape(*part) for part in zip(parts, one_map.shapes, strict=True)]
        return keras.tree.pack_sequence_as(x, parts), y, weight

    return mapped, len(states), flat_held
