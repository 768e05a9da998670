"""`python cli.py compare`: what a second run gained, e.g. by a person's decisions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tssd_keras.run.compare import Compared


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
def compare(runs: tuple[Path, ...]) -> None:
    """Compare RUNS on the same labels, each with the first.

    Differences from the first run stand in brackets. Accuracy is measured on the samples that
    its row names, test or validation. The rows below it are of the samples that all runs
    judged: a sample that is golden or was decided on in one run counts in none; but the estimated
    share of wrong labels is of all that the run itself judged. AUROC measures how well wrong
    labels are told from right ones, where the truth is known.

    \b
      python cli.py compare RUN RUN2
    """
    from tssd_keras.run.compare import compare as read

    try:
        comparison = read(runs)
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    table = list(
        zip(HEADS, *(_cells(run, comparison.runs[0]) for run in comparison.runs), strict=True)
    )
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
    click.echo(f"{comparison.samples:,} samples were judged by all")
    if comparison.truly_wrong is not None:
        wrong = f"{comparison.truly_wrong:.4f} have a wrong label"
        click.echo(f"of the {comparison.n_truth_known:,} whose truth is known {wrong}")


HEADS = (
    "run",
    "epochs",
    "decisions trained on / golden",
    "accuracy measured on",
    "accuracy, last epoch",
    "accuracy, mean of the last ten",
    "accuracy, best epoch",
    "kept, of what all judged",
    "suspects",
    "wrong labels, as estimated",
    "AUROC of label errors",
)


def _cells(run: Compared, base: Compared) -> list[str]:
    return [
        " ".join(run.folder.name.split()) or str(run.folder),
        f"{run.epochs}{', stopped' * run.stopped}",
        f"{run.decisions[0]:,} / {run.decisions[1]:,}",
        run.evaluated_on,
        *(
            _with_difference(share, of_base)
            for share, of_base in zip(_shares(run), _shares(base), strict=True)
        ),
    ]


def _shares(run: Compared) -> tuple[float | None, ...]:
    accuracy = (run.accuracy[key] for key in ("last", "mean_last_10", "best"))
    return (*accuracy, run.kept, run.suspects, run.wrong, run.auroc)


def _with_difference(share: float | None, of_base: float | None) -> str:
    if share is None:
        return "-"
    if of_base is None or share == of_base:
        return f"{share:.4f}"
    return f"{share:.4f} ({share - of_base:+.4f})"
