"""`python cli.py compare`: what a second run gained, e.g. by a person's decisions."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
def compare(runs: tuple[Path, ...]) -> None:
    """Compare RUNS on the same labels, the first with the others.

    Accuracy is of the test samples. All else is of the samples that every one of the
    runs judged: a sample that is golden or was decided in one of them counts in none.

    \b
      python cli.py compare RUN RUN2
    """
    from tssd_keras.run_comparison import Compared
    from tssd_keras.run_comparison import compare as read

    try:
        found = read(runs)
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error

    def cells(run: Compared) -> list[str]:
        told = "none" if not any(run.told) else f"{run.told[0]:,} trained, {run.told[1]:,} golden"
        shares = (
            *(run.accuracy[key] for key in ("last", "mean_last_10", "best")),
            run.kept,
            run.suspects,
            run.wrong,
            run.auroc,
        )
        return [str(run.folder), told, *("-" if s is None else f"{s:.4f}" for s in shares)]

    heads = ["", "decisions", "accuracy, last", "accuracy, mean of last 10", "accuracy, best"]
    heads += ["kept", "suspects", "wrong labels, estimated", "AUROC of label errors"]
    for row in zip(heads, *map(cells, found.runs), strict=True):
        click.echo("  ".join(f"{cell:<26}" for cell in row).rstrip())
    click.echo(
        f"kept, suspects, wrong labels and AUROC are of the {found.samples:,} samples that all "
        "judged"
        + ("" if found.truly_wrong is None else f"; {found.truly_wrong:.4f} of them are wrong")
    )
