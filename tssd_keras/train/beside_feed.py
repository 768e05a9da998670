"""What stands beside a feed in a call of `fit`, looked at before Keras judges it.

Keras refuses some arguments beside a dataset in words that know no TSSD, ignores others, and calls
a callback only after that. The first thing that it does to the data of a `fit` is to ask whether
they are an array (`hasattr(x, "__array__")`). So a feed answers that question by looking at who
asks: the call of `keras.Model.fit` that it was given to, which has the model as well. Nothing of
Keras is changed. Where no such call is found, Keras says what it says.
"""

from __future__ import annotations

import sys
from typing import Any


class FedToFit:
    """The part of a feed's batches that looks at the `fit` that they are given to.

    Attributes:
        is_feed: always true.
        feed: the `feed.Feed` whose batches these are.
        altered_by: the method of tf.data that made other batches of them; "": none.
    """

    is_feed = True
    feed: Any = None
    altered_by = ""

    @property
    def __array__(self):
        """There is none. Raises ValueError if a `fit` that these batches go into cannot be."""
        call = _fit_of(self)
        if call is not None:
            check_call(self.feed, call, self.altered_by)
        raise AttributeError("batches are no array")


def _fit_of(batches: Any) -> dict[str, Any] | None:
    """Arguments of the innermost `fit` of a Keras model with these batches, "self" among them."""
    import keras

    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_name == "fit":
            names = frame.f_locals
            if names.get("x") is batches and isinstance(names.get("self"), keras.Model):
                return dict(names)
        frame = frame.f_back  # type: ignore[assignment]
    return None


def check_call(feed: Any, call: dict[str, Any], altered_by: str = "") -> None:
    """Raise ValueError if a feed cannot be trained on so; see `docs/facilities.md`.

    Args:
        feed: of `feed.Feed`.
        call: arguments of `fit` by name, and the model as "self".
        altered_by: see `FedToFit`.
    """
    if altered_by:
        raise ValueError(
            f"fit must be given the feed as it is, got what .{altered_by}(...) made of it: the "
            "callback rewrites weights, and counts every batch of an epoch as trained. "
            f"{_INSTEAD.get(altered_by, _IN_GENERAL)}"
        )
    for name, remedy in _BESIDE.items():
        if call.get(name) is not None and not (name == "validation_split" and _no_split(call)):
            raise ValueError(f"fit takes no {name} beside a feed of TSSD. {remedy}")
    batch_size = call.get("batch_size")
    if batch_size not in (None, feed.batch_size):
        raise ValueError(
            f"batch_size must be left out of fit beside a feed, which gives batches of "
            f"{feed.batch_size} whatever fit says, got {batch_size}. Make the feed so: "
            f"tssd.feed(batch_size={batch_size})."
        )
    if feed.check_model is not None:
        feed.check_model(call["self"])


def _no_split(call: dict[str, Any]) -> bool:
    """Whether Keras would split off nothing."""
    return not call["validation_split"] or call.get("validation_data") is not None


_BESIDE = {
    "y": "The feed has the labels: fit(tssd.feed(...), epochs=..., callbacks=[tssd], "
    "shuffle=False).",
    "class_weight": "Give each sample its class's weight where TSSD is made, y being whole "
    "numbers: TSSD(x, Labels(y, weight=np.array([class_weight[k] for k in "
    "range(len(class_weight))])[y])).",
    "sample_weight": "Give the weights where TSSD is made: TSSD(x, Labels(y, "
    "weight=sample_weight)).",
    "validation_split": "Hold the last samples out before: n = int(0.8 * len(x)); "
    "tssd = TSSD(x[:n], y[:n], ...), and fit(..., validation_data=(x[n:], y[n:])).",
    "steps_per_epoch": "The feed says how many batches an epoch has: "
    "tssd.feed(batch_size=..., steps=steps_per_epoch).",
}
_INSTEAD = {
    "map": "What is done to samples goes into tssd.feed(map=...), weights and labels into "
    "TSSD(x, Labels(y, weight=...)).",
    "take": "tssd.feed(steps=n) gives n batches an epoch, TSSD(x[:n], y[:n]) the first n samples.",
    "shuffle": "The feed shuffles all samples anew in every epoch.",
    "repeat": "Give fit epochs=...; tssd.feed(steps=n) gives n batches an epoch, samples again "
    "where they are too few.",
    "cache": "Call .cache() on what TSSD is given, without .cache() behind the feed.",
}
_INSTEAD |= dict.fromkeys(
    ("batch", "unbatch", "rebatch", "padded_batch", "ragged_batch"),
    "The size of batches is said by tssd.feed(batch_size=...).",
)
_IN_GENERAL = "Do so to the samples before: TSSD(x, y) or TSSD(dataset)."
