"""One update on TensorFlow: a tape, and assignments in place."""

from __future__ import annotations

import keras
import tensorflow as tf

from tssd_keras.steps.base_step import BaseStep


class TensorFlowStep(BaseStep):
    """See `BaseStep`."""

    def train_step(self, data):
        """One update on a batch (x, y, weight); returns the metrics so far."""
        self.n_traces += 1
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        variables = self.trainable_variables
        with tf.GradientTape() as tape:
            logits = self(x, training=True)
            loss = self.compute_loss(x, y, logits, weight)
            total = loss + self.penalty(variables)
        self.optimizer.apply(tape.gradient(total, variables), variables)
        return self.update_metrics(loss, y, logits, weight)
