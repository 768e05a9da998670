"""One update on JAX: state in, state out."""

from __future__ import annotations

import jax
import keras


class JaxUpdate:
    """Gives a `BaseStep` its `train_step`."""

    def train_step(self, state, data):
        """One update on a batch (x, y, weight); returns the metrics so far and the new state."""
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


def _values(variables, values) -> keras.StatelessScope:
    """A scope in which the variables have these values, and assignments stay within."""
    return keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True)))


def _read(scope: keras.StatelessScope, variables) -> list:
    return [scope.get_current_value(variable) for variable in variables]
