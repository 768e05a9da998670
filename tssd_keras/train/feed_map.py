"""What a user does to each training batch anew, as augmentation: a function of its samples alone.

Scoring sees the samples as they are. So the function may make harder samples of them, but none
of another kind: what scales or normalises them belongs into the model.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

OTHER_SCALE = 10  # times larger or smaller than before is no augmentation
NUMBERS = ("float", "bfloat", "int", "uint", "bool")


class FeedMap:
    """A user's function x -> x of whole batches, tried once.

    Args:
        function: takes samples [B, ...] and gives as many, always of one shape; a Keras layer
            is called with training=True.
        x: samples of one batch, [B, ...], that it is tried on: an array, a tensor, or several.

    Attributes:
        is_layer: whether it is a Keras layer.
        shapes: (B, ...), of each array that it gives.

    Warns:
        UserWarning: it seems to scale the samples.

    Raises:
        TypeError: it does not take one argument, fails on it, or gives anything but samples.
        ValueError: it gives more samples than it takes, or fewer.
    """

    def __init__(self, function: Callable, x: Any) -> None:
        self._function = function
        self.is_layer = isinstance(function, keras.layers.Layer)
        self._parts = keras.tree.flatten(x)
        self._n, self._on_host = len(self._parts[0]), isinstance(self._parts[0], np.ndarray)
        self.shapes: list[tuple[int, ...]] = []
        self._check_arguments()
        given = self._outside(x)
        self.shapes = self._checked(given)
        _warn_of_scale(self._parts, keras.tree.flatten(given))

    def on_arrays(self, x: Any) -> Any:
        """What becomes of samples [B, ...] outside of any graph.

        Returns:
            Arrays, or where `x` lives on a device tensors.

        Raises:
            TypeError, ValueError: as for the class; or the shape is not the first one's.
        """
        given = self._outside(x)
        shapes = self._checked(given)
        if shapes != self.shapes:
            raise ValueError(
                "map must give samples of one shape in every batch, it gave "
                f"{_text(self.shapes)} at first and {_text(shapes)} now. Let it resize or pad them "
                "to one size."
            )
        return (
            keras.tree.map_structure(keras.ops.convert_to_numpy, given) if self._on_host else given
        )

    def in_graph(self, x: Any) -> Any:
        """What becomes of symbolic TensorFlow tensors [B, ...] in tf.data.

        Raises:
            TypeError: the function does not work on them.
        """
        try:
            return self._call(x)
        except Exception as error:  # whatever it calls may raise anything
            raise TypeError(
                "map must work on TensorFlow's symbolic tensors, as this feed calls it within "
                f"tf.data, got {type(error).__name__}: {str(error).strip()[-300:]}. Write it with "
                "TensorFlow, keras.ops or Keras layers; or take tssd.feed(..., kind='pydataset'), "
                "which calls it with arrays."
            ) from error

    def _check_arguments(self) -> None:
        """Raise TypeError where the function cannot be called with one argument."""
        try:
            signature = inspect.signature(self._function)
        except (TypeError, ValueError):  # of some functions nobody knows it
            return
        try:
            signature.bind(None)
        except TypeError as error:
            raise TypeError(
                "map must take one argument, a batch's samples x, and give x alone, got a function "
                f"of {signature} ({error}). Of several parts x is a dict or a tuple. Labels and "
                "weights stay as they are."
            ) from error

    def _outside(self, x: Any) -> Any:
        """The function on arrays or tensors that have values; raises TypeError where it fails."""
        try:
            return self._call(x)
        except Exception as error:  # whatever it calls may raise anything
            raise TypeError(
                f"map must work on a batch's samples, it was called with {_described(x)} and "
                f"raised {type(error).__name__}: {str(error).strip()[-300:]}. It is called with "
                "a whole batch [B, ...], not with one sample, and gives as many."
            ) from error

    def _call(self, x: Any) -> Any:
        if self.is_layer:
            return self._function(x, training=True)
        return self._function(x)

    def _checked(self, given: Any) -> list[tuple[int, ...]]:
        """Shapes of what the function gave; raises unless these are samples, and as many."""
        parts = keras.tree.flatten(given)
        if len(parts) != len(self._parts) or not all(map(_is_numbers, parts)):
            got = ", ".join(type(part).__name__ for part in parts)
            raise TypeError(
                "map must take a batch's samples x and give samples alone, as arrays or tensors of "
                f"numbers: it took {len(self._parts)} and gave {len(parts)} ({got})."
            )
        shapes = [tuple(map(int, part.shape)) for part in parts]
        if any(shape[:1] != (self._n,) for shape in shapes):
            raise ValueError(
                f"map must give as many samples as it takes, it took {self._n} and gave shape "
                f"{_text(shapes)}. It is called with a whole batch, not with one sample."
            )
        return shapes


def _warn_of_scale(before: list, after: list) -> None:
    """Warn if numbers became much larger or smaller, which scoring would miss."""
    for old, new in zip(before, after, strict=True):
        largest, became = (
            float(np.abs(keras.ops.convert_to_numpy(part).astype(np.float32)).max())
            for part in (old, new)
        )
        if became and largest and not 1 / OTHER_SCALE < became / largest < OTHER_SCALE:
            warnings.warn(
                f"map seems to scale the samples: the largest number was {largest:.3g} and became "
                f"{became:.3g}. Scoring sees the samples as they are, so it would see others than "
                "the network was trained on. Scale them within the model (keras.layers.Rescaling) "
                "or before TSSD gets them.",
                UserWarning,
                stacklevel=2,
            )


def _is_numbers(part: Any) -> bool:
    if not (hasattr(part, "shape") and hasattr(part, "dtype")):
        return False
    if isinstance(part, np.ndarray) and part.dtype.kind not in "biufV":
        return False
    if isinstance(part, type):
        return False
    return keras.backend.standardize_dtype(part.dtype).startswith(NUMBERS)


def _described(x: Any) -> str:
    """The form of samples: type, shape and dtype of each part."""

    def one(part: Any) -> str:
        dtype = getattr(part.dtype, "name", part.dtype)
        return f"{type(part).__name__} {tuple(part.shape)} of {dtype}"

    return str(keras.tree.map_structure(one, x)).replace("'", "")


def _text(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join(map(str, shapes))
