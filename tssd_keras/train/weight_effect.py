"""Do the sample weights reach the loss, and do rows that only fill up a batch stay out of it?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from tssd_keras.train.own_networks import own_networks

ROWS = 8  # that a loss is tried on
FILLED = 0.05  # of an epoch's rows may fill up its last batch without a word
SAME = 1e-5  # relative; a loss in half precision is not told apart


def weight_notes(
    model: keras.Model, x: Any, y: Any, *, filled: float, uncounted: Sequence[str] = ()
) -> Iterator[str]:
    """What of a model's loss and metrics the weights do not reach, in words.

    Args:
        model: that is fitted; those of `steps` weigh by themselves and are not looked at.
        x, y: some rows of the feed, at least two.
        filled: share of an epoch's rows that only fill up its last batch, at weight 0.
        uncounted: names of metrics that count them, of `counted_rows`.
    """
    if own_networks(model) is not None:
        return
    if _can_be_tried(model) and _ignores_weights(model, x, y):
        yield _WITHOUT_EFFECT.format(_of_loss(model))
    if filled > FILLED and (names := [*uncounted, *_loss_counts(model)]):
        yield _FILLED.format(filled, " and ".join(names), "s" * (len(names) == 1))


_WITHOUT_EFFECT = (
    "sample weights have no effect on the loss ({}): it is the same whichever sample carries the "
    "weight, so labels that are likely wrong count as much as others. A loss function must give a "
    "value a sample, shape (n,), and compute_loss must pass sample_weight on."
)
_FILLED = (
    "{:.0%} of an epoch's rows only fill up its last batch, at weight 0, and {} count{} them all "
    'the same. Take a loss with reduction="mean_with_sample_weight", metrics that give a value a '
    "row, or a smaller batch size."
)


def _can_be_tried(model: keras.Model) -> bool:
    """Whether the model's own loss is what it trains on, as far as can be told."""
    own_loss = type(model).compute_loss is not keras.Model.compute_loss
    own_step = type(model).train_step is not keras.Model.train_step
    return (model.loss is not None or own_loss) and not own_step


def _ignores_weights(model: keras.Model, x: Any, y: Any) -> bool:
    """Whether the loss of a batch does not depend on which of its samples carries the weight."""
    with keras.StatelessScope():  # a layer may draw, or count, at inference, too
        prediction = model(x, training=False)
    tree = keras.tree
    n = len(tree.flatten(x)[0])

    def loss(rows: slice, weight: np.ndarray) -> float:
        some = [tree.map_structure(lambda a: a[rows], one) for one in (x, y, prediction)]
        found = model.compute_loss(x=some[0], y=some[1], y_pred=some[2], sample_weight=weight)
        return float(keras.ops.convert_to_numpy(found))

    try:
        alone = [loss(slice(i, i + 1), np.ones(1, np.float32)) for i in range(n)]
        of_one = [loss(slice(0, n), np.eye(n, dtype=np.float32)[i]) for i in range(n)]
    except Exception:  # whatever it is, `fit` meets it next and says it in its own words
        return False
    model.reset_metrics()
    return _spread(alone) > SAME and _spread(of_one) <= SAME


def _spread(values: list[float]) -> float:
    """Of numbers, relative to their size."""
    return float(np.ptp(values) / max(float(np.abs(values).max()), 1e-12))


def _of_loss(model: keras.Model) -> str:
    """What a loss is called."""
    if type(model).compute_loss is not keras.Model.compute_loss:
        return f"{type(model).__name__}.compute_loss"
    loss = model.loss
    name = getattr(loss, "name", None) or getattr(loss, "__name__", None)
    return str(name or loss)


def _loss_counts(model: keras.Model) -> list[str]:
    """Whether a model's loss is divided by all rows of a batch, in words."""
    losses = [one for one in keras.tree.flatten(model.loss) if one is not None]
    if any(getattr(one, "reduction", "mean") != "mean_with_sample_weight" for one in losses):
        return ["the loss"]
    return []
