"""Several devices on JAX: `keras.distribution.DataParallel`, in one process or several."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import jax
import keras
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from tssd_keras.judge.sharing import Rows, Sharing
from tssd_keras.train.devices.layout import Layout, check_virtual
from tssd_keras.train.settings import COORDINATOR, N_PROCESSES, PROCESS

FORWARD = "_tssd_forward"  # attribute of a model: its compiled forward pass
# A process whose partner was killed ends after so many seconds at the latest.
PARTNER_SECONDS = 30
EACH, WHOLE = PartitionSpec("rows"), PartitionSpec()  # a share of the rows; all of an array
VIRTUAL = "xla_force_host_platform_device_count"


def layout() -> Layout:
    """See `devices.layout`."""
    distribution = keras.distribution.distribution()
    if distribution is None:
        return Layout()
    if not isinstance(distribution, keras.distribution.DataParallel):
        raise ValueError(_MODEL_PARALLEL.format(type(distribution).__name__))
    if jax.process_count() > 1 and distribution.auto_shard_dataset:
        raise ValueError(
            "a feed gives each process its share of a batch by itself, and Keras would share that "
            "out once more. Take keras.distribution.DataParallel(auto_shard_dataset=False)."
        )
    return _layout(distribution.device_mesh.devices.size)


def layout_of(model: keras.Model) -> Layout:
    """See `devices.layout_of`."""
    meshes = _meshes_of(model)
    return _layout(meshes[-1].size) if meshes else Layout()


def _meshes_of(model: keras.Model) -> list[Mesh]:
    """The devices of each variable of a model; none where nobody chose any."""
    meshes = []
    for variable in model.variables:
        sharding = getattr(variable._value, "sharding", None)  # None: `fit` holds it, or broke off
        if isinstance(sharding, NamedSharding):
            if not sharding.is_fully_replicated or len(sharding.mesh.axis_names) > 1:
                raise ValueError(_MODEL_PARALLEL.format(f"{variable.path} ({sharding.spec})"))
            meshes.append(cast(Mesh, sharding.mesh))  # an array has devices
    return meshes


_MODEL_PARALLEL = (
    "each device must hold the whole model (keras.distribution.DataParallel): features and losses "
    "of all samples are compared with each other. Model-parallel layouts are not supported, got "
    "{}. Take keras.distribution.DataParallel(), or train without TSSD."
)


def _layout(n: int) -> Layout:
    return Layout(n, jax.process_count(), jax.process_index(), "DataParallel")


def predict_on_batch(model: keras.Model, batch: Any) -> Any:
    """See `devices.predict_on_batch`."""
    if not hasattr(model, FORWARD):
        setattr(model, FORWARD, _forward(model))
    return getattr(model, FORWARD)(batch)


def _forward(model: keras.Model) -> Callable[[Any], Any]:
    mesh = _meshes_of(model)[-1]
    each, whole = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in (mesh.axis_names, ()))

    def forward(trainable: list, fixed: list, batch: Any) -> Any:
        return model.predict_step((trainable, fixed), (batch,))[0]

    compiled = jax.jit(forward, out_shardings=whole)

    def split(part: Any) -> jax.Array:
        return jax.make_array_from_process_local_data(each, np.asarray(part))

    def on_arrays(batch: Any) -> Any:
        trainable = [v.value for v in model.trainable_variables]
        fixed = [v.value for v in model.non_trainable_variables]
        found = compiled(trainable, fixed, keras.tree.map_structure(split, batch))
        return keras.tree.map_structure(np.asarray, found)

    return on_arrays


class _Shared(Sharing):
    """See `Sharing`.

    Args:
        layout: how many processes there are.
        own: devices of this process.
    """

    def __init__(self, layout: Layout, own: list[jax.Device]) -> None:
        self.n_processes, self.process = layout.n_processes, layout.process
        self.n_devices, self._mesh = len(own), Mesh(np.asarray(own), "rows")

    def rows_of_all(self, rows: Rows) -> Rows:
        if self.n_processes == 1:
            return rows
        # As bytes, since JAX would make 32 bits of 64, and as one message.
        sent = [_as_bytes(part) for part in rows]
        found = multihost_utils.process_allgather(np.concatenate(sent, axis=1), tiled=True)
        ends = np.cumsum([part.shape[1] for part in sent])[:-1]
        split = np.split(np.asarray(found), ends, axis=1)
        return tuple(
            np.ascontiguousarray(part).view(one.dtype).reshape(-1, *one.shape[1:])
            for part, one in zip(split, rows, strict=True)
        )

    def on_devices(
        self, work: Callable[..., Sequence[Any]], *constants: np.ndarray
    ) -> Callable[..., Rows]:
        here = jax.device_put(constants, NamedSharding(self._mesh, WHOLE))
        of_share = _of_share(work, self._mesh)

        def on_rows(*rows: np.ndarray) -> Rows:
            found = of_share(jax.device_put(rows, NamedSharding(self._mesh, EACH)), here)
            return tuple(np.asarray(part) for part in found)

        return on_rows


@functools.lru_cache(maxsize=16)
def _of_share(work: Callable[..., Sequence[Any]], mesh: Mesh) -> Callable[..., Rows]:
    """The work on a device's share of the rows, compiled once for each work and mesh."""

    @jax.jit
    @functools.partial(jax.shard_map, mesh=mesh, in_specs=(EACH, WHOLE), out_specs=EACH)
    def of_share(rows: Rows, constants: Rows) -> Rows:
        return tuple(work(*rows, *constants))

    return of_share


def _as_bytes(rows: np.ndarray) -> np.ndarray:
    """Rows [n, ...] as uint8[n, bytes of a row]."""
    return np.ascontiguousarray(rows).reshape(len(rows), -1).view(np.uint8)


def sharing_of(model: keras.Model) -> Sharing:
    """See `devices.sharing_of`."""
    of_all = _meshes_of(model)[-1].devices.flat
    own = [one for one in of_all if one.process_index == jax.process_index()]
    return _Shared(layout_of(model), own)


def alone(work: Callable[[], Any]) -> Any:
    """See `devices.alone`."""
    distribution = keras.distribution.distribution()
    if distribution is None:
        return work()
    keras.distribution.set_distribution(None)
    try:
        return work()
    finally:
        keras.distribution.set_distribution(distribution)


def own_values(model: keras.Model) -> list[tuple[keras.Variable, Any]]:
    """See `devices.own_values`."""
    if layout_of(model).n == 1:
        return []
    return [(variable, variable.value.addressable_data(0)) for variable in model.variables]


def assign(variable: keras.Variable, value: np.ndarray) -> None:
    """See `devices.assign`."""
    layout = getattr(variable, "_layout", None)
    if jax.process_count() > 1 and layout is not None:
        # device_put, which Keras calls, compares the values of all processes.
        value = np.asarray(value, variable.dtype)
        value = jax.make_array_from_process_local_data(layout.backend_layout, value)
    variable.assign(value)


def told_by_first(message: bytes) -> bytes:
    """See `devices.told_by_first`."""
    if jax.process_count() == 1:
        return message
    size = int(multihost_utils.broadcast_one_to_all(np.int32(len(message))))
    block = np.zeros(size, np.uint8)
    if jax.process_index() == 0:
        block[:] = np.frombuffer(message, np.uint8)
    return np.asarray(multihost_utils.broadcast_one_to_all(block)).astype(np.uint8).tobytes()


def numbers_of_all(number: int) -> list[int]:
    """See `devices.numbers_of_all`."""
    if jax.process_count() == 1:
        return [number]
    found = multihost_utils.process_allgather(np.uint32(number))
    return [int(one) for one in np.ravel(found)]


def normalise_together(model: keras.Model, on: bool) -> None:
    """See `devices.normalise_together`: JAX computes as if there were one device."""


@contextlib.contextmanager
def chosen(devices: str) -> Iterator[None]:
    """See `devices.chosen`."""
    if _is_one_of_several():
        _join()
    elif devices != "all" and VIRTUAL not in os.environ.get("XLA_FLAGS", ""):
        check_virtual(int(devices))
        with contextlib.suppress(RuntimeError):  # JAX runs already: there are those it has
            jax.config.update("jax_num_cpu_devices", int(devices))
    names = keras.distribution.list_devices()
    n = len(names) if devices == "all" else int(devices)
    if n > len(names) or n % jax.process_count():
        raise ValueError(_TOO_FEW.format(n, len(names), jax.process_count()))
    if n > 1:
        taken = _of_each_process(names, n // jax.process_count())
        distribution = keras.distribution.DataParallel(devices=taken, auto_shard_dataset=False)
        keras.distribution.set_distribution(distribution)
    try:
        yield
    finally:
        keras.distribution.set_distribution(None)


def _is_one_of_several() -> bool:
    """Whether the environment says so.

    Raises:
        ValueError: it says how many processes there are, and not where they meet.
    """
    address, n = os.environ.get(COORDINATOR, ""), _number(N_PROCESSES)
    if not address and (n or 1) > 1:
        raise ValueError(
            f"{COORDINATOR} must be HOST:PORT of the first process where {N_PROCESSES} is above 1, "
            f"got {n} and no address: each process would train alone. Set it in all of them."
        )
    host, _, port = address.rpartition(":")
    if address and not (host and port.isdecimal()):
        raise ValueError(
            f"{COORDINATOR} must be HOST:PORT of the first process, such as 10.0.0.1:1234, got "
            f"{address!r}."
        )
    return bool(address)


def _join() -> None:
    """Wait for the other processes.

    Raises:
        ValueError: the environment does not say which of how many this one is.
    """
    n, process = _number(N_PROCESSES), _number(PROCESS)
    if n is not None and (n < 1 or (process or 0) >= n):
        raise ValueError(
            f"{N_PROCESSES} must be at least 1 and {PROCESS} from 0 to one less, another in each "
            f"process, got {n} and {process}."
        )
    try:
        jax.distributed.initialize(
            num_processes=n,
            process_id=process,
            heartbeat_timeout_seconds=PARTNER_SECONDS,
            shutdown_timeout_seconds=PARTNER_SECONDS,
        )
    except ValueError as error:
        raise ValueError(
            f"{N_PROCESSES} and {PROCESS} must be set beside {COORDINATOR}, unless Slurm or MPI "
            f"says them, got {n} and {process}. JAX: {error}"
        ) from error


def _of_each_process(names: list[str], n: int) -> list[str]:
    """The first n devices of every process, by their names in the order of `jax.devices()`."""
    kind = jax.default_backend()
    owner = {f"{kind}:{one.id}": one.process_index for one in jax.devices()}
    taken: dict[int, list[str]] = {}
    for name in names:
        taken.setdefault(owner.get(name, 0), []).append(name)
    return [name for process in sorted(taken) for name in taken[process][:n]]


def _number(name: str) -> int | None:
    """An environment variable; None where it is not set, and JAX asks Slurm or MPI."""
    text = os.environ.get(name)
    if not text:
        return None
    if not text.isdecimal():
        raise ValueError(f"{name} must be a whole number, got {text!r}.")
    return int(text)


_TOO_FEW = (
    "--devices must be at most as many as there are, and each process's equally many: got {}, and "
    "JAX sees {} (processes: {}). Try --devices all."
)


@contextlib.contextmanager
def made_here() -> Iterator[None]:
    """See `devices.made_here`: what `chosen` set holds for the whole program."""
    yield
