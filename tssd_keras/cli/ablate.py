"""`python cli.py ablate`: a recipe with parts of the method left out or added."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tssd_keras.cli.backend import BACKENDS, check_alone, choose_backend, load_tensorflow_quietly
from tssd_keras.cli.options_of_runs import noise_option, seeds_option, set_in_all_option
from tssd_keras.data.whole_file import write_text
from tssd_keras.recipe.toml import RecipeError
from tssd_keras.run.variants import VARIANTS, Planned, firsts, plan

if TYPE_CHECKING:
    from tssd_keras.run.lines import Line

LINES, TABLE, PLOT = "runs.jsonl", "table.md", "ablation.png"


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@seeds_option
@noise_option
@click.option(
    "--only",
    multiple=True,
    metavar="VARIANT",
    help="Run this variant only. Can be given again. Default: all that --list names.",
)
@click.option(
    "--no-run", is_flag=True, help="Run nothing; make table and plot of the lines that exist."
)
@click.option("--list", "list_only", is_flag=True, help="List the variants and stop.")
@set_in_all_option
@click.option("--backend", type=click.Choice(BACKENDS), help="As for train.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of results. Default: runs/ablation-RECIPE. Runs with a line there are done.",
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

    Each run appends a line to runs.jsonl in the folder of results as it ends.
    Stop the command with Ctrl-C; called again it goes on. Two can share a
    folder if their seeds differ. table.md and ablation.png are made anew each
    time the command ends.
    """
    if list_only:
        click.echo(_variants())
        return
    check_alone("ablate")
    planned = _plan(recipe, overrides, noises, only or tuple(VARIANTS), seeds)
    chosen = choose_backend(backend)
    out = out or Path("runs") / f"ablation-{recipe.stem}"
    lines = _run([] if no_run else planned, planned, out)
    on_backend = [line for line in lines if line.backend == chosen]
    click.echo(
        f"{len(on_backend)} of {len(planned)} runs are in {out / LINES}; {TABLE} and {PLOT} beside "
        "it"
    )
    if len(on_backend) < len(planned):
        click.echo("without --no-run it goes on" if no_run else "the same command goes on")
    failed = sum(bool(line.error) for line in on_backend)
    if failed:
        raise click.ClickException(
            f"{failed} runs failed, their lines in {out / LINES} say why. To run them again, mend "
            "the cause and remove these lines."
        )


def _variants() -> str:
    """A variant a line, with the settings that make it."""
    width = max(map(len, VARIANTS))
    return "\n".join(f"{name:<{width}}  {'  '.join(changes)}" for name, changes in VARIANTS.items())


def _plan(
    recipe: Path,
    overrides: tuple[str, ...],
    noises: tuple[str, ...],
    variants: tuple[str, ...],
    seeds: str,
) -> list[Planned]:
    """Every run that was asked for; raises ClickException if one cannot be run."""
    try:
        return plan(recipe, overrides, noises=noises, variants=variants, seeds=seeds_of(seeds))
    except RecipeError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"cannot read the recipe: {error}.") from error


def _run(to_run: list[Planned], planned: list[Planned], out: Path) -> list[Line]:
    """Run what has no line yet; write table and plot; the lines of all that was planned."""
    load_tensorflow_quietly()
    from tssd_keras.run import ablation, ablation_table
    from tssd_keras.run.lines import of_plan, read_lines

    path = out / LINES
    try:
        read_lines(path)  # mistakes in the file are reported before data are loaded
        check_firsts(to_run, "--only")
        out.mkdir(parents=True, exist_ok=True)
        for line in ablation.run(to_run, path, say=click.echo):
            click.echo(f"  {line.error}" if line.error else _result(line.summary))
        lines = of_plan(planned, read_lines(path))
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(
            f"--out must be a folder that results can be written to and read from, {out} is not: "
            f"{error}. Try another."
        ) from error
    write_text(out / TABLE, ablation_table.table(lines))
    ablation_table.plot(out / PLOT, lines)
    click.echo(ablation_table.table(lines))
    return lines


def check_firsts(planned: list[Planned], option: str) -> None:
    """Raise ClickException if data do not fit the recipe of a variant's or noise's first run.

    Args:
        planned: the runs.
        option: of the command line, which takes the names of variants.
    """
    from tssd_keras.data import loading
    from tssd_keras.labels import prepare

    for one in firsts(planned):
        try:
            prepare.prepare(one.recipe, loading.load(one.recipe.data, one.recipe.golden))
        except (ValueError, OSError) as error:
            raise click.ClickException(
                f"{error}\n  This concerns the run {one.title}. Change it, or name those that fit "
                f"with {option}."
            ) from error


def seeds_of(text: str) -> tuple[int, ...]:
    """The seeds of an option's text; raises RecipeError."""
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
