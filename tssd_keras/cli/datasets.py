"""`python cli.py datasets`: data sets with a name, which are ready, how to get the rest."""

from __future__ import annotations

import textwrap
from pathlib import Path

import click

from tssd_keras.data.named.catalogue import CATALOGUE, MANUAL, Entry, Ready, find_prepared
from tssd_keras.data.named.data_dir import default_data_dir
from tssd_keras.data.named.local_files import FILES, describe
from tssd_keras.data.named.one_writer import one_writer
from tssd_keras.recipe.checks import did_you_mean
from tssd_keras.recipe.data_sections import DataRecipe

WIDTH = 100

_data_dir = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="TFDS folder. Default: TFDS_DATA_DIR, else data/tfds.",
)


@click.group(invoke_without_command=True)
@_data_dir
@click.pass_context
def datasets(context: click.Context, data_dir: Path | None) -> None:
    """List the data sets with a name: which are ready, how to get the rest.

    Data sets of your own need no preparing: data.source folder, table or npz.
    """
    context.obj = data_dir
    if context.invoked_subcommand is None:
        try:
            click.echo(listing(_folder(data_dir)))
        except (ValueError, OSError) as error:
            raise click.ClickException(str(error)) from error


@datasets.command()
@click.argument("name")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    help="Folder that holds the files. Default: downloads/manual in the TFDS folder.",
)
@_data_dir
@click.pass_context
def prepare(context: click.Context, name: str, source: Path | None, data_dir: Path | None) -> None:
    """Make the data set NAME ready, from files that you have. Nothing is downloaded.

    Archives of Fashion-MNIST and CIFAR must have the published hash. No hash is
    published for other files; they must be of the right form. The data set is
    written whole or not at all, and what a killed process left half written is
    removed. A data set that is ready is left alone.
    """
    if name not in CATALOGUE:
        raise click.ClickException(
            f"NAME must be one of {', '.join(CATALOGUE)}, got {name!r}"
            f"{did_you_mean(name, CATALOGUE) or '.'}"
        )
    into = _folder(data_dir or context.obj)
    folder = (source or into / MANUAL).expanduser()
    entry = CATALOGUE[name]
    try:
        prepared = None if entry.built_in else find_prepared(name, into)
        if entry.built_in or prepared:
            click.echo(f"{name} is ready already, nothing was written.{_counts(prepared)}")
            click.echo(_use(entry))
            return
        if entry.own_tool:
            raise click.ClickException(
                f"{name} cannot be made ready without a network.\n{how(name, entry, into)}"
            )
        if not folder.is_dir():
            raise FileNotFoundError(
                f"the files of {name} must lie in a folder, {folder.absolute()} is none. Put them "
                f"there, or name the folder with --from.\n{how(name, entry, into)}"
            )
        with one_writer(into, name):
            _write(name, folder, into)
        written = find_prepared(name, into)
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"preparing needs TensorFlow Datasets, {error.name} is not installed. Try "
            "pip install 'tssd_keras[tensorflow]'."
        ) from error
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{name} is ready.{_counts(written)}")
    click.echo(_use(entry))


def _write(name: str, folder: Path, data_dir: Path) -> None:
    if name in FILES:
        from tssd_keras.data.named import local_builder

        local_builder.prepare(name, folder, data_dir)
    elif name == "tiny_imagenet":
        from tssd_keras.data.named import tiny_imagenet

        tiny_imagenet.prepare(data_dir, folder=folder)
    else:
        from tssd_keras.data.named import clothing1m_prepare

        clothing1m_prepare.prepare(folder, data_dir)


def _folder(given: Path | None) -> Path:
    return default_data_dir(DataRecipe(data_dir=str(given or "")))


def _counts(prepared: Ready | None) -> str:
    """Where a prepared data set lies, and the samples of its splits, below one another."""
    if prepared is None:
        return ""
    counts = "".join(f"\n  {split:<12}{n:>10,}" for split, n in prepared.counts.items())
    return f"\n  {prepared.path.absolute()}{counts}"


def _use(entry: Entry) -> str:
    return f"In a recipe: {' '.join(f'--set {setting}' for setting in entry.settings)}"


def listing(data_dir: Path) -> str:
    """The table of data sets, then how to get those that are not ready."""
    prepared = {name: find_prepared(name, data_dir) for name in CATALOGUE}
    rows = [("data set", "ready", "what it is")]
    for name, entry in CATALOGUE.items():
        rows.append((name, _state(entry, prepared[name], data_dir), entry.what))
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    lines = [f"Looked in {data_dir.absolute()}", ""]
    lines += [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c}" for a, b, c in rows]
    lines += [
        "",
        "Your own need no preparing: data.source folder, table or npz, see docs/own_data.md.",
    ]
    rest = [n for n, entry in CATALOGUE.items() if not (entry.built_in or prepared[n])]
    if rest:
        lines += [
            "",
            "To get the rest, put the files into a folder, as they are, and run",
            "  python cli.py datasets prepare NAME --from FOLDER",
            f"Without --from they are looked for in {(data_dir / MANUAL).absolute()}",
        ]
        lines += [f"\n{how(name, CATALOGUE[name], data_dir)}" for name in rest]
    return "\n".join(lines)


def _state(entry: Entry, prepared: Ready | None, data_dir: Path) -> str:
    if entry.built_in:
        return "yes, built in"
    return f"yes, {prepared.path.relative_to(data_dir)}" if prepared else "no"


def how(name: str, entry: Entry, data_dir: Path) -> str:
    """The files that a data set needs, where they come from, and which of them lie in place."""
    manual = data_dir / MANUAL
    lines = [f"{name} needs"]
    for file in entry.files:
        in_place = " (lies there)" if (manual / file.name).exists() else ""
        lines.append(f"  {describe(file)}{in_place}")
    if entry.note:
        lines += textwrap.wrap(entry.note, WIDTH, initial_indent="  ", subsequent_indent="  ")
    if entry.own_tool:
        lines.append(f"  {entry.own_tool.format(data_dir=data_dir, folder='FOLDER')}")
    lines.append(f"  {_use(entry)}")
    return "\n".join(lines)
