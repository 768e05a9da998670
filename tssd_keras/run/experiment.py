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
from tssd_keras.data.whole_file import write_each
from tssd_keras.judge.record import RoundRecord
from tssd_keras.judge.streams import Streams
from tssd_keras.labels.prepare import Prepared, prepare
from tssd_keras.progress import bar
from tssd_keras.recipe.recipe import Recipe
from tssd_keras.run import epoch_bar, wiring
from tssd_keras.run.describe import BAD_IMAGES_NAMED, describe
from tssd_keras.run.epochs import EpochRecord
from tssd_keras.run.first_process import check_same_recipe, files_of_first, kept_by_first
from tssd_keras.run.folder import RunFolder
from tssd_keras.run.go_on import KeepState, computes_on, forget, give_back
from tssd_keras.run.interrupts import ctrl_c_held, ctrl_c_noted
from tssd_keras.run.saved_recipe import saved_recipe
from tssd_keras.run.summary import summarise
from tssd_keras.train import devices
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
        stopped: by Ctrl-C, SIGTERM or SIGHUP; None: it came to its end.
        first: whether this process is the one, of several, whose folder stays.
    """

    folder: Path
    summary: dict
    stopped: KeyboardInterrupt | None
    first: bool = True

    @property
    def interrupted(self) -> bool:
        """Whether it was stopped by Ctrl-C, SIGTERM or SIGHUP."""
        return self.stopped is not None


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
        Exception: training failed, or a file could not be written. The folder then holds what
            there was, and an error of training in summary.json.
    """
    start = time.perf_counter()
    with files_of_first(out, say) as (place, say):
        folder = RunFolder.plan(place, recipe.dataset, say)
        training = set_up(recipe, folder, say)
        folder.make()
        keep = KeepState(training, folder, started=start, streams=[], resumed=[])
        return _carry_out(training, folder, keep, say)


def resume(path: Path, *, say: Say = print) -> Finished:
    """Go on with a run that was stopped or killed, from the last epoch's end that it kept.

    The state is read once nobody else can be at the run: another process may have ended it, or
    gone on with it, just before.

    Args:
        path: the run folder.
        say: takes each line of progress.

    Returns:
        Finished, as if the run had never stopped: on one machine, backend and number of threads
        its files are the same, but for times.

    Raises:
        FileExistsError: the run has not ended: another process is at it.
        ValueError: the run has ended, or the data are others than the run's; the folder is as it
            was, byte for byte.
        FileNotFoundError, Exception: as for `run`.
    """
    with files_of_first(path, say) as (place, say):
        return _resume(place or path, say)


def _resume(path: Path, say: Say) -> Finished:
    """See `resume`; each process with a folder of its own."""
    start = time.perf_counter()
    folder = RunFolder(path, say)
    folder.take(new=False)
    try:
        kept = kept_by_first(path)
        training = set_up(kept.recipe, folder, say)
        sha256, ended = training.prepared.labels_sha256, len(kept.epochs)
        if sha256 != kept.labels_sha256:
            raise ValueError(
                "a run goes on with the labels that it began with: theirs have the hash "
                f"{kept.labels_sha256[:12]}..., those there now {sha256[:12]}... Bring back the "
                "data as they were, or run the recipe anew."
            )
        streams = give_back(kept.state, training.step, training.tssd)
    except BaseException:
        folder.leave()
        raise
    try:
        training.epochs.go_on(kept.epochs)
        folder.go_on(kept.epochs, [record.row() for record in training.tssd.rounds])
    except BaseException:
        folder.release()
        raise
    if (now := computes_on(training.step)) != kept.threads:
        say(
            f"the run began with {kept.threads} and goes on with {now}: its results can differ in "
            "the last digits from those of a run that was not stopped"
        )
    say(f"going on after {ended} of {kept.recipe.train.epochs} epochs")
    resumed = [*kept.resumed, ended]
    started = start - kept.seconds
    keep = KeepState(training, folder, started=started, streams=streams, resumed=resumed)
    return _carry_out(training, folder, keep, say)


def _carry_out(training: Training, folder: RunFolder, keep: KeepState, say: Say) -> Finished:
    """Train, and write down what came of it."""
    stopped: BaseException | None = None
    try:
        train(training, folder, keep, say)
    except (Exception, KeyboardInterrupt) as error:
        stopped = error
    came = stopped if isinstance(stopped, KeyboardInterrupt) else None
    failed = None if came else stopped
    with contextlib.suppress(KeyboardInterrupt), ctrl_c_held(say):
        if stopped is not None:
            say(f"{'failed' if failed else 'interrupted'}: writing down what there is")
            training.epochs.restore()
        summary = _summary(training, keep, stopped)
        unwritten = finish(training, folder, summary, keep.streams)
        if stopped is None and not unwritten:
            forget(folder)
        folder.release()
    for what, why in unwritten.items():
        say(f"{what} could not be written: {why}")
    if failed is not None:
        say(f"what there was before the error is in {folder.path}")
        raise failed
    if unwritten:
        raise next(iter(unwritten.values()))
    return Finished(folder.path, summary, came, first=devices.layout().process == 0)


def _summary(training: Training, keep: KeepState, stopped: BaseException | None) -> dict:
    """The contents of summary.json."""
    interrupted = isinstance(stopped, KeyboardInterrupt)
    failed = stopped is not None and not interrupted
    return {
        **summarise(
            training.recipe,
            training.prepared,
            training.tssd,
            training.epochs.rows,
            training.step,
        ),
        "interrupted": interrupted,
        "error": f"{type(stopped).__name__}: {stopped}" if failed else None,
        "resumed": keep.resumed,
        "seconds": round(keep.seconds, 3),
    }


def set_up(recipe: Recipe, folder: RunFolder, say: Say) -> Training:
    """Load the data and build what is trained; the folder is not touched."""
    check_same_recipe(recipe)
    say(f"preparing data: {recipe.dataset}")
    prepared = prepare(recipe, loading.load(recipe.data, recipe.golden))
    if recipe.train.on_device:
        prepared = wiring.on_device(prepared)
    say(f"building the network: {recipe.model.name}")
    with devices.made_here():
        devices.layout().check_updates_at_once(recipe.train.steps_per_execution)
        devices.layout().check_batch(recipe.train.batch_size)
        step = wiring.training_step(recipe, wiring.networks(recipe, prepared))
        step.compile(
            wiring.optimizer(recipe.train),
            weighted_metrics=[accuracy()],
            steps_per_execution=recipe.train.steps_per_execution,
        )

    def on_round(record: RoundRecord) -> None:
        folder.append_round(record.row())
        epochs.line.judged(record)

    tssd = wiring.callback(recipe, prepared, on_round)
    feed = tssd.feed(recipe.train.batch_size, model=step)
    epochs = EpochRecord([*step.networks, *step.averaged], prepared, recipe.train, folder, say)
    return Training(recipe, prepared, step, tssd, feed, epochs)


def train(training: Training, folder: RunFolder, keep: KeepState, say: Say) -> None:
    """Write down what is trained on, then train: each epoch under its learning rate, recorded."""
    recipe, prepared = training.recipe, training.prepared
    backend = keras.backend.backend()
    with ctrl_c_held(say):
        folder.begin(saved_recipe(recipe, backend), prepared)
        keep.write()  # a run that is killed in its first epoch goes on, too
    say(describe(recipe, prepared, most=BAD_IMAGES_NAMED))
    layout = devices.layout_of(training.step)
    on = f" on {layout}" if layout.n > 1 else ""
    say(f"backend: {backend}{on}; run folder: {folder.path}")
    if layout.n_processes > 1:
        say(
            "all processes end within a minute where one of them does; go on with train --resume "
            f"{folder.path} in each"
        )
    tssd, ended = training.tssd, len(training.epochs.rows)
    if ended == recipe.train.epochs:
        return  # it was stopped while its files were written
    epoch_bars = epoch_bar.EpochBar(lambda: tssd.steps)
    with ctrl_c_noted() as came:
        training.step.fit(
            training.feed,
            initial_epoch=ended,
            epochs=recipe.train.epochs,
            callbacks=[
                *(tssd, *wiring.schedules(recipe, tssd)),
                *(epoch_bars, training.epochs, keep, _stop_if(came)),
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


def finish(
    training: Training, folder: RunFolder, summary: dict, streams: list[Streams]
) -> dict[str, Exception]:
    """Write the files of the end, plots last; one that fails does not stop the others.

    Args:
        training: that has ended.
        folder: takes the files.
        summary: the contents of summary.json.
        streams: of the newest round; empty before one.

    Returns:
        What could not be written -> why.
    """
    prepared, tssd = training.prepared, training.tssd
    names = prepared.data.class_names
    rounds = [record.row() for record in tssd.rounds]
    shift = tssd.rounds[-1].purification.shift if tssd.rounds else None
    network = models.mean_network(training.step.eval_networks)
    devices.normalise_together(network, on=False)
    accuracy = (training.epochs.rows, rounds, prepared.evaluated_on)
    writes: dict[str, Callable[[], None] | None] = {
        "the sample table": lambda: folder.write_samples(
            tssd.table,
            names,
            prepared.labels_sha256,
            truth=prepared.truth,
            ids=prepared.data.ids,
            decided=prepared.decided,
        ),
        "the network": lambda: folder.write_network(network, names),
        "shift.json": (lambda: folder.write_shift(shift)) if shift else None,
        "the summary": lambda: folder.write_summary(summary),
        "the streams": (lambda: folder.write_streams(streams, names)) if streams else None,
        "the plot of accuracy": (lambda: folder.write_accuracy(*accuracy))
        if training.epochs.rows
        else None,
        "the plots of the streams": (lambda: folder.plot_streams(streams, names, prepared.truth))
        if streams
        else None,
    }
    due = {what: write for what, write in writes.items() if write is not None}
    return write_each(due, bar("writing the run folder", len(due)))
