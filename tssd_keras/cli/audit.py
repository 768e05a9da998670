"""`python cli.py audit`: the wrong labels of a run, for a person to decide on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from tssd_keras.cli.audit_outputs import audit_outputs, output_options, what_next
from tssd_keras.cli.backend import BACKENDS

NO_SAMPLES = "The samples themselves are not shown: the audit was made with --without-samples."

OF_A_RUN = frozenset({"without_samples"})


def number_of(name: str, default: int, about: str):
    """An option that says how many, 0 or more."""
    kind = click.IntRange(min=0)
    return click.option(f"--{name}", type=kind, default=default, show_default=True, help=about)


@click.command()
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the audit, new or empty. Default: RUN/audit; audit-outputs without RUN.",
)
@click.option(
    "--pictures-mb",
    type=click.FloatRange(min=0),
    default=15.0,
    show_default=True,
    help="Megabytes of pictures in the page, see docs/audit.md.",
)
@number_of("most", 20_000, "Suspects in the page's order to find wrong labels.")
@number_of("kept", 0, "Unsuspected samples on the page, drawn at random.")
@number_of("teaching", 2000, "Samples of the page in the order that teaches the next run.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Seed of these draws.")
@click.option(
    "--without-samples",
    is_flag=True,
    help="Make a page without pictures; the data are not loaded.",
)
@click.option(
    "--originals",
    is_flag=True,
    help="Write the page's images as files beside it, too, as large as they are.",
)
@output_options
@click.option(
    "--backend", type=click.Choice(BACKENDS), help="Backend of Keras, with --golden only."
)
def audit(
    run: Path | None,
    out: Path | None,
    pictures_mb: float,
    most: int,
    kept: int,
    teaching: int,
    seed: int,
    without_samples: bool,
    originals: bool,
    backend: str | None,
    **outputs,
) -> None:
    """Show which labels of RUN are wrong, and let a person decide. Trains nothing.

    RUN is the folder of a run that has ended or was stopped. The audit's
    folder gets report.html (one file, needs no network: look, decide by keys
    or mouse, export decisions.csv), samples.csv and samples.parquet (a row a
    sample), strata.csv, label_issues.csv for users of cleanlab and FiftyOne,
    and tasks for Label Studio. docs/audit.md explains them.

    Without RUN, labels are judged by the outputs of any model. The folder
    gets the same page, samples.csv and summary.json:

    \b
      python cli.py audit --predictions probs.npy --labels y.npy --images photos
    """
    if (run is None) != any(outputs.values()):
        raise click.UsageError("Give either the folder of a run or --predictions and --labels.")
    _check_together(outputs["golden"] is not None, run is None)
    shown = {
        "pictures_mb": pictures_mb,
        "most": most,
        "kept": kept,
        "teaching": teaching,
        "seed": seed,
        "originals": originals,
    }
    if run is None:
        audit_outputs(**outputs, out=out, backend=backend, shown=shown)
        return
    _audit_run(run, out or run / "audit", without_samples, shown)


def _audit_run(run: Path, out: Path, without_samples: bool, shown: dict[str, Any]) -> None:
    """Write the audit of a run; `shown` are settings of `write.Shown`."""
    from tssd_keras.auditing.write import load_samples, relabel_command, write_audit
    from tssd_keras.progress import bar
    from tssd_keras.run.folder import check_free
    from tssd_keras.run.read import of_which_epoch, read_run

    try:
        judged, recipe = read_run(run)
        which = of_which_epoch(run, judged, recipe)
        check_free(out, what="the audit's folder")  # before minutes of loading
        samples = None if without_samples else load_samples(judged, recipe)
        lines = write_audit(
            judged,
            samples,
            out,
            note=" ".join(filter(None, (which, NO_SAMPLES if without_samples else ""))),
            back=relabel_command(run),
            progress=bar,
            **shown,
        )
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    for line in filter(None, (which, *lines, *what_next(out, run))):
        click.echo(line)


def _check_together(golden: bool, outputs: bool) -> None:
    """Raise UsageError if an option was given that has no effect on what is audited."""
    context = click.get_current_context()
    given = {
        option.name
        for option in context.command.params
        if context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
    }
    idle, what = given & {"backend"} if not golden else set(), "needs --golden"
    if outputs and given & OF_A_RUN:
        idle, what = given & OF_A_RUN, "is for the folder of a run"
    for name in sorted(idle):
        raise click.UsageError(f"--{name.replace('_', '-')} {what}.")
