"""One update on TensorFlow: a tape, and assignments in place."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

GATHERED = (tf.float32, tf.float16, tf.float64, tf.int32, tf.int64)  # what TensorFlow puts together


class TensorFlowUpdate:
    """Gives a `BaseStep` its `train_step`.

    Under `MirroredStrategy` it runs on each device by itself, on its rows of the batch. All put
    their rows and logits together, so that each has the objective of the whole batch, by the same
    random numbers, and its slope by its own rows; the strategy sums the slopes.
    """

    def train_step(self, data):
        """One update on a batch (x, y, weight); returns the metrics so far."""
        self.n_traces += 1
        with tf.GradientTape() as tape:
            total, for_metrics = self.step_loss(data)
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(total, variables), variables)
        self.follow()
        return self.update_metrics(*for_metrics)

    def whole(self, rows):
        """See `BaseStep.whole`; a slope goes to the rows of this device alone."""
        context = _context()
        n = context.num_replicas_in_sync
        if n == 1:
            return rows
        kind = sent = rows.dtype
        if kind not in GATHERED:
            sent = tf.int32 if kind.is_integer or kind.is_bool else tf.float32
        # A slope through it would be gathered, too, in an order that devices may not share.
        gathered = context.all_gather(tf.cast(tf.stop_gradient(rows), sent), axis=0)
        start, size = _share(gathered)
        parts = [tf.cast(gathered[:start], kind), rows, tf.cast(gathered[start + size :], kind)]
        n_rows = rows.shape[0] and rows.shape[0] * n
        return tf.ensure_shape(tf.concat(parts, axis=0), (n_rows, *rows.shape[1:]))

    def own(self, rows):
        """See `BaseStep.own`."""
        if _context().num_replicas_in_sync == 1:
            return rows
        start, size = _share(rows)
        return rows[start : start + size]

    def penalty(self):
        """See `BaseStep.penalty`; each device's part of it."""
        n = _context().num_replicas_in_sync
        penalty = super().penalty()
        return penalty if n == 1 else penalty / n


def _context() -> Any:
    return tf.distribute.get_replica_context()


def _share(rows: tf.Tensor) -> tuple[Any, Any]:
    """Where this device's rows begin among those of all, and how many they are."""
    context = _context()
    size = tf.shape(rows)[0] // context.num_replicas_in_sync
    return context.replica_id_in_sync_group * size, size
