"""`python cli.py train`: one recipe, one run folder."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tssd_keras.cli.backend import (
    BACKENDS,
    choose_backend,
    load_tensorflow_quietly,
    several_processes,
)
from tssd_keras.cli.recipe_options import load, recipe_argument, set_option, skip_option
from tssd_keras.judge.told import NOTHING_TO_TELL
from tssd_keras.recipe.recipe import Recipe
from tssd_keras.run.folder import RECIPE, RunFolder
from tssd_keras.run.interrupts import Stopped, exit_status
from tssd_keras.run.kept_state import read_kept

if TYPE_CHECKING:
    from tssd_keras.run.experiment import Finished


class _Devices(click.ParamType):
    name = "devices"

    def convert(self, value: str, param: Any, ctx: Any) -> str:
        if value != "all" and not (value.isdecimal() and int(value) >= 1):
            self.fail(f"must be a whole number of at least 1, or all, got {value!r}.", param, ctx)
        return value


DEVICES = _Devices()


@click.command()
@recipe_argument
@click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    help="Default: KERAS_BACKEND, else tensorflow if installed, else jax.",
)
@set_option
@skip_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Run folder, new or empty. Default: runs/DATA-TIME.",
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Go on with a run that was stopped or killed, by its own recipe, data and backend.",
)
@click.option(
    "--devices",
    type=DEVICES,
    metavar="N|all",
    help="Split each batch over so many devices; docs/scale.md. Default: one.",
)
def train(
    recipe: Path | None,
    backend: str | None,
    overrides: tuple[str, ...],
    skip_bad_images: bool,
    out: Path | None,
    resume: Path | None,
    devices: str | None,
) -> None:
    """Train RECIPE (without one: the digits run) and write a run folder.

    The run folder holds the recipe as it was run (again: train
    FOLDER/recipe.toml --backend ...), the labels and their hash, a row an
    epoch, a row a round, the sample table, the network as plain Keras, plots
    and summary.json. Ctrl-C, SIGTERM, SIGHUP or an error ends a run early; the
    files are then of the epochs that had ended. Such a run, and one that was
    killed, goes on by train --resume FOLDER, and ends as if it had never
    stopped. docs/run_folder.md explains the files.

    \b
    Set most often (all: python cli.py settings):
      data.source=folder data.path=FOLDER  your own images, a folder a class
      objective.kind=mixmatch              learn from rejected samples, too: dearer, often better
      objective.kind=plain                 train on all labels as they are
      train.epochs=40 train.warmup_epochs=6
      train.networks=2                     two networks that judge for each other
      model.name=preact_resnet18           for photographs
      golden.source=none                   no label is known to be right
      noise.rate=0.4                       labels that are made wrong, 0: as they are
      train.seed=1 noise.seed=1
    """
    if devices is None and (variable := several_processes()):
        raise click.UsageError(
            f"{variable} is set, so this is one of several processes, and they train together "
            "by --devices all. Give it, or unset the variable."
        )
    try:
        if resume is None:
            loaded = load(recipe, overrides, skip_bad_images)
            finished, chosen = _begin(loaded, backend, out, devices)
        elif recipe or overrides or out or skip_bad_images:
            raise click.UsageError(
                "--resume goes on by the run's own recipe, in its own folder: leave out RECIPE, "
                "--set, --out and --skip-bad-images."
            )
        else:
            finished, chosen = _go_on(resume, backend, devices)
    except Stopped as stopped:
        sys.exit(exit_status(stopped))
    if finished.first:
        _say(finished, chosen)
    if finished.stopped is not None:
        sys.exit(exit_status(finished.stopped))


def _begin(
    recipe: Recipe, backend: str | None, out: Path | None, devices: str | None
) -> tuple[Finished, str]:
    """A new run, and the backend that it ran on."""
    if not several_processes():  # else the first one looks, once it knows that it is
        try:
            out = RunFolder.plan(out, recipe.dataset).path
        except OSError as error:
            raise click.ClickException(str(error)) from error
    chosen = choose_backend(backend)

    def work(experiment: Any) -> Finished:
        return experiment.run(recipe, out=out, say=click.echo)

    return _carried_out(chosen, devices, work), chosen


def _go_on(folder: Path, backend: str | None, devices: str | None) -> tuple[Finished, str]:
    """A run that was stopped, gone on with, and its backend."""
    try:
        kept = read_kept(folder)
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    if backend not in (None, kept.backend):
        raise click.ClickException(
            f"a run goes on with the backend that it began with, {kept.backend}, got --backend "
            f"{backend}. Leave --backend out, or run {folder / RECIPE} anew."
        )
    chosen = choose_backend(kept.backend)

    def work(experiment: Any) -> Finished:
        return experiment.resume(folder, say=click.echo)

    return _carried_out(chosen, devices, work), chosen


def _carried_out(backend: str, devices: str | None, work: Callable[[Any], Finished]) -> Finished:
    """What `work` makes of `run.experiment`, which loads Keras, on so many devices."""
    click.echo(f"loading Keras on {backend}")
    load_tensorflow_quietly()
    from tssd_keras.run import experiment  # not before the backend is chosen
    from tssd_keras.train.devices import chosen

    try:
        with chosen(devices):
            return work(experiment)
    except (ValueError, OSError, RuntimeError) as error:
        raise click.ClickException(str(error)) from error


def _say(finished: Finished, backend: str) -> None:
    """The figures of a run, and what can be done with it."""
    folder = shlex.quote(str(finished.folder))
    click.echo(_table(finished.summary))
    click.echo(f"everything is in {finished.folder}")
    if finished.stopped is not None:
        click.echo(f"go on with it: python cli.py train --resume {folder}")
    again = shlex.quote(str(finished.folder / RECIPE))
    click.echo(f"run it again: python cli.py train {again} --backend {backend}")
    if finished.summary["rounds"]:
        click.echo(f"its wrong labels, as a page: python cli.py audit {folder}")


def _estimated(summary: dict) -> str:
    """The last round's share of wrong labels, or that there is nothing to tell."""
    return NOTHING_TO_TELL if summary["no_share"] else _share(summary["estimated_wrong_share"])


def _table(summary: dict) -> str:
    """The final table: a name and a value a line."""
    accuracy, kept, semi_hard = summary["accuracy"], summary["kept"], summary["semi_hard"]
    on = accuracy["evaluated_on"]
    decided = summary["decisions"]
    rows = [
        (f"{on} accuracy, last epoch", _share(accuracy["last"])),
        (f"{on} accuracy, mean of the last ten", _share(accuracy["mean_last_10"])),
        (f"{on} accuracy, best epoch", _share(accuracy["best"])),
        ("kept samples", "-" if kept["count"] is None else f"{kept['count']:,}"),
        ("  precision", _share(kept["precision"])),
        ("  recall", _share(kept["recall"])),
        ("  F1", _share(kept["f1"])),
        (
            "semi-hard samples mined",
            "-" if semi_hard["count"] is None else f"{semi_hard['count']:,}",
        ),
        ("  purity", _share(semi_hard["purity"])),
        ("label-error AUROC", _share(summary["label_error_auroc"])),
        ("wrong labels, as estimated", _estimated(summary)),
        ("wrong labels in the training split", _share(summary["effective_noise_rate"])),
        *(
            [("decided samples: trained / golden", f"{decided['trained']} / {decided['golden']}")]
            if decided
            else []
        ),
        ("epochs / rounds", f"{summary['epochs']} / {summary['rounds']}"),
        ("seconds", f"{summary['seconds']:.1f}"),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(["", *(f"{name:<{width}}  {value:>8}" for name, value in rows), ""])


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
