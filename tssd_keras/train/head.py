"""Which layer gave a network's prediction: told by what the network does, not by widths alone.

A layer gave it if the prediction is what it gave, but for a softmax, a sigmoid or a cast. Where
something else follows, such as a temperature, BatchNormalization or pooling, the layer is made to
give other numbers: the prediction must follow these alone, and no layer between may hold weights
of more than K numbers, with which it would learn a representation of its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tssd_keras.train.looking import Call, replaced, watched

NEAR = 2e-3  # between a head's numbers and the predictions; half precision rounds
FOLLOWS = 1e-2  # of the change that is expected; half precision rounds
HEADS = (
    keras.layers.Dense,
    keras.layers.EinsumDense,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
)  # layers that can give the scores of classes

# What the layers with weights read and gave, and the prediction [n, K].
Run = tuple[list[Call], Any]


class Network:
    """A network that is called again and again on the same samples.

    Args:
        network: that is called, as in prediction.
        sample: a few samples [n, ...].
        layers: of the network, path -> layer.
        selected: picks the output that is judged.

    Attributes:
        sample: see above.
        itself: the network.
    """

    def __init__(
        self,
        network: keras.Model,
        sample: Any,
        layers: dict[str, keras.Layer],
        selected: Callable[[Any], Any],
    ) -> None:
        self.itself, self.sample, self._selected = network, sample, selected
        self._watched = [one for one in layers.values() if _own_sizes(one)]

    def __call__(self, given: Sequence[tuple[Call, Any]] = (), calls: Sequence[Call] = ()) -> Run:
        """Call the network.

        Args:
            given: calls of an earlier run, and what they give this time.
            calls: of the earlier run.
        """
        by_layer: dict[keras.Layer, dict[int, Any]] = {}
        for call, value in given:
            alike = [one for one in calls if one.layer is call.layer]
            by_layer.setdefault(call.layer, {})[alike.index(call)] = value
        with replaced(by_layer), watched(self._watched) as now:
            prediction = self.itself(self.sample, training=False)
        return [call for call in now if _is_there(call.gave)], self._selected(prediction)


def find_head(run: Network, calls: list[Call], prediction: Any, *, warn: bool) -> Call | None:
    """The layer that gave the prediction; None: none did, as far as can be told.

    Args:
        run: the network.
        calls, prediction: of its first run.
        warn: whether to say that it cannot be told; a layer that may have given it is taken then.

    Returns:
        A call of a Dense layer or a convolution; or of a layer of another class that holds one
        kernel, if it gave the prediction.
    """
    k = prediction.shape[-1]
    found = [call for call in calls if _channels(call) == k]
    heads = [call for call in found if isinstance(call.layer, HEADS)]
    others = [call for call in found if call not in heads and _is_kernel(call, run, k)]
    near = [call for call in [*others, *heads] if _gave(call, prediction)]
    if near:
        return _said(near[-1], k, warn)
    search = _Search(run, calls, k, len(prediction))
    doubtful = []
    for call in reversed(found):
        gave_it = (call in heads or call in others) and search.tell([call])
        if gave_it:
            return _said(call, k, warn)
        if gave_it is None:
            doubtful.append(call)
    for call in doubtful:
        alike = [one for one in found if one.layer is call.layer]
        if len(alike) > 1 and search.tell(alike):  # a layer that is called for several parts
            return call
    doubtful = [call for call in doubtful if call in heads]
    if doubtful and warn:
        warnings.warn(_DOUBTFUL.format(doubtful[0].layer.name), UserWarning, stacklevel=3)
    return doubtful[0] if doubtful else None


_DOUBTFUL = (
    "features are what {0} reads, a layer that gives as many numbers as the model, though it "
    "cannot be told whether the predictions come from it alone. Name the layer that gives the "
    "features: TSSD(scoring=Scoring(features=...))."
)
_NARROW = (
    "features are what {0} reads, which are as many numbers as the model gives: what comes before "
    "may tell more. Name the layer that gives the features: TSSD(scoring=Scoring(features=...))."
)


def _said(call: Call, k: int, warn: bool) -> Call:
    """A call that is taken; a warning if it reads hardly more than predictions."""
    read = call.read.shape
    if warn and not isinstance(call.layer, HEADS) and len(read) == 2 and read[-1] == k:
        warnings.warn(_NARROW.format(call.layer.name), UserWarning, stacklevel=4)
    return call


class _Search:
    """Tells whether the prediction comes from some calls, by making them give other numbers.

    Args:
        run, calls: the network, and the calls of its first run.
        k: K.
        n: samples.
    """

    def __init__(self, run: Network, calls: list[Call], k: int, n: int) -> None:
        self._run, self._calls, self._k, self._n = run, calls, k, n
        self._rng = np.random.default_rng(0)

    def tell(self, some: list[Call]) -> bool | None:
        """Whether some calls, of one layer, gave the prediction; None: it cannot be told.

        The same numbers are given twice, the second time each to the sample behind it.
        """
        if self._n < 2 or any(call.gave.shape[0] % self._n for call in some):
            return None
        noise = [self._other_numbers(call.gave) for call in some]
        turned = [ops.roll(one, one.shape[0] // self._n, axis=0) for one in noise]
        one = self._run(list(zip(some, noise, strict=True)), self._calls)
        other = self._run(list(zip(some, turned, strict=True)), self._calls)
        expected = ops.roll(one[1], 1, axis=0)
        change = _distance(one[1], expected)
        if _distance(one[1], other[1]) <= FOLLOWS * change:
            return False if change else None  # it does not reach the prediction
        if len(one[0]) != len(other[0]):
            return None
        certain = not any(size > self._k for size in _own_sizes(self._run.itself))
        for i in range(self._calls.index(some[-1]) + 1, len(one[0])):
            lies = self._lies_between(some, noise, one, other, i)
            if lies:
                return False
            certain &= lies is not None
        return True if certain and _distance(other[1], expected) <= FOLLOWS * change else None

    def _other_numbers(self, gave: Any) -> Any:
        """Numbers like these, larger by chance; probabilities stay above 0."""
        by = self._rng.random(tuple(gave.shape)) * max(1.0, float(ops.max(ops.abs(gave)))) / 2
        return gave + ops.cast(by, gave.dtype)

    def _lies_between(
        self, some: list[Call], noise: list, one: Run, other: Run, i: int
    ) -> bool | None:
        """Whether call i holds many weights and stands between some calls and the prediction.

        None: it cannot be told, as where the call is around them.
        """
        here, there = one[0][i], other[0][i]
        if max(_own_sizes(here.layer)) <= self._k or not _differ(here.gave, there.gave):
            return False
        if not _differ(here.read, there.read):
            return None
        given = [*zip(some, noise, strict=True), (self._calls[i], there.gave)]
        _, patched = self._run(given, self._calls)
        return _differ(patched, one[1])


def _is_there(tensor: Any) -> bool:
    """Whether a tensor has numbers; those within a loop that is traced have none."""
    try:
        ops.convert_to_numpy(tensor[:0])
    except Exception:  # of the backend's own classes
        return False
    return True


def _own_sizes(layer: keras.Layer) -> list[int]:
    """How many numbers each weight of a layer holds, those of layers within it left out."""
    inner = {
        id(weight)
        for one in layer._flatten_layers(include_self=False)
        if one is not layer
        for weight in one.weights
    }
    return [int(np.prod(w.shape)) for w in layer.weights if id(w) not in inner]


def _is_kernel(call: Call, run: Network, k: int) -> bool:
    """Whether a layer of any class maps features to the scores of classes by one kernel."""
    if sum(size > k for size in _own_sizes(call.layer)) != 1:
        return False
    if any(one.weights for one in call.layer._flatten_layers(include_self=False)):
        return False
    if not hasattr(call.read, "shape") or "float" not in str(call.read.dtype):
        return False
    return not any(
        np.shape(part) == tuple(call.read.shape) and not _differ(call.read, part)
        for part in keras.tree.flatten(run.sample)
    )  # the samples themselves are no features


def _gave(call: Call, prediction: Any) -> bool:
    """Whether a layer gave the prediction, as it is, or before a softmax, a sigmoid or a cast."""
    if call.gave is prediction:
        return True
    if tuple(call.gave.shape) != tuple(prediction.shape):
        return False
    gave, given = (ops.cast(tensor, "float32") for tensor in (call.gave, prediction))
    several = (ops.softmax, ops.log_softmax) if prediction.shape[-1] > 1 else ()
    for activation in (lambda z: z, ops.sigmoid, *several):
        near = ops.convert_to_numpy(ops.abs(activation(gave) - given)) < NEAR
        if near.all():
            return True
    return False


def _channels(call: Call) -> int:
    """How many numbers a call gave a place; 0: no tensor of samples."""
    if len(getattr(call.gave, "shape", ())) < 2:
        return 0
    first = getattr(call.layer, "data_format", None) == "channels_first"
    return int(call.gave.shape[1 if first else -1])


def _distance(one: Any, other: Any) -> float:
    """The largest difference of two tensors of one shape."""
    arrays = [ops.convert_to_numpy(ops.cast(tensor, "float32")) for tensor in (one, other)]
    return float(np.abs(arrays[0] - arrays[1]).max())


def _differ(one: Any, other: Any) -> bool:
    """Whether two structures of tensors are not the same, but for rounding."""
    for a, b in zip(keras.tree.flatten(one), keras.tree.flatten(other), strict=True):
        if hasattr(a, "shape") and _distance(a, b) > 1e-5 * _distance(a, ops.zeros_like(a)):
            return True
    return False
