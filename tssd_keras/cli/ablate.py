"""`python cli.py ablate`: what each part of the method is worth on one's own data."""

from __future__ import annotations

from pathlib import Path

import click

from tssd_keras.cli.backend import BACKENDS, choose_backend
from tssd_keras.recipe.toml import RecipeError
from tssd_keras.run.variants import VARIANTS, Planned, firsts, plan

LINES, TABLE, PLOT = "runs.jsonl", "table.md", "ablation.png"


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--seeds", default="0,1,2", show_default=True, help="Of all that is drawn.")
@click.option(
    "--noise",
    "noises",
    multiple=True,
    metavar="KIND:RATE",
    help="Noise in place of the recipe's, e.g. symmetric:0.4. Can be given again.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="VARIANT",
    help="Run this variant only. Can be given again. Default: all that --list names.",
)
@click.option("--no-run", is_flag=True, help="Run nothing: the table and plot of what there is.")
@click.option("--list", "list_only", is_flag=True, help="List the variants and stop.")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="SECTION.KEY=VALUE",
    help="Change one setting of every run. Can be given again.",
)
@click.option("--backend", type=click.Choice(BACKENDS), help="As for train.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the results. Default: runs/ablation-RECIPE. What it has is not run again.",
)
def ablate(
    recipe: Path,
    seeds: str,
    noises: tuple[str, ...],
    only: tuple[str, ...],
    no_run: bool,
    list_only: bool,
    overrides: tuple[str, ...],
    backend: str | None,
    out: Path | None,
) -> None:
    """Run RECIPE with parts of the method left out or added, over noises and seeds.

    Each run appends a line to runs.jsonl in the folder of results as it ends,
    so it can be stopped (Ctrl-C) and goes on when it is called again; two can
    share a folder if their seeds differ. table.md and ablation.png are made
    anew each time it ends.
    """
    if list_only:
        width = max(map(len, VARIANTS))
        for name, settings in VARIANTS.items():
            click.echo(f"{name:<{width}}  {'  '.join(settings)}")
        return
    try:
        planned = plan(
            recipe,
            overrides,
            noises=noises,
            variants=only or VARIANTS,
            seeds=_seeds(seeds),
        )
    except RecipeError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"cannot read the recipe: {error}.") from error
    chosen = choose_backend(backend)
    from tssd_keras.run import ablation, ablation_table

    out = out or Path("runs") / f"ablation-{recipe.stem}"
    path = out / LINES
    to_run = [] if no_run else planned
    try:
        ablation.read_lines(path)  # what is wrong with it is told before anything is loaded
        for first in firsts(to_run):
            _check_data(first)
        out.mkdir(parents=True, exist_ok=True)
        for line in ablation.run(to_run, path, say=click.echo):
            click.echo(f"  {line.error}" if line.error else _result(line.summary))
        lines = ablation.of_plan(planned, ablation.read_lines(path))
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(
            f"--out must be a folder that results can be written to and read from, {out} is not: "
            f"{error}. Try another."
        ) from error
    (out / TABLE).write_text(ablation_table.table(lines), encoding="utf-8")
    ablation_table.plot(out / PLOT, lines)
    click.echo(ablation_table.table(lines))
    here = [line for line in lines if line.backend == chosen]
    click.echo(f"{len(here)} of {len(planned)} runs are in {path}; {TABLE} and {PLOT} beside it")
    if len(here) < len(planned):
        click.echo("without --no-run it goes on" if no_run else "the same command goes on")
    failed = sum(bool(line.error) for line in here)
    if failed:
        raise click.ClickException(
            f"{failed} runs failed, their lines in {path} say why. To run them again, mend the "
            "cause and remove these lines."
        )


def _check_data(one: Planned) -> None:
    """Raise ClickException if a run's data do not fit its recipe."""
    from tssd_keras.data import loading
    from tssd_keras.labels import prepare

    try:
        prepare.prepare(one.recipe, loading.load(one.recipe.data, one.recipe.golden))
    except (ValueError, OSError) as error:
        raise click.ClickException(
            f"{error}\n  That is of the run {one.title}. Change it, or name those that fit with "
            "--only."
        ) from error


def _seeds(text: str) -> tuple[int, ...]:
    try:
        seeds = tuple(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        raise RecipeError(f"--seeds takes whole numbers, as 0,1,2; got {text!r}") from None
    return seeds


def _result(summary: dict) -> str:
    accuracy = summary["accuracy"]
    return (
        f"  {accuracy['evaluated_on']} accuracy {accuracy['last']:.4f} at the last epoch, "
        f"{accuracy['best']:.4f} at the best, {summary['seconds']:.0f} s"
    )
