"""`python cli.py train`: one recipe, one run folder."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from tssd_keras.cli.backend import BACKENDS, choose_backend
from tssd_keras.cli.recipe_options import load, recipe_argument, set_option, skip_option
from tssd_keras.run.folder import RunFolder


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
def train(
    recipe: Path | None,
    backend: str | None,
    overrides: tuple[str, ...],
    skip_bad_images: bool,
    out: Path | None,
) -> None:
    """Train RECIPE (without one: the digits run) and write a run folder.

    The run folder holds the recipe as it was run (again: train
    FOLDER/recipe.toml --backend ...), the labels and their hash, a row an
    epoch, a row a round, the sample table, the network as plain Keras, plots
    and summary.json. Ctrl-C or an error ends a run early; the files are then
    of the epochs that had ended. docs/run_folder.md explains them.
    """
    loaded = load(recipe, overrides, skip_bad_images)
    try:
        out = RunFolder.plan(out, loaded.dataset).path
    except OSError as error:
        raise click.ClickException(str(error)) from error
    chosen = choose_backend(backend)
    click.echo(f"loading Keras on {chosen}")
    from tssd_keras.run import experiment  # loads Keras: not before the backend is chosen

    try:
        finished = experiment.run(loaded, out=out, say=click.echo)
    except (ValueError, OSError, RuntimeError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(_table(finished.summary))
    again = shlex.quote(str(finished.folder / "recipe.toml"))
    click.echo(f"everything is in {finished.folder}")
    click.echo(f"run it again: python cli.py train {again} --backend {chosen}")
    if finished.summary["rounds"]:
        run = shlex.quote(str(finished.folder))
        click.echo(f"its wrong labels, as a page: python cli.py audit {run}")
    if finished.interrupted:
        sys.exit(130)


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
