"""The command line: parses, calls, prints. `python cli.py --help` or `tssd --help`."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import click

from tssd_keras.cli.ablate import ablate
from tssd_keras.cli.audit import audit
from tssd_keras.cli.backend import BACKENDS, choose_backend
from tssd_keras.cli.compare import compare
from tssd_keras.cli.datasets import datasets
from tssd_keras.cli.relabel import relabel
from tssd_keras.recipe.recipe import DEFAULT
from tssd_keras.recipe.toml import RecipeError, load_recipe, parse_recipe, to_toml
from tssd_keras.run.folder import RunFolder

_recipe = click.argument("recipe", required=False, type=click.Path(path_type=Path))
_set = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="SECTION.KEY=VALUE",
    help="Change one setting, e.g. --set train.epochs=3. Can be given again.",
)
_skip = click.option(
    "--skip-bad-images",
    is_flag=True,
    help="Carry on without the images that cannot be used, and list them.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="tssd_keras")
def main() -> None:
    """Train classifiers on wrong labels.

    Two-Stream Sample Distillation judges each label while the network trains:
    by its loss, and by its place among the samples of its class. Where the two
    disagree, a meta classifier that learned from a few trusted samples
    decides. Samples judged wrong lose their weight.

    \b
    Begin with
      python cli.py train recipes/digits.toml        about a minute
      python cli.py check recipes/digits.toml        what it would do
      python cli.py train recipes/digits.toml --set noise.rate=0.6
      python cli.py noise recipes/digits.toml --out labels.npy
      python cli.py datasets                         what can be trained on
      python cli.py audit RUN                        its wrong labels, as a page
      python cli.py relabel RUN decisions.csv --out labels.csv
      python cli.py compare RUN RUN2                 what the second run gained
    Compare with training on all labels as they are:
      python cli.py train recipes/digits.toml --set objective.kind=plain
    """
    # TensorFlow's own notes on the processor, some of which call themselves errors.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@main.command()
@_recipe
@click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    help="Default: KERAS_BACKEND, else tensorflow if installed, else jax.",
)
@_set
@_skip
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
    and summary.json. Where Ctrl-C or an error ends a run early, these are of
    the epochs that had ended.
    """
    loaded = _load(recipe, overrides, skip_bad_images)
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


@main.command()
@_recipe
@_set
@_skip
def check(recipe: Path | None, overrides: tuple[str, ...], skip_bad_images: bool) -> None:
    """Validate RECIPE, load its data, and say what a run would do. Trains nothing."""
    loaded = _load(recipe, overrides, skip_bad_images)
    from tssd_keras.data import loading
    from tssd_keras.labels.prepare import prepare
    from tssd_keras.run.describe import describe

    click.echo(to_toml(loaded))
    try:
        click.echo(describe(loaded, prepare(loaded, loading.load(loaded.data, loaded.golden))))
    except (ValueError, OSError) as error:
        raise click.ClickException(f"the recipe is in order, its data are not: {error}") from error


@main.command()
@_recipe
@_set
@_skip
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="The labels: .npy (int64 in the source's order), .npz or .csv (with ids and class names).",
)
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    help="The confusion matrix as a PNG. Default: beside the labels.",
)
def noise(
    recipe: Path | None,
    overrides: tuple[str, ...],
    skip_bad_images: bool,
    out: Path,
    picture: Path | None,
) -> None:
    """Write RECIPE's given labels, noise and all, for use elsewhere. Trains nothing.

    The confusion matrix (rows true, columns given) is shown as a picture. The
    labels can be read back with noise.kind = "file".
    """
    loaded = _load(recipe, overrides, skip_bad_images)
    picture = picture or out.with_suffix(".png")
    from tssd_keras.data import loading
    from tssd_keras.run.noise_export import check_files, write_noise

    try:
        check_files(out, picture)  # before minutes of loading
        click.echo(write_noise(loaded, loading.load(loaded.data, loaded.golden), out, picture))
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error


main.add_command(ablate)
main.add_command(audit)
main.add_command(compare)
main.add_command(datasets)
main.add_command(relabel)


def _load(recipe: Path | None, overrides: tuple[str, ...], skip_bad_images: bool = False):
    if skip_bad_images:
        overrides = (*overrides, "data.skip_bad_images=true")
    try:
        if recipe is None:
            return parse_recipe(DEFAULT, overrides, where="the default recipe")
        return load_recipe(recipe, overrides)
    except RecipeError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        known = sorted(str(path) for path in Path("recipes").glob("*.toml"))
        hint = f" Recipes here: {', '.join(known)}." if known else ""
        raise click.ClickException(f"cannot read the recipe: {error}.{hint}") from error


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


if __name__ == "__main__":
    main()
