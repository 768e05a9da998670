"""One update on TensorFlow: a tape, and assignments in place."""

from __future__ import annotations

import tensorflow as tf

GATHERED = (
    tf.float32,
    tf.float16,
    tf.float64,
    tf.int32,
    tf.int64,
)  # what TensorFlow can put together


class TensorFlowUpdate:
    """Gives a `BaseStep` its `train_step`.

    Under `MirroredStrategy` it runs on each device by itself, on its rows of the batch. All put
    their rows and logits together, so that each computes the objective of the whole batch, by the
    same random numbers; gradients, of which the strategy takes the sum, are divided by the devices.
    """

    def train_step(self, data):
        """One update on a batch (x, y, weight); returns the metrics so far."""
        self.n_traces += 1
        n_devices = _context().num_replicas_in_sync
        with tf.GradientTape() as tape:
            total, for_metrics = self.step_loss(data)
            if n_devices > 1:
                total /= n_devices
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(total, variables), variables)
        self.follow()
        return self.update_metrics(*for_metrics)

    def whole(self, rows):
        """See `BaseStep.whole`."""
        context = _context()
        if context.num_replicas_in_sync == 1:
            return rows
        kind = sent = rows.dtype
        if kind not in GATHERED:
            sent = tf.int32 if kind.is_integer or kind.is_bool else tf.float32
        gathered = context.all_gather(tf.cast(rows, sent), axis=0)
        size = rows.shape[0] and rows.shape[0] * context.num_replicas_in_sync
        return tf.cast(tf.ensure_shape(gathered, (size, *rows.shape[1:])), kind)  # it has none

    def own(self, rows):
        """See `BaseStep.own`."""
        context = _context()
        if context.num_replicas_in_sync == 1:
            return rows
        size = tf.shape(rows)[0] // context.num_replicas_in_sync
        start = context.replica_id_in_sync_group * size
        return rows[start : start + size]


def _context() -> tf.distribute.ReplicaContext:
    return tf.distribute.get_replica_context()
