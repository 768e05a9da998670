"""A run's state: taken from what is trained at every epoch's end, and given back to it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tssd_keras.judge.state import State, in_order, numbered, part, under
from tssd_keras.judge.streams import Streams, arrays_of, streams_of
from tssd_keras.run.folder import STATE, RunFolder
from tssd_keras.run.kept_state import Kept, threads_now
from tssd_keras.run.saved_recipe import with_absolute_paths
from tssd_keras.train import devices
from tssd_keras.train.callback import TSSD
from tssd_keras.train.state_file import save_state
from tssd_keras.train.steps.base_step import BaseStep


def variables_of(step: BaseStep) -> list[keras.Variable]:
    """Each variable of a step and its optimizer once: weights, means, counters, random states.

    Metrics begin anew in every epoch.
    """
    metrics = {id(v) for v in step.metrics_variables}
    every = (*step.variables, *step.optimizer.variables)
    found = {id(v): v for v in every if id(v) not in metrics}
    return list(found.values())


def state_of(step: BaseStep, tssd: TSSD, streams: list[Streams], names: tuple[str, ...]) -> State:
    """What the next epoch rests on, and the streams of the newest round."""
    values = [keras.ops.convert_to_numpy(v) for v in variables_of(step)]
    return {
        # NumPy has no bfloat16 that a file could hold; float32 has all its numbers.
        **under("variables", numbered([np.asarray(_plain(value)) for value in values])),
        **under("tssd", tssd.get_state()),
        **(under("streams", arrays_of(streams, names)) if streams else {}),
    }


def _plain(value: np.ndarray) -> np.ndarray:
    return value if value.dtype.kind in "biuf" else value.astype(np.float32)


def give_back(state: State, step: BaseStep, tssd: TSSD) -> list[Streams]:
    """Put a step and a callback where another pair was; the streams of the newest round.

    Raises:
        ValueError: the state is of another recipe, other data, or another version.
    """
    values, variables = in_order(part(state, "variables")), variables_of(step)
    shapes, wanted = ([tuple(v.shape) for v in of] for of in (values, variables))
    if shapes != wanted or any(value.dtype.kind not in "biuf" for value in values):
        raise ValueError(
            f"{STATE} must be of these networks and this optimizer: it has {len(shapes)} "
            f"variables, they have {len(wanted)}, or others. Another version of tssd_keras or "
            "Keras may have written it: go on with that version, or run the recipe anew."
        )
    for variable, value in zip(variables, values, strict=True):
        devices.assign(variable, value)
    tssd.set_state(part(state, "tssd"))
    kept = part(state, "streams")
    return streams_of(kept)[0] if kept else []


def computes_on(step: BaseStep) -> str:
    """What a run's last digits depend on: processors, limits of threads, devices."""
    layout = devices.layout_of(step)
    return threads_now() + (f", {layout}" if layout.n > 1 else "")


class KeepState(keras.callbacks.Callback):
    """Writes a run's state at every so many epochs' end.

    Args:
        training: `experiment.Training`.
        folder: of the run.
        started: `time.perf_counter()` of the begin of a run that would have come here at once.
        streams: of the newest round before this process, if any.
        resumed: after how many epochs the run went on, each time.

    Attributes:
        resumed: as given.
    """

    def __init__(
        self,
        training: Any,
        folder: RunFolder,
        *,
        started: float,
        streams: list[Streams],
        resumed: list[int],
    ) -> None:
        super().__init__()
        self._training, self._folder = training, folder
        self._started, self._streams, self.resumed = started, streams, resumed

    @property
    def seconds(self) -> float:
        """Of the run so far, all its parts together."""
        return time.perf_counter() - self._started

    @property
    def streams(self) -> list[Streams]:
        """Of the newest round, of this process or before it; empty before a round."""
        tssd = self._training.tssd
        return streams_of_round(tssd) if tssd.last_round else self._streams

    def on_epoch_end(self, epoch, logs=None):
        """Write the state where it is due."""
        train = self._training.recipe.train
        if (epoch + 1) % train.save_every == 0 or epoch + 1 == train.epochs:
            self.write()

    def write(self) -> None:
        """Write the state, whole or not at all."""
        training = self._training
        prepared = training.prepared
        names = prepared.data.class_names
        kept = Kept(
            with_absolute_paths(training.recipe),
            keras.backend.backend(),
            prepared.labels_sha256,
            training.epochs.rows,
            self.resumed,
            computes_on(training.step),
            self.seconds,
            state_of(training.step, training.tssd, self.streams, names),
        )
        save_state(self._folder.place(STATE), kept.arrays())


def streams_of_round(tssd: TSSD) -> list[Streams]:
    """What each network's streams saw in the newest round."""
    table = tssd.table
    return [
        Streams.of(
            verdict.division,
            verdict.loss,
            verdict.similarity,
            index=table.index[verdict.rows],
            given=table.given[verdict.rows],
            transition=verdict.transition,
            top=verdict.top,
            place=verdict.place,
        )
        for verdict in tssd.last_round
    ]


def forget(folder: RunFolder) -> None:
    """The run has ended: nothing goes on from here."""
    Path(folder.path, STATE).unlink(missing_ok=True)
