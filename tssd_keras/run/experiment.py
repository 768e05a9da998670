"""One recipe, one run. The only module that knows all the others."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tssd_keras import models
from tssd_keras.data import duplicates, loading
from tssd_keras.data.moments import moments_of_some
from tssd_keras.judge.record import RoundRecord
from tssd_keras.judge.streams import Streams, save_streams
from tssd_keras.labels.known import Labels
from tssd_keras.labels.prepare import Prepared, prepare
from tssd_keras.progress import bar
from tssd_keras.recipe.recipe import Recipe, TrainRecipe
from tssd_keras.run import epoch_bar, plots
from tssd_keras.run.describe import SHOWN, describe
from tssd_keras.run.epochs import EpochRecord
from tssd_keras.run.folder import RunFolder
from tssd_keras.run.interrupts import ctrl_c_held
from tssd_keras.run.saved_recipe import saved_recipe
from tssd_keras.train.augment import Augment
from tssd_keras.train.callback import TSSD
from tssd_keras.train.device_inputs import DeviceInputs
from tssd_keras.train.learning_rate import learning_rate
from tssd_keras.train.settings import Drawing
from tssd_keras.train.steps import Mixmatch, accuracy, mixmatch_step, weighted_step
from tssd_keras.train.steps.base_step import BaseStep
from tssd_keras.train.steps.mixmatch import lambda_u_by_noise
from tssd_keras.train.steps.semi_supervised import SemiSupervisedSchedule

SEEDS_APART = 1_000_003  # from one network's seed to the next one's
LAST = 10  # epochs of `accuracy.mean_last_10`


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


def run(recipe: Recipe, *, out: Path | None = None, say: Callable[[str], None] = print) -> Finished:
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
    say(f"preparing data: {recipe.dataset}")
    prepared = prepare(recipe, loading.load(recipe.data, recipe.golden))
    if recipe.train.on_device:
        prepared = on_device(prepared)
    say(f"building the network: {recipe.model.name}")
    step = update(recipe, networks(recipe, prepared))
    step.compile(optimizer(recipe.train), weighted_metrics=[accuracy()])
    tssd = callback(recipe, prepared, say, folder)
    feed = tssd.feed(recipe.train.batch_size, model=step)
    epochs = EpochRecord([*step.networks, *step.averaged], prepared, recipe.train, folder, say)
    folder.make()
    stopped: BaseException | None = None
    try:
        with ctrl_c_held(say):
            folder.write_text("recipe.toml", saved_recipe(recipe, keras.backend.backend()))
            folder.write_labels(prepared.given, prepared.labels_sha256)
            write_findings(folder, prepared)
        say(describe(recipe, prepared, most=SHOWN))
        say(f"backend: {keras.backend.backend()}; run folder: {folder.path}")
        fit(step, feed, tssd, epochs, recipe)
    except (Exception, KeyboardInterrupt) as error:
        stopped = error
    interrupted = isinstance(stopped, KeyboardInterrupt)
    with contextlib.suppress(KeyboardInterrupt), ctrl_c_held(say):
        if stopped is not None:
            say(f"{'interrupted' if interrupted else 'failed'}: writing down what there is")
            epochs.restore()
        summary = summarise(recipe, prepared, tssd, epochs.rows, step)
        summary["interrupted"] = interrupted
        summary["error"] = None
        if stopped is not None and not interrupted:
            summary["error"] = f"{type(stopped).__name__}: {stopped}"
        summary["seconds"] = round(time.perf_counter() - start, 3)
        finish(folder, prepared, tssd, models.mean_network(step.eval_networks), summary)
    if stopped is not None and not interrupted:
        say(f"what there was before the error is in {folder.path}")
        raise stopped
    return Finished(folder.path, summary, interrupted)


def on_device(prepared: Prepared) -> Prepared:
    """The same data, with training and judged samples in the device's memory."""
    data = dataclasses.replace(prepared.data, inputs=DeviceInputs(prepared.data.inputs))
    judged = DeviceInputs(prepared.eval_inputs)
    return dataclasses.replace(prepared, data=data, eval_inputs=judged)


def networks(recipe: Recipe, prepared: Prepared) -> list[keras.Model]:
    """The recipe's network, or several of its kind with initial weights of their own."""
    moments = None
    if recipe.model.normalise:
        inputs, seed = prepared.data.inputs, recipe.train.seed
        moments = moments_of_some(inputs, prepared.stream, seed=seed)
    return [
        models.build(
            recipe.model.name,
            prepared.data.inputs.shape[1:],
            str(prepared.data.inputs.dtype),
            len(prepared.data.class_names),
            width=recipe.model.width,
            seed=recipe.train.seed + i * SEEDS_APART,
            weights=recipe.model.weights,
            precision=recipe.train.precision,
            moments=moments,
        )
        for i in range(recipe.train.networks)
    ]


def update(recipe: Recipe, networks: list[keras.Model]) -> BaseStep:
    """The training step of the recipe's objective."""
    settings: dict[str, Any] = {
        "weight_decay": recipe.train.weight_decay,
        "augment": Augment(**dataclasses.asdict(recipe.augment)),
        "ema": recipe.train.ema,
        "seed": recipe.train.seed,
    }
    if recipe.objective.kind != "mixmatch":
        return weighted_step(networks, **settings)
    return mixmatch_step(
        networks,
        settings=Mixmatch(
            temperature=recipe.objective.temperature,
            alpha=recipe.objective.alpha,
            penalty=recipe.objective.warmup_penalty,
            weak_guesses=recipe.objective.weak_guesses,
        ),
        **settings,
    )


def fit(step: BaseStep, feed, tssd: TSSD, epochs: EpochRecord, recipe: Recipe) -> None:
    """Train, every epoch under its learning rate, with rounds and records."""
    train = recipe.train
    schedule = [keras.callbacks.LearningRateScheduler(lambda epoch: learning_rate(train, epoch))]
    if recipe.objective.kind == "mixmatch":
        schedule.append(
            SemiSupervisedSchedule(
                train.warmup_epochs, recipe.objective.ramp_epochs, lambda_u(recipe, tssd)
            )
        )
    step.fit(
        feed,
        epochs=train.epochs,
        callbacks=[tssd, *schedule, epoch_bar.EpochBar(lambda: tssd.steps), epochs],
        shuffle=False,
        verbose=0,
    )


def lambda_u(recipe: Recipe, tssd: TSSD) -> Callable[[], float]:
    """Gives the weight of the unlabelled loss; "auto": by the noise that the last round sees."""
    weight = recipe.objective.lambda_u
    if not isinstance(weight, str):
        return lambda: weight

    def by_noise() -> float:
        last = tssd.rounds[-1]
        clean = last.purification.estimated_clean_share
        if clean is None:
            judged = tssd.table.drawn & (tssd.table.decided < 0)
            clean = last.roles.kept / int(judged.sum())
        return lambda_u_by_noise(1 - clean, tssd.n_classes)

    return by_noise


def write_findings(folder: RunFolder, prepared: Prepared) -> None:
    """What was found in the data, and decided: left out images, equal samples, decisions."""
    data = prepared.data
    if prepared.decided is not None:
        prepared.decided.write_csv(
            folder.path / "decided.csv", prepared.given, data.class_names, data.ids
        )
    for left_out in data.left_out:
        folder.append_row("left_out.csv", vars(left_out))
    if prepared.duplicates is not None and len(prepared.duplicates):
        duplicates.write_csv(
            folder.path / "duplicates.csv",
            prepared.duplicates,
            data.class_names,
            ids=data.ids,
            test_ids=data.test_ids,
        )


def callback(
    recipe: Recipe, prepared: Prepared, say: Callable[[str], None], folder: RunFolder
) -> TSSD:
    """The TSSD callback of a run; under objective "plain" it feeds, and never divides."""
    plain = recipe.objective.kind == "plain"
    given, truth = prepared.given.copy(), prepared.truth
    stream = prepared.stream
    if recipe.golden.train_on and prepared.golden is not None:
        given[prepared.golden_index] = prepared.golden.labels
        stream = np.union1d(stream, prepared.golden_index)

    def on_round(record: RoundRecord) -> None:
        folder.append_row("rounds.csv", record.row())
        say(epoch_bar.round_line(record))

    golden = prepared.golden if recipe.golden.source == "trusted" else recipe.golden.source
    return TSSD(
        prepared.data.inputs,
        Labels(
            given[stream],
            true=None if truth is None else truth[stream],
            decided=None
            if prepared.decided is None
            else prepared.decided.labels(len(given))[stream],
            index=stream,
            n_classes=len(prepared.data.class_names),
        ),
        golden="none" if plain else golden,
        warmup_epochs=None if plain else recipe.train.warmup_epochs,
        drawing=Drawing(
            epoch_samples=recipe.train.balanced_batches * recipe.train.batch_size or None,
            seed=recipe.train.seed,
        ),
        divide=recipe.divide,
        purify=recipe.purify,
        on_round=on_round,
        on_progress=bar,
    )


def optimizer(train: TrainRecipe) -> keras.optimizers.Optimizer:
    """The optimizer of a recipe; weight decay is the step's, not the optimizer's."""
    if train.optimizer == "sgd":
        return keras.optimizers.SGD(train.learning_rate, momentum=train.momentum)
    return keras.optimizers.Adam(train.learning_rate)


def summarise(
    recipe: Recipe, prepared: Prepared, tssd: TSSD, epochs: list[dict], step: keras.Model
) -> dict:
    """The figures of summary.json; None where the truth is unknown or nothing was divided."""
    accuracy = [row["accuracy"] for row in epochs]
    last = tssd.rounds[-1].row() if tssd.rounds else {}
    truth, equal = prepared.truth, prepared.duplicates
    figures = {name: last.get(name) for name in ("kept", "semi_hard", "uncertain")}
    return {
        "accuracy": {
            "evaluated_on": prepared.evaluated_on,
            "best": max(accuracy, default=None),
            "last": accuracy[-1] if accuracy else None,
            "mean_last_10": float(np.mean(accuracy[-LAST:])) if accuracy else None,
        },
        "kept": {
            "count": figures["kept"],
            "precision": last.get("kept_precision"),
            "recall": last.get("kept_recall"),
            "f1": last.get("kept_f1"),
        },
        "semi_hard": {
            "count": figures["semi_hard"],
            "purity": last.get("semi_hard_purity"),
            "recall": last.get("semi_hard_recall"),
            "uncertain_purity": last.get("uncertain_purity"),
        },
        "label_error_auroc": last.get("label_error_auroc"),
        "auroc": {name: last.get(f"auroc_{name}") for name in ("loss", "feature", "q")},
        "effective_noise_rate": prepared.effective_noise_rate,
        "labels_sha256": prepared.labels_sha256,
        "decisions": None
        if prepared.decided is None
        else prepared.decided.summary(prepared.given, truth),
        "samples": {
            "stream": len(prepared.stream),
            "golden": len(prepared.golden_index),
            "judged": len(prepared.eval_labels),
            "left_out": len(prepared.data.left_out),
            "true_label_known": 0 if truth is None else int((truth[prepared.stream] >= 0).sum()),
        },
        "equal_samples": None
        if equal is None
        else {
            "training_in_test": equal.n_train_in_test,
            "training_twice": equal.n_train_copies,
            "training_under_different_labels": equal.n_conflicting,
        },
        "epochs": len(epochs),
        "rounds": len(tssd.rounds),
        "seconds_in_epochs": float(sum(row["seconds"] for row in epochs)),
        "seconds_in_rounds": float(sum(record.seconds.total for record in tssd.rounds)),
        "traces": step.n_traces,
        "objective": recipe.objective.kind,
        "backend": keras.backend.backend(),
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
    }


def finish(
    folder: RunFolder, prepared: Prepared, tssd: TSSD, network: keras.Model, summary: dict
) -> None:
    """Write the files of the end: the sample table, the network, the shift, plots, the summary."""
    table = tssd.table
    done = bar("writing the run folder", 3)
    truth = None if prepared.truth is None else prepared.truth[table.index]
    ids = None if prepared.data.ids is None else prepared.data.ids[table.index]
    table.write_csv(
        folder.path / "samples.csv", prepared.data.class_names, true_labels=truth, ids=ids
    )
    done(1)
    network.save(folder.path / "model.keras")
    folder.write_text("classes.txt", "".join(f"{name}\n" for name in prepared.data.class_names))
    if tssd.rounds and tssd.rounds[-1].purification.shift:
        shift = json.dumps(tssd.rounds[-1].purification.shift, indent=2)
        folder.write_text("shift.json", shift + "\n")
    folder.write_summary(summary)
    done(1)
    epochs = folder.rows("epochs.csv")
    if epochs:
        plots.accuracy(
            folder.path / "accuracy.png", epochs, folder.rows("rounds.csv"), prepared.evaluated_on
        )
    if tssd.last_round:
        streams = [
            Streams.of(
                seen.division,
                seen.loss,
                seen.similarity,
                index=table.index[seen.rows],
                given=table.given[seen.rows],
                transition=seen.transition,
            )
            for seen in tssd.last_round
        ]
        save_streams(folder.path / "streams.npz", streams, prepared.data.class_names)
        seen = tssd.last_round[0]
        given = table.given[seen.rows]
        clean = None
        if truth is not None and (truth[seen.rows] >= 0).all():
            clean = given == truth[seen.rows]
        plots.loss_mixture(folder.path / "loss_stream.png", seen.division, seen.loss, clean)
        plots.feature_mixtures(
            folder.path / "feature_stream.png",
            seen.division,
            seen.similarity,
            given,
            clean,
            prepared.data.class_names,
        )
    done(1)
