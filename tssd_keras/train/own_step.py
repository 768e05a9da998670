"""Do sample weights reach what a model's own `train_step` changes? It is tried before training."""

from __future__ import annotations

import contextlib
import random
import warnings
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras.src.backend.common import global_state  # no public name tells whether one was made
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR

from tssd_keras.train.own_networks import own_networks
from tssd_keras.train.steps import tried_updates

SAME = 1e-4  # of what other samples change; rounding and the order of a sum stay below it


def has_own_step(model: keras.Model) -> bool:
    """Whether somebody else than Keras and `steps` wrote the step that `fit` compiles.

    One that runs eagerly is left alone: it may keep what it computes wherever it likes.
    """
    home = str(getattr(model.train_step, "__module__", "")).partition(".")[0]
    known = home in ("keras", "tssd_keras") or own_networks(model) is not None
    return not known and not model.run_eagerly


def own_step_note(model: keras.Model, x: Any, y: Any) -> str | None:
    """That the weights do not reach what the model's own step changes, in words; None: they may.

    The step is tried three times from the same state: with the weight on one half of the rows, on
    the other half, and on other rows. What it does is put back, so training is the same bit by bit.
    A step that raises, prints or cannot be put back is left alone.

    Args:
        model: with an own step, see `has_own_step`.
        x, y: a batch of the feed, at least two rows.

    Raises:
        ValueError: the step takes no weights.
    """
    n = len(keras.tree.flatten(x)[0])
    half = n // 2
    one, other = (np.arange(n) < half), (np.arange(n) >= n - half)
    again = np.resize(np.arange(half), n)

    def batch(rows: np.ndarray, weight: np.ndarray) -> tuple:
        some = [keras.tree.map_structure(lambda a: a[rows], part) for part in (x, y)]
        return *some, weight.astype(np.float32)

    every = np.arange(n)
    batches = [batch(every, one), batch(every, other), batch(again, one)]
    try:
        with _put_back(model), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = tried_updates(model, batches)
    except Exception as error:  # whatever else it is, `fit` meets it next and says so
        if isinstance(error, ValueError) and "too many values to unpack" in str(error):
            raise ValueError(_UNPACK.format(type(model).__name__)) from error
        return None
    if found is None or not _is_alike(*found):
        return None
    return _WITHOUT_EFFECT.format(type(model).__name__)


_UNPACK = (
    "{0}.train_step must take the sample weights that the feed gives beside x and y, and it "
    "unpacks two things. Take "
    "x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data) and pass sample_weight to "
    "compute_loss, or to a loss that gives a value a sample, shape (n,)."
)
_WITHOUT_EFFECT = (
    "sample weights have no effect on what {0}.train_step changes: it is the same whichever sample "
    "carries the weight, so labels that are likely wrong count as much as others. Take "
    "x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data) and pass sample_weight to "
    "compute_loss, or to a loss that gives a value a sample, shape (n,)."
)


def _is_alike(one: list, other: list, control: list) -> bool:
    """Whether arrays differ only where the samples do, and the samples do make a difference."""
    makes_a_difference = False
    for a, b, c in zip(one, other, control, strict=True):
        if a.dtype.kind in "biu":
            continue
        a, b, c = (array.astype(np.float64) for array in (a, b, c))
        by_weight, by_sample = np.abs(a - b).max(initial=0), np.abs(a - c).max(initial=0)
        if not by_weight <= SAME * by_sample:  # NaN is not alike
            return False
        makes_a_difference |= bool(by_sample > 0)
    return makes_a_difference


@contextlib.contextmanager
def _put_back(model: keras.Model) -> Iterator[None]:
    """Shared random generators and plain attributes of a model stay as they were."""
    states = random.getstate(), np.random.get_state()
    generator = global_state.get_global_attribute(GLOBAL_SEED_GENERATOR)
    drawn = None if generator is None else keras.ops.convert_to_numpy(generator.state)
    own = vars(model)
    numbers = {name: value for name, value in own.items() if type(value) in (int, float)}
    kept = [value for name, value in own.items() if _is_container(name, value)]
    contents = [value.copy() for value in kept]
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, generator)
        if generator is not None:
            generator.state.assign(drawn)
        own.update(numbers)
        for container, content in zip(kept, contents, strict=True):
            container.clear()
            (container.extend if isinstance(container, list) else container.update)(content)


def _is_container(name: str, value: Any) -> bool:
    """Whether an attribute holds plain values of the model's author, which a step may add to."""
    if name.startswith("_") or not isinstance(value, list | dict):
        return False
    values = value if isinstance(value, list) else value.values()
    return not any(isinstance(one, keras.layers.Layer | keras.Variable) for one in values)
