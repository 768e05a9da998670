"""Looking into a network: what a layer reads or gives while the network is called.

A network is looked at while it runs, not by its graph. So it may be nested, call a layer twice, or
be a subclass whose layers nobody has connected before.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a layer.

    Attributes:
        layer: that was called.
        read: its first argument, a tensor.
        gave: what it returned.
    """

    layer: keras.Layer
    read: Any
    gave: Any


@contextlib.contextmanager
def watched(layers: list[keras.Layer]) -> Iterator[list[Call]]:
    """Note every call of some layers in a list, in order, by whatever model they are called.

    Keras looks a layer's `call` up each time, so for as long as the context lasts the layer has
    one of its own. This works in a function that is being traced, too.
    """
    calls: list[Call] = []
    own = [vars(layer).get("call") for layer in layers]
    try:
        for layer in layers:
            layer.call = _noting(layer, layer.call, calls)
        yield calls
    finally:
        for layer, call in zip(layers, own, strict=True):
            vars(layer).pop("call", None)
            if call is not None:
                layer.call = call


def _noting(layer: keras.Layer, call: Callable, calls: list[Call]) -> Callable:
    @functools.wraps(call)
    def noted(*args, **kwargs):
        gave = call(*args, **kwargs)
        calls.append(Call(layer, args[0] if args else next(iter(kwargs.values()), None), gave))
        return gave

    return noted


@contextlib.contextmanager
def replaced(given: dict[keras.Layer, dict[int, Any]]) -> Iterator[None]:
    """Some calls of layers give something else, for as long as the context lasts.

    Args:
        given: layer -> number of its call, counted from 0 -> what that call gives.
    """
    own = {layer: vars(layer).get("call") for layer in given}
    try:
        for layer, by_call in given.items():
            layer.call = _giving(layer.call, by_call)
        yield
    finally:
        for layer, call in own.items():
            vars(layer).pop("call", None)
            if call is not None:
                layer.call = call


def _giving(call: Callable, by_call: dict[int, Any]) -> Callable:
    count = itertools.count()

    @functools.wraps(call)
    def giving(*args, **kwargs):
        gave = call(*args, **kwargs)
        return by_call.get(next(count), gave)

    return giving


def every_layer(model: keras.Layer) -> dict[str, keras.Layer]:
    """All layers of a model, those within layers too: path, like "inner/layer" -> layer."""
    found: dict[str, keras.Layer] = {}
    seen: set[int] = set()

    def walk(parent: keras.Layer, path: str) -> None:
        for layer in parent._flatten_layers(recursive=False, include_self=False):
            if id(layer) not in seen:
                seen.add(id(layer))
                found.setdefault(f"{path}{layer.name}", layer)
                walk(layer, f"{path}{layer.name}/")

    walk(model, "")
    return found
