"""The record of every epoch: accuracy, loss, learning rate, seconds, and the weights."""

from __future__ import annotations

import time
from collections.abc import Callable

import keras
import numpy as np

from tssd_keras.labels.prepare import Prepared
from tssd_keras.progress import bar
from tssd_keras.recipe.method_sections import TrainRecipe
from tssd_keras.run.epoch_line import EpochLine
from tssd_keras.run.folder import RunFolder
from tssd_keras.train import devices
from tssd_keras.train.learning_rate import learning_rate
from tssd_keras.train.score_pass import fixed_batches


class EpochRecord(keras.callbacks.Callback):
    """Measures accuracy after every epoch and writes its row.

    Args:
        networks: those that are trained, and their running means.
        prepared: has the evaluation samples.
        train: batch size and number of epochs.
        folder: takes epochs.csv.
        say: takes a line an epoch.

    Attributes:
        rows: of epochs.csv.
        line: makes the line of each epoch; is told of rounds.
        weights: of each network at the end of the last epoch; before the first, its initial
            ones. An epoch that breaks off may leave a network without: on JAX an
            update gives them away.
    """

    def __init__(
        self,
        networks: list[keras.Model],
        prepared: Prepared,
        train: TrainRecipe,
        folder: RunFolder,
        say: Callable[[str], None],
    ) -> None:
        super().__init__()
        self.rows: list[dict] = []
        self.weights = [network.get_weights() for network in networks]
        self._networks = networks
        self._prepared, self._train, self._folder, self._say = prepared, train, folder, say
        self._start = 0.0
        self.line = EpochLine(prepared, train.epochs)

    def on_train_begin(self, logs=None):
        """Start the clock of the first epoch's line."""
        self.line.begin()

    def go_on(self, rows: list[dict]) -> None:
        """Take the rows of the epochs that have ended, and the weights that networks have now."""
        self.rows[:] = rows
        self.weights = [network.get_weights() for network in self._networks]

    def restore(self) -> None:
        """Give each network its weights of the last epoch's end."""
        for network, weights in zip(self._networks, self.weights, strict=True):
            for variable, value in zip(network.weights, weights, strict=True):
                devices.assign(variable, value)

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock. This callback stands behind TSSD: rounds have a clock of their own."""
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        """Evaluate the model; append the row.

        Where the loss is not finite `TSSD` ends the training before, so that row and weights stay
        those of the epoch before.
        """
        seconds = time.perf_counter() - self._start
        row = {
            "epoch": epoch + 1,
            "accuracy": self._accuracy(),
            "loss": float(logs["loss"]),
            "train_accuracy": float(logs["accuracy"]),
            "learning_rate": learning_rate(self._train, epoch),
            "seconds": seconds,
        }
        self.rows.append(row)
        self.weights = [network.get_weights() for network in self._networks]
        self._folder.append_epoch(row)
        for line in self.line.lines(row):
            self._say(line)

    def _accuracy(self) -> float:
        """Share of samples whose most probable class is right, in batches of one shape."""
        inputs, labels = self._prepared.eval_inputs, self._prepared.eval_labels
        n_right = 0
        done = bar("evaluating the network", len(inputs))
        layout, n = devices.layout_of(self.model), len(inputs)
        for rows, batch in fixed_batches(inputs, np.arange(n), min(1024, n), layout):
            size = rows.stop - rows.start
            predicted = devices.predict_on_batch(self.model, batch)[:size].argmax(axis=1)
            n_right += int((predicted == labels[rows]).sum())
            done(size)
        return n_right / len(labels)
