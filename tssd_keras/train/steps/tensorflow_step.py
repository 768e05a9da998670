"""One update on TensorFlow: a tape, and assignments in place."""

from __future__ import annotations

import tensorflow as tf


class TensorFlowUpdate:
    """Gives a `BaseStep` its `train_step`."""

    def train_step(self, data):
        """One update on a batch (x, y, weight); returns the metrics so far."""
        self.n_traces += 1
        with tf.GradientTape() as tape:
            total, for_metrics = self.step_loss(data)
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(total, variables), variables)
        self.follow()
        return self.update_metrics(*for_metrics)
