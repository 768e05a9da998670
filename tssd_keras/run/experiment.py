"""One recipe, one run: from data to run folder. The only module that knows all the others."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras

from tssd_keras import models
from tssd_keras.data import loading
from tssd_keras.judge.record import RoundRecord
from tssd_keras.judge.round_line import round_line
from tssd_keras.judge.streams import Streams
from tssd_keras.labels.prepare import Prepared, prepare
from tssd_keras.progress import bar
from tssd_keras.recipe.recipe import Recipe
from tssd_keras.run import epoch_bar, wiring
from tssd_keras.run.describe import BAD_IMAGES_NAMED, describe
from tssd_keras.run.epochs import EpochRecord
from tssd_keras.run.folder import RunFolder
from tssd_keras.run.interrupts import ctrl_c_held, ctrl_c_noted
from tssd_keras.run.saved_recipe import saved_recipe
from tssd_keras.run.summary import summarise
from tssd_keras.train.callback import TSSD
from tssd_keras.train.steps import accuracy
from tssd_keras.train.steps.base_step import BaseStep

Say = Callable[[str], None]


@dataclass(frozen=True)
class Finished:
    """A run that has ended.

    Attributes:
        folder: where its files are.
        summary: the contents of summary.json.
        interrupted: whether it was stopped by Ctrl-C.
    """

    folder: Path
    summary: dict
    interrupted: bool


@dataclass(frozen=True)
class Training:
    """All that a run trains with.

    Attributes:
        recipe, prepared: settings and data.
        step: the compiled model that `fit` runs on.
        tssd: judges and feeds.
        feed: what `fit` reads.
        epochs: records and remembers each epoch.
    """

    recipe: Recipe
    prepared: Prepared
    step: BaseStep
    tssd: TSSD
    feed: object
    epochs: EpochRecord


def run(recipe: Recipe, *, out: Path | None = None, say: Say = print) -> Finished:
    """Train one recipe from data to run folder.

    Args:
        recipe: checked.
        out: the run folder; None: a new one under runs/.
        say: takes each line of progress.

    Returns:
        Finished. After Ctrl-C the files are those of the epochs that had ended.

    Raises:
        FileExistsError: the run folder is not empty; nothing was touched.
        FileNotFoundError, ValueError: the data are missing or do not fit the
            recipe; nothing was trained, and no folder made.
        Exception: training failed. The folder then holds what there was, and
            the error in summary.json.
    """
    start = time.perf_counter()
    folder = RunFolder.plan(out, recipe.dataset)
    training = set_up(recipe, folder, say)
    folder.make()
    stopped: BaseException | None = None
    try:
        train(training, folder, say)
    except (Exception, KeyboardInterrupt) as error:
        stopped = error
    interrupted = isinstance(stopped, KeyboardInterrupt)
    failed = None if interrupted else stopped
    with contextlib.suppress(KeyboardInterrupt), ctrl_c_held(say):
        if stopped is not None:
            say(f"{'interrupted' if interrupted else 'failed'}: writing down what there is")
            training.epochs.restore()
        summary = summarise(
            recipe, training.prepared, training.tssd, training.epochs.rows, training.step
        )
        summary["interrupted"] = interrupted
        summary["error"] = None if failed is None else f"{type(failed).__name__}: {failed}"
        summary["seconds"] = round(time.perf_counter() - start, 3)
        finish(training, folder, summary)
    if failed is not None:
        say(f"what there was before the error is in {folder.path}")
        raise failed
    return Finished(folder.path, summary, interrupted)


def set_up(recipe: Recipe, folder: RunFolder, say: Say) -> Training:
    """Load the data and build what is trained; the folder is not touched."""
    say(f"preparing data: {recipe.dataset}")
    prepared = prepare(recipe, loading.load(recipe.data, recipe.golden))
    if recipe.train.on_device:
        prepared = wiring.on_device(prepared)
    say(f"building the network: {recipe.model.name}")
    step = wiring.training_step(recipe, wiring.networks(recipe, prepared))
    step.compile(wiring.optimizer(recipe.train), weighted_metrics=[accuracy()])

    def on_round(record: RoundRecord) -> None:
        folder.append_round(record.row())
        say(round_line(record))

    tssd = wiring.callback(recipe, prepared, on_round)
    feed = tssd.feed(recipe.train.batch_size, model=step)
    epochs = EpochRecord([*step.networks, *step.averaged], prepared, recipe.train, folder, say)
    return Training(recipe, prepared, step, tssd, feed, epochs)


def train(training: Training, folder: RunFolder, say: Say) -> None:
    """Write down what is trained on, then train: each epoch under its learning rate, recorded."""
    recipe, prepared = training.recipe, training.prepared
    backend = keras.backend.backend()
    with ctrl_c_held(say):
        folder.write_recipe(saved_recipe(recipe, backend))
        folder.write_labels(prepared.given, prepared.labels_sha256)
        folder.write_findings(prepared)
    say(describe(recipe, prepared, most=BAD_IMAGES_NAMED))
    say(f"backend: {backend}; run folder: {folder.path}")
    tssd = training.tssd
    epoch_bars = epoch_bar.EpochBar(lambda: tssd.steps)
    with ctrl_c_noted() as came:
        training.step.fit(
            training.feed,
            epochs=recipe.train.epochs,
            callbacks=[
                *(tssd, *wiring.schedules(recipe, tssd)),
                *(epoch_bars, training.epochs, _stop_if(came)),
            ],
            shuffle=False,
            verbose=0,
        )


def _stop_if(came: Callable[[], bool]) -> keras.callbacks.Callback:
    """Stop the fit, before a batch or after an epoch, by a Ctrl-C that came and Python dropped."""

    def stop(*_, logs=None) -> None:
        if came():
            raise KeyboardInterrupt

    return keras.callbacks.LambdaCallback(on_train_batch_begin=stop, on_epoch_end=stop)


def finish(training: Training, folder: RunFolder, summary: dict) -> None:
    """Write the files of the end: the sample table, the network, the summary, streams, plots."""
    prepared, tssd = training.prepared, training.tssd
    names = prepared.data.class_names
    done = bar("writing the run folder", 3)
    folder.write_samples(
        tssd.table,
        names,
        prepared.labels_sha256,
        truth=prepared.truth,
        ids=prepared.data.ids,
        decided=prepared.decided,
    )
    done(1)
    folder.write_network(models.mean_network(training.step.eval_networks), names)
    if tssd.rounds and tssd.rounds[-1].purification.shift:
        folder.write_shift(tssd.rounds[-1].purification.shift)
    folder.write_summary(summary)
    done(1)
    if training.epochs.rows:
        rounds = [record.row() for record in tssd.rounds]
        folder.write_accuracy(training.epochs.rows, rounds, prepared.evaluated_on)
    if tssd.last_round:
        folder.write_streams(_streams(tssd), names, prepared.truth)
    done(1)


def _streams(tssd: TSSD) -> list[Streams]:
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
        )
        for verdict in tssd.last_round
    ]
