"""Several devices on TensorFlow: `tf.distribute.MirroredStrategy`, in one process."""

from __future__ import annotations

import contextlib
import functools
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tssd_keras.judge.sharing import Rows, Sharing
from tssd_keras.train.devices.layout import MIRRORED, Layout, check_virtual
from tssd_keras.train.settings import COORDINATOR

FORWARD = "_tssd_forward"  # attribute of a model: its forward pass as a graph
CLUSTER = "TF_CONFIG"

_strategy: list[tf.distribute.Strategy] = []  # that `chosen` set; in `made_here` it is entered


def layout() -> Layout:
    """See `devices.layout`."""
    return _layout(tf.distribute.get_strategy())


def layout_of(model: keras.Model) -> Layout:
    """See `devices.layout_of`."""
    return _layout(_strategy_of(model))


def _strategy_of(model: keras.Model) -> tf.distribute.Strategy:
    """The one under which its variables were made: `ScoringModel` may be made elsewhere."""
    network = getattr(model, "network", None)
    return getattr(network, "distribute_strategy", None) or model.distribute_strategy


def _layout(strategy: tf.distribute.Strategy) -> Layout:
    n, kind = strategy.num_replicas_in_sync, type(strategy).__name__
    if n == 1:
        return Layout()
    if not isinstance(strategy, tf.distribute.MirroredStrategy):
        raise ValueError(_OTHER_STRATEGY.format(kind))
    return Layout(n, what=MIRRORED)


_OTHER_STRATEGY = (
    "on TensorFlow several devices must be those of one machine, by tf.distribute.MirroredStrategy,"
    " got {}. Keras 3 does not train on several workers there (keras issue 20585): for several "
    "machines take JAX, KERAS_BACKEND=jax and keras.distribution.DataParallel."
)


def predict_on_batch(model: keras.Model, batch: Any) -> Any:
    """See `devices.predict_on_batch`."""
    if not hasattr(model, FORWARD):
        setattr(model, FORWARD, _forward(model))
    return getattr(model, FORWARD)(batch)


def _forward(model: keras.Model) -> Callable[[Any], Any]:
    strategy = _strategy_of(model)
    n = strategy.num_replicas_in_sync

    @tf.function(reduce_retracing=True)
    def forward(batch: Any) -> Any:
        return strategy.run(lambda share: model.predict_step((share,)), args=(batch,))

    def split(part: Any) -> Any:
        size = len(part) // n

        def share(context: Any) -> tf.Tensor:
            at = context.replica_id_in_sync_group * size
            return tf.convert_to_tensor(part[at : at + size])

        return strategy.experimental_distribute_values_from_function(share)

    def joined(one: Any) -> np.ndarray:
        return np.concatenate([r.numpy() for r in strategy.experimental_local_results(one)])

    def on_arrays(batch: Any) -> Any:
        return keras.tree.map_structure(joined, forward(keras.tree.map_structure(split, batch)))

    return on_arrays


class _Shared(Sharing):
    """See `Sharing`.

    Args:
        names: of this process's devices.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names, self.n_devices = names, len(names)

    def on_devices(
        self, work: Callable[..., Sequence[Any]], *constants: np.ndarray
    ) -> Callable[..., Rows]:
        def put(arrays: Sequence[np.ndarray]) -> list[tf.Tensor]:
            return [tf.identity(one) for one in arrays]

        here = []
        for name in self._names:
            with tf.device(name):
                here.append(put(constants))

        def on_rows(*rows: np.ndarray) -> Rows:
            shares = zip(*(np.split(part, self.n_devices) for part in rows), strict=True)
            found = []
            for name, share, whole in zip(self._names, shares, here, strict=True):
                with tf.device(name):  # returns before it is done
                    found.append(work(*put(share), *whole))
            return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))

        return on_rows


def sharing_of(model: keras.Model) -> Sharing:
    """See `devices.sharing_of`."""
    return _Shared(_strategy_of(model).extended.worker_devices)


def alone(work: Callable[[], Any]) -> Any:
    """See `devices.alone`: a strategy holds in the thread that entered it."""
    if not tf.distribute.has_strategy():
        return work()
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()


def own_values(model: keras.Model) -> list[tuple[keras.Variable, Any]]:
    """See `devices.own_values`: there is one process."""
    return []


def assign(variable: keras.Variable, value: np.ndarray) -> None:
    """See `devices.assign`."""
    variable.assign(value)


def told_by_first(message: bytes) -> bytes:
    """See `devices.told_by_first`: there is one process."""
    return message


def numbers_of_all(number: int) -> list[int]:
    """See `devices.numbers_of_all`: there is one process."""
    return [number]


def normalise_together(model: keras.Model, on: bool) -> None:
    """See `devices.normalise_together`."""
    if on and not _strategy:
        return
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = on


@functools.cache
def _mirrored(names: tuple[str, ...]) -> tf.distribute.Strategy:
    """One a process: TensorFlow numbers what devices do together anew for each, and mixes it up."""
    return tf.distribute.MirroredStrategy(names)


@contextlib.contextmanager
def chosen(devices: str) -> Iterator[None]:
    """See `devices.chosen`."""
    if os.environ.get(COORDINATOR):
        raise ValueError(_OTHER_STRATEGY.format(f"several processes ({COORDINATOR})"))
    workers = json.loads(os.environ.get(CLUSTER) or "{}").get("cluster", {}).get("worker", [])
    if len(workers) > 1:
        raise ValueError(_OTHER_STRATEGY.format(f"{CLUSTER} with {len(workers)} workers"))
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    if kind == "CPU" and devices != "all":
        check_virtual(int(devices))
        with contextlib.suppress(RuntimeError):  # TensorFlow runs already: there are those it has
            one = tf.config.LogicalDeviceConfiguration()
            cpu = tf.config.list_physical_devices("CPU")[0]
            tf.config.set_logical_device_configuration(cpu, [one] * int(devices))
    names = [device.name for device in tf.config.list_logical_devices(kind)]
    n = len(names) if devices == "all" else int(devices)
    if n > len(names):
        raise ValueError(
            f"--devices must be at most as many as there are, TensorFlow sees {len(names)}, got "
            f"{n}. Try --devices all."
        )
    if n > 1:
        _strategy.append(_mirrored(tuple(names[:n])))
    try:
        yield
    finally:
        _strategy.clear()


@contextlib.contextmanager
def made_here() -> Iterator[None]:
    """See `devices.made_here`."""
    if not _strategy:
        yield
        return
    with _strategy[-1].scope():
        yield
