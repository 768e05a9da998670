"""The figures of summary.json."""

from __future__ import annotations

import platform

import keras
import numpy as np

from tssd_keras.judge.told import WrongShare
from tssd_keras.labels.prepare import Prepared
from tssd_keras.recipe.recipe import Recipe
from tssd_keras.train import devices
from tssd_keras.train.callback import TSSD
from tssd_keras.train.steps.base_step import BaseStep

LAST = 10  # epochs of `accuracy.mean_last_10`


def summarise(
    recipe: Recipe, prepared: Prepared, tssd: TSSD, epochs: list[dict], step: BaseStep
) -> dict:
    """The figures of a run; None where the truth is unknown or nothing was divided.

    Args:
        recipe: of the run.
        prepared: its data.
        tssd: has the rounds.
        epochs: rows of epochs.csv.
        step: that was trained.
    """
    last_round = tssd.rounds[-1].row() if tssd.rounds else {}
    decided, truth = prepared.decided, prepared.truth
    layout = devices.layout_of(step)
    return {
        "accuracy": _accuracy(prepared.evaluated_on, [row["accuracy"] for row in epochs]),
        **_of_last_round(last_round),
        "effective_noise_rate": prepared.effective_noise_rate,
        "labels_sha256": prepared.labels_sha256,
        "decisions": None if decided is None else decided.summary(prepared.given, truth),
        "samples": _counts(prepared),
        "equal_samples": _equal_samples(prepared),
        "epochs": len(epochs),
        "rounds": len(tssd.rounds),
        "seconds_in_epochs": float(sum(row["seconds"] for row in epochs)),
        "seconds_in_rounds": float(sum(record.seconds.total for record in tssd.rounds)),
        "traces": step.n_traces,
        "objective": recipe.objective.kind,
        "backend": keras.backend.backend(),
        "devices": layout.n,
        "processes": layout.n_processes,
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
    }


def _accuracy(evaluated_on: str, accuracy: list[float]) -> dict[str, object]:
    return {
        "evaluated_on": evaluated_on,
        "best": max(accuracy, default=None),
        "last": accuracy[-1] if accuracy else None,
        "mean_last_10": float(np.mean(accuracy[-LAST:])) if accuracy else None,
    }


def _of_last_round(record: dict) -> dict[str, object]:
    """The figures of the newest round; None where there was none."""
    share = WrongShare.of_row(record)
    return {
        "kept": {
            "count": record.get("kept"),
            "precision": record.get("kept_precision"),
            "recall": record.get("kept_recall"),
            "f1": record.get("kept_f1"),
        },
        "semi_hard": {
            "count": record.get("semi_hard"),
            "purity": record.get("semi_hard_purity"),
            "recall": record.get("semi_hard_recall"),
            "uncertain_purity": record.get("uncertain_purity"),
        },
        "estimated_wrong_share": share.share,
        "no_share": share.why if record else None,
        "nothing_to_tell": record.get("nothing_to_tell"),
        "label_error_auroc": record.get("label_error_auroc"),
        "auroc": {name: record.get(f"auroc_{name}") for name in ("loss", "feature", "q")},
    }


def _counts(prepared: Prepared) -> dict[str, int]:
    truth, stream = prepared.truth, prepared.stream
    return {
        "stream": len(stream),
        "golden": len(prepared.golden_index),
        "evaluated": len(prepared.eval_labels),
        "left_out": len(prepared.data.left_out),
        "true_label_known": 0 if truth is None else int((truth[stream] >= 0).sum()),
    }


def _equal_samples(prepared: Prepared) -> dict[str, int] | None:
    equal = prepared.duplicates
    if equal is None:
        return None
    return {
        "training_in_test": equal.n_train_in_test,
        "training_twice": equal.n_train_copies,
        "training_under_different_labels": equal.n_conflicting,
    }
