"""Metrics of `compile(metrics=[...])` count the rows that are trained, not those that fill up.

The feed fills up an epoch's last batch, so that every batch has one shape. A row that only fills
up has the weight `feed.FILLS_UP`: it is 0, and its sign tells it from a 0 that somebody gave. Keras
hands weights to `weighted_metrics` alone, so the metrics without weights get, from here, a weight
of 1 for each row that counts. What else Keras calls them with is left as it is.
"""

from __future__ import annotations

import contextvars
import warnings
from typing import Any

import keras
import numpy as np

from tssd_keras.train.own_networks import own_networks

SAME = 1e-5  # relative, of a metric in single precision

# What the metrics of the update that runs in this thread get in place of no weights.
_counted: contextvars.ContextVar[Any] = contextvars.ContextVar("counted", default=None)


def count_trained_rows(model: keras.Model, x: Any, y: Any) -> list[str]:
    """Make the metrics without weights of a compiled model leave out rows that only fill up.

    Each metric is tried on the given rows before: what it gives for all of them, half filling up,
    must be what it gives for the others alone. One that does not, as a function that returns a mean
    and not a value a row, stays as it is. Nothing is changed where it was done before.

    Args:
        model: compiled and built; one that trains several networks by itself is left alone.
        x, y: at least two rows of the feed.

    Returns:
        Names of the metrics that go on counting every row.
    """
    of_fit: Any = getattr(model, "_compile_metrics", None)  # Keras has no public name for it
    wanted = keras.tree.flatten(getattr(of_fit, "_user_metrics", None))
    if all(one is None for one in wanted) or own_networks(model) is not None:
        return []
    if not isinstance(of_fit.update_state, _OfFit):
        try:
            with keras.StatelessScope():  # a layer may draw, or count, at inference, too
                prediction = model(x, training=False)
            if not of_fit.built:
                of_fit.build(y, prediction)
            counted = _OfFit(of_fit)
            counted.try_on(y, prediction)
        except Exception:  # whatever it is, `fit` meets it next and says it in its own words
            return ["metrics=[...]"]
        finally:
            model.reset_metrics()
        of_fit.update_state = counted
        model.train_function = None  # one that was compiled before knows nothing of it
        model.make_train_function()
    return of_fit.update_state.uncounted


class _OfFit:
    """In place of `update_state` of all metrics of a model's `fit`."""

    def __init__(self, metrics: keras.Metric) -> None:
        self._update = metrics.update_state
        self._each = []
        for metric in metrics.metrics:
            if not isinstance(metric.update_state, _OfMetric):
                metric.update_state = _OfMetric(metric)
            self._each.append(metric.update_state)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        weight, counted = keras.tree.flatten(sample_weight)[0], None
        if weight is not None and len(weight.shape) == 1:
            fills_up = keras.ops.logical_and(weight == 0, keras.ops.signbit(weight))
            counted = 1 - keras.ops.cast(fills_up, keras.config.floatx())
        token = _counted.set(counted)
        try:
            self._update(y_true, y_pred, sample_weight)
        finally:
            _counted.reset(token)

    def try_on(self, y_true: Any, y_pred: Any) -> None:
        """Find out which metrics can leave rows out."""
        token = _counted.set(_TRIAL)
        try:
            with warnings.catch_warnings():  # `fit` warns of the same
                warnings.simplefilter("ignore")
                self._update(y_true, y_pred)
        finally:
            _counted.reset(token)

    @property
    def uncounted(self) -> list[str]:
        """Names of the metrics that count every row."""
        return [one.name for one in self._each if one.tried and not one.leaves_out]


_TRIAL = object()


class _OfMetric:
    """In place of one metric's `update_state`.

    Attributes:
        tried: whether it was called without weights, on some rows.
        leaves_out: whether it then left out rows as it should.
    """

    def __init__(self, metric: keras.Metric) -> None:
        self._metric, self._update = metric, metric.update_state
        self.name = metric.name
        self.tried = self.leaves_out = False

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        counted = _counted.get()
        if sample_weight is None and counted is _TRIAL:
            self.tried, self.leaves_out = True, self._can_leave_out(y_true, y_pred)
            return
        if sample_weight is None and counted is not None and self.leaves_out:
            sample_weight = self._of_its_type(counted)
        self._update(y_true, y_pred, sample_weight=sample_weight)

    def _can_leave_out(self, y_true: Any, y_pred: Any) -> bool:
        """Whether rows of weight 0 add nothing, and rows of weight 1 what they add without weights.

        Results alone do not tell: those of both halves may be alike by chance.
        """
        n = len(y_pred)
        first = np.arange(n) < n // 2
        try:
            start = self._after()
            whole = self._after(y_true, y_pred)
            if isinstance(self._metric, keras.metrics.Mean) and n not in map(float, whole[0]):
                return False
            for half, part in ((first, slice(n // 2)), (~first, slice(n // 2, n))):
                weighted = self._after(y_true, y_pred, self._of_its_type(half))
                alone = self._after(y_true[part], y_pred[part])
                if not _alike(weighted[1], alone[1]):
                    return False
                if not _equal(weighted[0] or weighted[1], whole[0] or whole[1]):
                    return True  # the weights have an effect
        except Exception:  # it takes no such weights
            return False
        return bool(start[0]) and _equal(start[0], whole[0])  # no row adds anything

    def _after(self, *of_rows: Any) -> tuple[list, list]:
        """The metric's variables, and what it gives, after one update; its state stays as it is."""
        to_numpy = keras.ops.convert_to_numpy
        with keras.StatelessScope():
            self._metric.reset_state()
            if not of_rows:
                return [to_numpy(one.value) for one in self._metric.variables], []
            self._update(*of_rows[:2], sample_weight=of_rows[2] if len(of_rows) > 2 else None)
            values = [to_numpy(one.value) for one in self._metric.variables]
            return values, [to_numpy(one) for one in keras.tree.flatten(self._metric.result())]

    def _of_its_type(self, weight: Any) -> Any:
        """Weights of 0 and 1 as the metric wants them: metrics that count in integers warn else."""
        whole = "int" in str(self._metric.dtype)
        return keras.ops.cast(weight, "int32" if whole else keras.config.floatx())


def _alike(one: list, other: list) -> bool:
    """Whether what a metric gives is the same up to rounding."""
    pairs = zip(one, other, strict=True)
    return all(np.allclose(a, b, rtol=SAME, atol=SAME, equal_nan=True) for a, b in pairs)


def _equal(one: list, other: list) -> bool:
    """Whether arrays are the same to the last bit."""
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True))
