"""The score pass: one quiet forward over all samples, in source order."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from tssd_keras.data.inputs import Inputs
from tssd_keras.judge.scores import Scores
from tssd_keras.train import devices
from tssd_keras.train.devices.layout import Layout
from tssd_keras.train.scoring_model import ScoringModel

IN_MEMORY = 1 << 30  # bytes of half-precision results; larger ones are memory-mapped


def fixed_batches(
    inputs: Inputs, index: np.ndarray, batch_size: int, layout: Layout | None = None
) -> Iterator[tuple[slice, Any]]:
    """Samples in order, in batches of one shape; each is read while the one before is used.

    Args:
        inputs: the source.
        index: int64[n], which samples.
        batch_size: B; the last batch is filled up with its first sample.
        layout: of several devices; each process reads its share of a batch of B rows or a few
            more. None: one device.

    Yields:
        The slice of `index` that a batch holds, and the batch [B, ...], or a structure of such.
    """
    layout = layout or Layout()
    size = layout.whole(batch_size)
    share = layout.share(size)

    def batch_from(start: int) -> Any:
        rows = index[start : start + batch_size]
        return inputs.read(np.concatenate([rows, np.repeat(rows[:1], size - len(rows))])[share])

    if not len(index):
        return
    with ThreadPoolExecutor(1) as reader:
        upcoming = reader.submit(batch_from, 0)
        for start in range(0, len(index), batch_size):
            batch = upcoming.result()
            if start + batch_size < len(index):
                upcoming = reader.submit(batch_from, start + batch_size)
            yield slice(start, min(start + batch_size, len(index))), batch


def score_pass(
    model: ScoringModel,
    inputs: Inputs,
    index: np.ndarray,
    labels: np.ndarray,
    *,
    batch_size: int = 1024,
    on_batch: Callable[[int], None] | None = None,
) -> Scores:
    """Score samples.

    Args:
        model: of `scoring_model.scoring_model`.
        inputs: the source.
        index: int64[N], which samples.
        labels: int64[N], the labels whose losses are computed.
        batch_size: of the pass; changes its result by rounding alone.
        on_batch: called with the number of samples done, for a progress bar.

    Returns:
        Scores of the N samples, in the order of `index`. Above 1 GiB the
        half-precision arrays live in a temporary file, not in memory.
    """
    n = len(index)
    d, k = model.widths
    loss = np.empty(n, np.float32)
    features, log_p = half_precision(n, d), half_precision(n, k)
    layout = devices.layout_of(model)
    for rows, batch in fixed_batches(inputs, index, min(batch_size, n), layout):
        size = rows.stop - rows.start
        unit, batch_log_p = (out[:size] for out in devices.predict_on_batch(model, batch))
        features[rows] = unit
        log_p[rows] = batch_log_p
        loss[rows] = -batch_log_p[np.arange(size), labels[rows]]
        if on_batch is not None:
            on_batch(size)
    return Scores(loss, features, log_p)


def half_precision(n: int, width: int) -> np.ndarray:
    """An array [n, width], in memory or in a temporary file that goes with it."""
    if 2 * n * width <= IN_MEMORY:
        return np.empty((n, width), np.float16)
    with tempfile.TemporaryFile() as file:  # the mapping keeps the unlinked file alive
        return np.memmap(file, np.float16, "w+", shape=(n, width))
