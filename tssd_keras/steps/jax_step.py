"""One update on JAX: state in, state out."""

from __future__ import annotations

import jax
import keras

from tssd_keras.steps.base_step import BaseStep


class JaxStep(BaseStep):
    """See `BaseStep`."""

    def train_step(self, state, data):
        """One update on a batch (x, y, weight); returns the metrics so far and the new state."""
        self.n_traces += 1
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        trainable, fixed, slots, counts = state

        def total(trainable):
            logits, moved = self.stateless_call(trainable, fixed, x, training=True)
            loss = self.compute_loss(x, y, logits, weight)
            return loss + self.penalty(trainable), (loss, logits, moved)

        (_, (loss, logits, fixed)), grads = jax.value_and_grad(total, has_aux=True)(trainable)
        trainable, slots = self.optimizer.stateless_apply(slots, grads, trainable)
        metrics = self.metrics_variables
        with keras.StatelessScope(state_mapping=list(zip(metrics, counts, strict=True))) as scope:
            logs = self.update_metrics(loss, y, logits, weight)
            counts = [scope.get_current_value(v) for v in metrics]
        return logs, (trainable, fixed, slots, counts)
