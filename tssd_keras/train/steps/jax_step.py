"""One update on JAX: state in, state out; or several in one call of the device."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import jax
import keras


class Batches(NamedTuple):
    """Batches whose updates are one call.

    Attributes:
        each: (x, y, weight) of every one, all of one shape.
    """

    each: tuple


class JaxUpdate:
    """Gives a `BaseStep` its `train_step`, and its `steps_per_execution`.

    Keras calls the device once for each update whatever `steps_per_execution` says. Here so many
    updates are one call, and what is left of an epoch's batches one call each: two traces. So are
    batches of several shapes, as `fit` makes of arrays that it cannot split evenly.
    Convolutions on a processor are left to Keras: XLA's loop makes them nine times slower there
    (docs/performance.md).
    """

    def make_train_function(self, force=False):
        """As Keras'."""
        at_once = self.steps_per_execution
        by_keras = at_once == 1 or not self.jit_compile or _slow_in_a_loop(self)
        if by_keras or (self.train_function and not force):
            super().make_train_function(force)
            return
        self.steps_per_execution = 1
        try:
            super().make_train_function(force=True)
        finally:
            self.steps_per_execution = at_once
        self.train_function = _several(self.train_function, at_once)

    def train_step(self, state, data):
        """Updates on a batch (x, y, weight), or on `Batches`, one after the other.

        Returns:
            The metrics so far and the new state.
        """
        if not isinstance(data, Batches):
            return self._update(state, data)

        def one_more(state, batch):
            logs, state = self._update(state, batch)
            return state, logs

        stacked = jax.tree.map(lambda *parts: jax.numpy.stack(parts), *data.each)
        state, logs = jax.lax.scan(one_more, state, stacked)
        return jax.tree.map(lambda each: each[-1], logs), state

    def _update(self, state, data):
        """One update; see `train_step`."""
        self.n_traces += 1
        trainable, fixed, slots, counts = state

        def total(trainable):
            variables = self.trainable_variables + self.non_trainable_variables
            with _values(variables, [*trainable, *fixed]) as scope:
                total, for_metrics = self.step_loss(data)
            return total, (for_metrics, _read(scope, self.non_trainable_variables))

        (_, (for_metrics, fixed)), grads = jax.value_and_grad(total, has_aux=True)(trainable)
        trainable, slots = self.optimizer.stateless_apply(slots, grads, trainable)
        variables = self.trainable_variables + self.non_trainable_variables
        with _values(variables, [*trainable, *fixed]) as scope:
            self.follow()
        fixed = _read(scope, self.non_trainable_variables)
        with _values(self.metrics_variables, counts) as scope:
            logs = self.update_metrics(*for_metrics)
        return logs, (trainable, fixed, slots, _read(scope, self.metrics_variables))


def _slow_in_a_loop(step: Any) -> bool:
    """Whether there are kernels of more than two axes, as convolutions have, on a processor."""
    on_processor = jax.default_backend() == "cpu"
    return on_processor and any(len(v.shape) > 2 for v in step.trainable_variables)


def _several(call: Callable, at_once: int) -> Callable[[Any, Iterator], tuple[Any, Any]]:
    """Of a function that takes a state and an iterator, one that reads so many batches."""

    def train_function(state, iterator):
        batches = tuple(islice(iterator, at_once))
        if not batches:
            raise StopIteration
        logs = None
        together = len(batches) == at_once and _of_one_shape(batches)
        for data in [Batches(batches)] if together else batches:
            logs, state = call(state, iter([data]))
        return logs, state

    return train_function


def _of_one_shape(batches: tuple) -> bool:
    shapes = [[jax.numpy.shape(part) for part in jax.tree.leaves(batch)] for batch in batches]
    return all(of_batch == shapes[0] for of_batch in shapes)


def _values(variables, values) -> keras.StatelessScope:
    """A scope in which the variables have these values, and assignments stay within."""
    return keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True)))


def _read(scope: keras.StatelessScope, variables) -> list:
    return [scope.get_current_value(variable) for variable in variables]
