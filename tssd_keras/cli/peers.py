"""`python cli.py peers`: a recipe by other methods, beside TSSD. They live in a clone alone."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from tssd_keras.cli.ablate import check_firsts, seeds_of
from tssd_keras.cli.backend import BACKENDS, check_alone, choose_backend
from tssd_keras.cli.options_of_runs import noise_option, seeds_option, set_in_all_option
from tssd_keras.data.whole_file import write_text
from tssd_keras.recipe.toml import RecipeError

LINES, TABLE, LONG, PLOT = "runs.jsonl", "table.md", "table.csv", "peers.png"
BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@click.command()
@click.argument("recipe", required=False, type=click.Path(path_type=Path))
@click.option(
    "--methods", metavar="A,B", help="Which methods, by comma. Default: all that --list names."
)
@seeds_option
@noise_option
@set_in_all_option
@click.option(
    "--peer",
    "own",
    multiple=True,
    metavar="METHOD.KEY=NUMBER",
    help="Change a setting of a method's own, e.g. gce.q=0.5. Can be given again.",
)
@click.option("--backend", type=click.Choice(BACKENDS), help="As for train.")
@click.option(
    "--no-run", is_flag=True, help="Run nothing; make tables and plot of the lines that exist."
)
@click.option("--list", "list_only", is_flag=True, help="List the methods and stop.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of results. Default: runs/peers-RECIPE. Runs with a line there are done.",
)
def peers(
    recipe: Path | None,
    methods: str | None,
    seeds: str,
    noises: tuple[str, ...],
    overrides: tuple[str, ...],
    own: tuple[str, ...],
    backend: str | None,
    no_run: bool,
    list_only: bool,
    out: Path | None,
) -> None:
    """Run RECIPE by other methods, and by TSSD, over noises and seeds.

    All get the same data, noise, network, epochs, order of samples and learning rate. Each run is
    a process of its own and appends a line to runs.jsonl in the folder of results as it ends.
    Stop the command with Ctrl-C; called again it goes on. table.md, table.csv and peers.png are
    made anew each time the command ends. The methods are in benchmarks/peers/ of a clone of the
    repository, not in the wheel.
    """
    rows, names = _module("rows"), _module("").METHODS
    if list_only:
        click.echo(_listed(names))
        return
    if recipe is None:
        raise click.UsageError("Missing argument 'RECIPE', e.g. recipes/digits.toml.")
    check_alone("peers")
    chosen = choose_backend(backend)
    try:
        asked = rows.asked_for(
            recipe,
            overrides,
            noises=noises,
            methods=[name.strip() for name in methods.split(",")] if methods is not None else names,
            seeds=seeds_of(seeds),
            own=own,
        )
    except RecipeError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"cannot read the recipe: {error}.") from error
    out = out or Path("runs") / f"peers-{recipe.stem}"
    lines = _run(rows, [] if no_run else asked, asked, recipe, out, chosen)
    _end([line for line in lines if line.backend == chosen], len(asked), out, no_run)


def _module(name: str) -> ModuleType:
    """A module of benchmarks/peers/, or the package; raises ClickException without a clone."""
    if not (BENCHMARKS / "peers" / "__init__.py").is_file():
        raise click.ClickException(
            "the peers must be there to be run: they are no part of the library but of its "
            f"repository, in benchmarks/peers/, and {BENCHMARKS / 'peers'} is not there. Try "
            "python cli.py peers in a clone of the repository."
        )
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return importlib.import_module(f"peers.{name}" if name else "peers")
    finally:
        sys.path.remove(str(BENCHMARKS))


def _listed(names: dict[str, Any]) -> str:
    """A method a line, with its own settings and its source."""
    width = max(map(len, names))
    return "\n".join(
        f"{name:<{width}}  {method.source}"
        + "".join(f"  {name}.{key}={value}" for key, value in method.own.items())
        for name, method in names.items()
    )


def _run(
    rows: ModuleType, to_run: list, asked: list, recipe: Path, out: Path, backend: str
) -> list[Any]:
    """Run what has no line yet; write tables and plot; the lines of all that was asked for."""
    from tssd_keras.run.ablation_table import plot
    from tssd_keras.run.lines import read_lines

    tables = _module("tables")
    path = out / LINES
    try:
        read_lines(path)  # mistakes in the file are reported before data are loaded
        check_firsts([one.planned for one in to_run], "--methods")
        out.mkdir(parents=True, exist_ok=True)
        for line in rows.run(to_run, recipe, path, backend, say=click.echo):
            click.echo(f"  {line.error}" if line.error else _result(line.summary))
        lines = rows.lines_of(asked, read_lines(path))
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(
            f"--out must be a folder that results can be written to and read from, {out} is not: "
            f"{error}. Try another."
        ) from error
    if not lines:
        return []
    short = tables.short(lines)
    write_text(out / TABLE, short)
    write_text(out / LONG, tables.long(lines))
    plot(out / PLOT, lines)
    click.echo(short)
    return lines


def _end(lines: list[Any], n_asked: int, out: Path, no_run: bool) -> None:
    """Say how far it is, and raise ClickException if runs failed."""
    click.echo(f"{len(lines)} of {n_asked} runs are in {out / LINES}")
    if lines:
        click.echo(f"{TABLE}, {LONG} and {PLOT} are beside it")
    if len(lines) < n_asked:
        click.echo("without --no-run it goes on" if no_run else "the same command goes on")
    failed = sum(bool(line.error) for line in lines)
    if failed:
        raise click.ClickException(
            f"{failed} runs failed, their lines in {out / LINES} say why. To run them again, mend "
            "the cause and remove these lines."
        )


def _result(summary: dict) -> str:
    accuracy, auroc = summary["accuracy"], summary["label_error_auroc"]
    return (
        f"  {accuracy['evaluated_on']} accuracy {accuracy['last']:.4f} at the last epoch, "
        f"{accuracy['best']:.4f} at the best"
        + (f", AUROC {auroc:.4f}" if auroc is not None else "")
        + f", {summary['seconds']:.0f} s, {summary['peak_gib']:.1f} GiB"
    )
