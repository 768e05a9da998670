"""Findings for tests of the audit, made without training."""

import dataclasses

import numpy as np

from tssd_keras.auditing.write import Samples
from tssd_keras.data.inputs import ArrayInputs
from tssd_keras.data.labelled_data import as_ids
from tssd_keras.judge.divide import divide
from tssd_keras.judge.findings import Findings
from tssd_keras.judge.roles import NEGATIVE, POSITIVE, SEMI_HARD, UNCERTAIN
from tssd_keras.judge.streams import Streams
from tssd_keras.judge.top_classes import TopClasses

SHA = "ab" * 32
# Names and texts that a page or a table may stumble over, or run.
HOSTILE = (
    "<script>window.ran = 1</script>",
    '</script><img src=x onerror="window.ran = 2">\' & &lt;',
    "line\nbreak\r\ttab \u2028\u2029\0 {{script}} ${window.ran}",
    "\u202eright to left \u05d0\u05d1\u05d2",
    "long " * 2000,
    '=HYPERLINK("http://x")',
)


def some_streams(given, wrong, n_classes, *, seed=0, transition=True):
    """Streams of samples whose losses and similarities are bimodal."""
    rng = np.random.default_rng(seed)
    n = len(given)
    loss = np.where(wrong, rng.normal(3, 0.3, n), rng.normal(0.2, 0.1, n)).clip(0)
    similarity = np.where(wrong, rng.normal(0.2, 0.05, n), rng.normal(0.8, 0.05, n))
    matrix = np.full((n_classes, n_classes), 0.2 / max(n_classes - 1, 1))
    np.fill_diagonal(matrix, 0.8)
    return Streams.of(
        divide(loss, similarity, given, n_classes),
        loss,
        similarity,
        index=np.arange(n),
        given=given,
        transition=matrix if transition else None,
        top=some_top(given, wrong, n_classes),
        place=some_place(given, wrong, n_classes, rng),
    )


def some_top(given, wrong, n_classes):
    """The suggested class of `some_judged` with .9, the rest evenly."""
    p = np.full((len(given), n_classes), 0.1 / max(n_classes - 1, 1))
    p[np.arange(len(given)), np.where(wrong, (given + 1) % n_classes, given)] = 0.9
    return TopClasses.of_log_p(np.log(p))


def some_place(given, wrong, n_classes, rng):
    """Places near the true class's own axis."""
    place = rng.normal(0, 0.2, (len(given), max(n_classes, 2)))
    place[np.arange(len(given)), np.where(wrong, (given + 1) % n_classes, given)] += 1
    return place / np.linalg.norm(place, axis=1, keepdims=True)


def some_judged(n=300, class_names=("cat", "dog", "fox"), *, seed=0, **change):
    """A third of the samples suspected of a wrong label, in an order that q gives."""
    rng = np.random.default_rng(seed)
    k = len(class_names)
    given = np.arange(n) % k
    wrong = rng.random(n) < 1 / 3
    q = np.where(wrong, rng.uniform(0.01, 0.4, n), rng.uniform(0.6, 0.99, n))
    streams = some_streams(given, wrong, k, seed=seed)
    streams = dataclasses.replace(streams, index=2 * np.arange(n))
    role = np.where(wrong, NEGATIVE, POSITIVE).astype(np.int8)
    role[wrong & (q > 0.3)] = UNCERTAIN
    role[~wrong & (q < 0.65)] = SEMI_HARD
    columns = {
        "name": "own",
        "run": "own",
        "class_names": tuple(class_names),
        "labels_sha256": SHA,
        "index": 2 * np.arange(n),
        "given": given,
        "suggested": np.where(wrong, (given + 1) % k, given),
        "p_suggested": rng.uniform(0.5, 1, n),
        "weight": np.where(wrong, 0.0, np.where(role == SEMI_HARD, q, 1.0)),
        "role": role,
        "p_loss": np.where(wrong, 0.02, 0.98),
        "p_feature": np.where(wrong, 0.3, 0.7),
        "q": q,
        "changed": np.full(n, 4),
        "ids": as_ids([f"id-{i}" for i in range(n)]),
        "streams": (streams,),
        "epochs": [
            {"epoch": str(e), "accuracy": "0.5", "train_accuracy": "0.4", "loss": "1.5"}
            for e in range(1, 4)
        ],
        "rounds": [
            {
                "epoch": "2",
                "kept": str(n // 2),
                "semi_hard": "3",
                "estimated_clean_share": f"{q.mean():.6f}",
            }
        ],
        "summary": {"rounds": 1, "accuracy": {"evaluated_on": "test", "last": 0.5}},
    }
    return Findings(**{**columns, **change})


def some_images(n=300, shape=(8, 8, 1), *, seed=0):
    """Samples that the judged ones' indices point into."""
    images = np.random.default_rng(seed).integers(0, 256, (2 * n, *shape), dtype=np.uint8)
    return Samples(inputs=ArrayInputs(images))
