"""`python cli.py audit --predictions ...`: labels judged by the outputs of any model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np

from tssd_keras.cli.backend import choose_backend

FOLDER = "audit-outputs"

_FILE = click.Path(path_type=Path)
_OPTIONS = (
    click.option(
        "--predictions",
        type=_FILE,
        help="float[N, K], a model's probabilities, of samples that it was not trained on.",
    ),
    click.option("--labels", type=_FILE, help="int[N], the given labels; needs --predictions."),
    click.option("--features", type=_FILE, help="float[N, d], features of the samples."),
    click.option("--golden", type=_FILE, help="int[N], true labels, -1 where nobody knows."),
    click.option("--logits", is_flag=True, help="The predictions are logits."),
    click.option("--classes", type=_FILE, help="Text file, a class name a line."),
)


def output_options(command: Callable) -> Callable:
    """Give a click command the options that `audit_outputs` takes, all but out and backend."""
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
) -> None:
    """Judge labels by a model's outputs; write samples.csv and summary.json.

    Args:
        predictions, labels, features, golden: .npy files.
        logits: whether predictions are logits.
        classes: a text file.
        out: folder, new or empty; None: `FOLDER`.
        backend: of Keras, which only `golden` needs; see `backend_choice`.

    Raises:
        click.ClickException: a file or an array is not what it must be; nothing was written.
    """
    from tssd_keras.auditing.outputs import audit
    from tssd_keras.auditing.outputs_files import read_array, read_class_names
    from tssd_keras.run.folder import RunFolder

    if predictions is None or labels is None:
        raise click.ClickException("--predictions and --labels go together, one is not there.")
    try:
        folder = RunFolder.plan(out or Path(FOLDER), "audit")
        p, given = read_array("--predictions", predictions), read_array("--labels", labels)
        names = None
        if classes is not None:
            names = read_class_names(classes, p.shape[-1] if p.ndim else 0)
        rows = None if features is None else read_array("--features", features)
        known = None if golden is None else read_array("--golden", golden)
        if known is not None:
            choose_backend(backend)
        found = audit(p, given, rows, known, from_logits=logits)
        folder.make()
        found.write_csv(folder.path / "samples.csv", names)
    except (ValueError, TypeError, OSError) as error:
        raise click.ClickException(str(error)) from error
    suspects = int(found.suspect.sum())
    roles, counts = np.unique(found.role.astype(str), return_counts=True)
    judged = len(found.order)
    summary = {
        "samples": len(found),
        "judged": judged,
        "suspects": suspects,
        "estimated_wrong_share": float(np.nanmean(1 - found.score))
        if not np.isnan(found.score).all()
        else None,
        "roles": dict(zip(roles.tolist(), counts.tolist(), strict=True)),
        "loss_abstains": found.loss_abstains,
        "classes_whose_features_abstain": int(found.feature_abstains.sum()),
        "notes": list(found.notes),
    }
    (folder.path / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    for note in found.notes:
        click.echo(f"note: {note}")
    click.echo(f"{suspects:,} of {judged:,} labels are no likelier to be right than wrong")
    click.echo(f"everything is in {folder.path}")
