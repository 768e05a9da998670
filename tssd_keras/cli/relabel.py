"""`python cli.py relabel`: people's decisions on a run's suspects, applied to its labels."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from tssd_keras.labels.decisions.table import ACTIONS


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("decisions", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="The labels, a new CSV file with a row a sample of the training split; or .npy, labels "
    "alone.",
)
@click.option(
    "--audit",
    type=click.Path(path_type=Path),
    help="Folder of the audit that the decisions were made in. Default: RUN/audit.",
)
def relabel(run: Path, decisions: Path, out: Path, audit: Path | None) -> None:
    """Apply DECISIONS, which the page of RUN's audit exported, to RUN's given labels.

    RUN is a run's folder, or that of an audit of a model's outputs.

    Decisions that do not fit (another run's, an unknown sample or class, two different
    decisions on one sample) are listed together, and nothing is written.

    \b
    A second run uses the file:
      python cli.py train RUN/recipe.toml --set golden.decisions=labels.csv --out RUN2
      python cli.py compare RUN RUN2
    """
    from tssd_keras.auditing.relabel import labels_alone
    from tssd_keras.auditing.relabel import relabel as apply
    from tssd_keras.run.folder import RECIPE

    try:
        applied = apply(run, decisions, out, audit=audit)
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    count = sum(applied.actions.values())
    by_action = ", ".join(f"{applied.actions.get(name, 0):,} {name}" for name in ACTIONS)
    click.echo(f"{count:,} decisions applied ({by_action}); {applied.changed:,} labels changed")
    if applied.unsure:
        click.echo(f"{applied.unsure:,} samples of which somebody was not sure keep their label")
    if applied.before:
        click.echo(f"{applied.before:,} earlier decisions of the run stay")
    trained_here = (run / RECIPE).is_file()  # a model's outputs are not
    if trained_here and labels_alone(out):
        click.echo(
            "golden.decisions takes a .csv, which says who decided on what: --out labels.csv"
        )
    if not trained_here or labels_alone(out):
        click.echo(f"{out} has a label for each sample, with the decisions: train your model on it")
        return
    recipe, setting = (shlex.quote(s) for s in (f"{run}/recipe.toml", f"golden.decisions={out}"))
    click.echo(f"train with them: python cli.py train {recipe} --set {setting} --out RUN2")
    click.echo(f"see what they gained: python cli.py compare {shlex.quote(str(run))} RUN2")
