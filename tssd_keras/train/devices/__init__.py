"""The devices that a model is trained on: one, or several that each take their share of a batch.

Nothing here distributes by itself: `keras.distribution.DataParallel` does on JAX,
`tf.distribute.MirroredStrategy` on TensorFlow. What is asked of them lives in one file a backend.
Only this file asks which backend runs.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import keras
import numpy as np

from tssd_keras.judge.sharing import ALONE, Sharing
from tssd_keras.train.backends import check_backend
from tssd_keras.train.devices.layout import Layout

_WAYS = {
    "tensorflow": "tssd_keras.train.devices.tensorflow_devices",
    "jax": "tssd_keras.train.devices.jax_devices",
}
Result = TypeVar("Result")


def _way() -> Any:
    return importlib.import_module(_WAYS[check_backend()])


def layout() -> Layout:
    """The devices of the distribution that is set now; one device where none is."""
    return _way().layout()


def layout_of(model: keras.Model) -> Layout:
    """The devices that hold a model's variables.

    Raises:
        ValueError: they hold parts of them (model-parallel), or are of a kind that is not
            supported; the message names it.
    """
    return _way().layout_of(model)


def predict_on_batch(model: keras.Model, batch: Any) -> Any:
    """As Keras' `predict_on_batch`, with each of the model's devices taking its share of the rows.

    Args:
        model: on one device or several.
        batch: rows [n, ...] of this process, see `Layout.share`, or a structure of such; the
            number of rows of all processes must be a multiple of the devices'.

    Returns:
        Arrays [N, ...] of the rows of all processes, the same in each.
    """
    if layout_of(model).n == 1:
        return model.predict_on_batch(batch)
    return _way().predict_on_batch(model, batch)


def sharing_of(model: keras.Model) -> Sharing:
    """Who shares what a round does with all samples: the model's processes, and their devices."""
    return ALONE if layout_of(model).n == 1 else _way().sharing_of(model)


def alone(work: Callable[[], Result]) -> Result:
    """Do something as if no distribution were set: models that it makes live on one device."""
    return _way().alone(work)


def own_values(model: keras.Model) -> list[tuple[keras.Variable, Any]]:
    """For a `keras.StatelessScope` in which a process computes with a model by itself."""
    return _way().own_values(model)


def assign(variable: keras.Variable, value: np.ndarray) -> None:
    """Give a variable a value, the same in every process, without waiting for the others."""
    _way().assign(variable, value)


def told_by_first(message: bytes) -> bytes:
    """What the first process says, in every process; all must ask. Alone: what it says itself."""
    return _way().told_by_first(message)


def numbers_of_all(number: int) -> list[int]:
    """A number below 2^32 from every process, in their order, in every process; all must ask."""
    return _way().numbers_of_all(number)


def normalise_together(model: keras.Model, on: bool) -> None:
    """Let batch normalisation see the whole batch where each device would see its own rows alone.

    Args:
        model: of this library; its layers are changed.
        on: False before it is saved: only TensorFlow reads a layer of this kind back.
    """
    _way().normalise_together(model, on)


@contextlib.contextmanager
def chosen(devices: str | None) -> Iterator[None]:
    """Set a distribution over so many devices, before any model is made.

    Args:
        devices: a whole number, or "all"; None: as Keras does by itself, on one.

    Raises:
        ValueError: there are not so many.
    """
    if devices is None:
        yield
        return
    with _way().chosen(devices):
        yield


@contextlib.contextmanager
def made_here() -> Iterator[None]:
    """A block that makes and compiles the model to be trained: its variables go to all devices."""
    with _way().made_here():
        yield
