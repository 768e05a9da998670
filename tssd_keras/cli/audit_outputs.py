"""`python cli.py audit --predictions ...`: labels judged by the outputs of any model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from tssd_keras.cli.backend import choose_backend, load_tensorflow_quietly
from tssd_keras.data.whole_file import write_text

if TYPE_CHECKING:
    from tssd_keras.auditing.label_audit import LabelAudit
    from tssd_keras.auditing.outputs_files import ToShow

FOLDER = "audit-outputs"

_FILE = click.Path(path_type=Path)
_OPTIONS = (
    click.option(
        "--predictions",
        type=_FILE,
        help="float[N, K], probabilities of a model that was not trained on these samples.",
    ),
    click.option("--labels", type=_FILE, help="int[N], the given labels; needs --predictions."),
    click.option("--features", type=_FILE, help="float[N, d], features of the samples."),
    click.option("--golden", type=_FILE, help="int[N], true labels, -1 where unknown."),
    click.option("--logits", is_flag=True, help="The predictions are logits."),
    click.option("--classes", type=_FILE, help="Text file, a class name a line."),
    click.option(
        "--images",
        type=_FILE,
        help="Folder of N image files, sorted by path, or .npy of images: what the page shows.",
    ),
    click.option("--files", type=_FILE, help="Text file, a file of --images a line, in order."),
    click.option("--texts", type=_FILE, help="Text file, a text a line, or .npy of texts."),
    click.option("--columns", type=_FILE, help="Text file, a column of --features a line."),
)


def output_options(command: Callable) -> Callable:
    """Give a click command the options that `audit_outputs` takes by name."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def audit_outputs(
    *,
    predictions: Path | None,
    labels: Path | None,
    features: Path | None,
    golden: Path | None,
    logits: bool,
    classes: Path | None,
    out: Path | None,
    backend: str | None = None,
    shown: dict[str, Any],
    **to_show: Path | None,
) -> None:
    """Judge labels by a model's outputs; write the page, samples.csv and summary.json.

    Args:
        predictions, labels, features, golden: .npy files.
        logits: whether predictions are logits.
        classes: a text file.
        out: folder, new or empty; None: `FOLDER`.
        backend: of Keras, which only `golden` needs; see `choose_backend`.
        shown: settings of the page, see `write.Shown`.
        to_show: images, files, texts and columns, see `outputs_files.read_to_show`.

    Raises:
        click.ClickException: a file or an array is not what it must be; nothing was written.
    """
    from tssd_keras.auditing.outputs import audit
    from tssd_keras.auditing.outputs_files import read_array, read_class_names, read_to_show
    from tssd_keras.run.folder import check_free

    if predictions is None or labels is None:
        raise click.ClickException("--predictions and --labels go together: give both.")
    folder = out or Path(FOLDER)
    try:
        check_free(folder, what="the audit's folder")
        p, given = read_array("--predictions", predictions), read_array("--labels", labels)
        names = None
        if classes is not None:
            names = read_class_names(classes, p.shape[-1] if p.ndim else 0)
        rows = None if features is None else read_array("--features", features)
        truth = None if golden is None else read_array("--golden", golden)
        seen = read_to_show(len(p) if p.ndim else 0, features=rows, **to_show)
        if truth is not None:
            choose_backend(backend)
            load_tensorflow_quietly()
        audited = audit(p, given, rows, truth, from_logits=logits)
        lines = _write(audited, folder, names, seen, shown)
    except (ValueError, TypeError, OSError) as error:
        raise click.ClickException(str(error)) from error
    for note in (*audited.notes, *filter(None, [seen.note])):
        click.echo(f"note: {note}")
    click.echo(f"estimated wrong labels: {_estimate(audited)}")
    click.echo(
        f"{audited.suspect.sum():,} of {len(audited.order):,} labels are no likelier to be right "
        "than wrong"
    )
    for line in (*lines, *what_next(folder, folder)):
        click.echo(line)


def what_next(folder: Path, run: Path) -> tuple[str, ...]:
    """Where the page of an audit's folder is, and what becomes of its decisions, a line each.

    Args:
        folder: of the audit.
        run: of the run, or of the audit of a model's outputs.
    """
    from tssd_keras.auditing.write import relabel_command

    page = (folder / "report.html").absolute().as_uri()
    return (
        f"everything is in {folder}",
        f"open {page} in a browser, decide, and export decisions.csv; then:",
        f"  {relabel_command(run)}",
    )


def _write(
    audited: LabelAudit,
    folder: Path,
    names: tuple[str, ...] | None,
    seen: ToShow,
    shown: dict[str, Any],
) -> list[str]:
    """Write the folder; what a person should know of the page, a line each."""
    from tssd_keras.auditing.judged_labels import as_class_names
    from tssd_keras.auditing.outputs_page import write_page
    from tssd_keras.progress import bar

    lines = write_page(
        audited,
        folder,
        as_class_names(names, audited.n_classes),
        samples=seen.samples,
        files=seen.files,
        ids=seen.ids,
        column_names=seen.column_names,
        progress=bar,
        **shown,
    )
    write_text(folder / "summary.json", json.dumps(_summary(audited), indent=2) + "\n")
    return lines


def _estimate(audited: LabelAudit) -> str:
    """The estimated share of wrong labels, in words."""
    from tssd_keras.judge.told import NOTHING_TO_TELL, at_bound

    share, error = audited.wrong_share, audited.wrong_share_error
    if audited.no_share:
        return NOTHING_TO_TELL
    if at_bound(share, len(audited.order)):
        what = "right" if share > 0.5 else "wrong"
        return f"{share:.1%} (at its bound: fewer than one label is estimated to be {what})"
    return f"{share:.1%}" + ("" if np.isnan(error) else f" (standard error {error:.1%})")


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _summary(audited: LabelAudit) -> dict[str, Any]:
    """What summary.json holds."""
    roles, counts = np.unique(audited.role.astype(str), return_counts=True)
    return {
        "samples": len(audited),
        "judged": len(audited.order),
        "suspects": int(audited.suspect.sum()),
        "estimated_wrong_share": _number(audited.wrong_share),
        "estimated_wrong_share_error": _number(audited.wrong_share_error),
        "no_share": audited.no_share,
        "nothing_to_tell": audited.nothing_to_tell,
        "roles": dict(zip(roles.tolist(), counts.tolist(), strict=True)),
        "loss_abstains": audited.loss_abstains,
        "classes_whose_features_abstain": int(audited.feature_abstains.sum()),
        "notes": list(audited.notes),
    }
