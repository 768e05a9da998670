"""Images a second of each augmentation, on each backend, compiled as a training step compiles it.

    python benchmarks/augment.py           # batches of [128, 32, 32, 3] bytes
    python benchmarks/augment.py 224       # another size

TensorFlow runs once as a graph, as on a CPU, and once under XLA, as on an accelerator. Draws are
made beforehand, except in the rows with "drawn within". A figure is the best of 20 calls.

`keras.layers.RandAugment` runs beside `strong` on the same images. A second table compares bytes:
of one seed, and of one set of draws that TensorFlow made and all backends apply.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

BATCH = 128
CALLS = 20
SEEDS = range(10)  # of the comparison of bytes...
COMPARED = 16  # ...so many images each
HOW = ("tensorflow", "tensorflow, XLA", "jax")
STRONG = "strong, 2 operations"
PEER = "keras RandAugment, 2 operations"
SETTINGS = {
    "crop (zero) + flip": {"crop": 4, "flip": True},
    "crop (reflect)": {"crop": 4, "padding": "reflect"},
    "flip": {"flip": True},
    "cutout": {"cutout": 16},
    "strong, 1 operation": {"strong": 1},
    STRONG: {"strong": 2},
    "all, strong 2": {"crop": 4, "flip": True, "cutout": 16, "strong": 2},
}


def some_images(size: int):
    """uint8[BATCH, size, size, 3] with edges and flat parts, the same on every backend."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (BATCH, -(-size // 4), -(-size // 4), 3))
    fine = coarse.repeat(4, axis=1).repeat(4, axis=2)[:, :size, :size]
    return np.clip(fine + rng.integers(-8, 9, fine.shape), 0, 255).astype(np.uint8)


def compiled(function: Callable, how: str) -> Callable:
    if how == "jax":
        import jax

        return jax.jit(function)
    import tensorflow as tf

    return tf.function(function, jit_compile=how.endswith("XLA"))


def best(function: Callable, *arguments) -> float:
    """Seconds of the fastest call, after a first one that compiles."""
    np.asarray(function(*arguments))
    seconds = []
    for _ in range(CALLS):
        start = time.perf_counter()
        np.asarray(function(*arguments))
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def rand_augment(seed: int):
    """Keras' own layer, of as many operations as `STRONG` and the default strength."""
    import keras

    return keras.layers.RandAugment(value_range=(0, 255), num_ops=2, factor=0.5, seed=seed)


def peers_view(layer, how: str) -> Callable:
    """(images, draws) -> the layer's view, compiled."""

    # The layer numbers its operations in this order; jit would hand a dict on in another.
    order = list(layer._AUGMENT_LAYERS)

    def view(images, chosen, transforms):
        by_name = dict(zip(order, transforms, strict=True))
        return layer.transform_images(images, {"layer_idxes": chosen, "transforms": by_name})

    step = compiled(view, how)
    return lambda x, d: step(x, d["layer_idxes"], [d["transforms"][name] for name in order])


def drawn_within(name: str, how: str) -> Callable:
    """images -> a view, with the random numbers drawn in the compiled function."""
    import keras

    from tssd_keras.train.augment import Augment

    class Strong(keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__(dtype="uint8")
            self.seeds = keras.random.SeedGenerator(0)

        def call(self, x):
            return Augment(strong=2)(x, self.seeds)

    layer = Strong() if name == STRONG else rand_augment(0)
    layer.build((BATCH, None, None, 3)) if name == STRONG else layer(some_images(32)[:1])
    if how != "jax":
        return compiled(lambda x: layer(x, training=True) if name == PEER else layer(x), how)
    state = [v.value for v in layer.non_trainable_variables]
    options = {"training": True} if name == PEER else {}
    step = compiled(lambda s, x: layer.stateless_call([], s, x, **options), how)
    return lambda x: step(state, x)[0]


def measure(how: str, size: int) -> None:
    """Print the rows of one backend."""
    import keras

    from tssd_keras.train.augment import Augment

    images = keras.ops.convert_to_tensor(some_images(size))

    def row(name: str, function: Callable, *arguments) -> None:
        try:
            seconds = best(function, *arguments)
        except Exception as error:  # XLA lacks some of the peer's operations
            lacking = re.search(r"\w+(?= \(No registered)", str(error))
            why = lacking.group() if lacking else type(error).__name__
            print(f"| {how} | {name} | does not compile: {why} | |", flush=True)
            return
        print(f"| {how} | {name} | {BATCH / seconds:,.0f} | {1000 * seconds:.2f} |", flush=True)

    for name, settings in SETTINGS.items():
        augment = Augment(**settings)
        draws = augment.draw(images.shape, keras.random.SeedGenerator(0))
        row(name, compiled(augment.apply, how), images, draws)
    layer = rand_augment(0)
    layer(images[:1])  # builds it
    draws = layer.get_random_transformation(images)
    row(PEER, peers_view(layer, how), images, draws)
    for name in (STRONG, PEER):
        row(f"{name}, drawn within", drawn_within(name, how), images)


def views(folder: Path, how: str) -> None:
    """Store what each of SEEDS gives, and what the first backend's draws give."""
    import keras

    from tssd_keras.train.augment import Augment

    images = keras.ops.convert_to_tensor(some_images(32)[:COMPARED])
    ours = Augment(strong=2)
    strong, peers = compiled(ours.apply, how), None
    out: dict[str, list] = {f"{n}|{of}": [] for n in (STRONG, PEER) for of in ("seed", "draws")}
    for seed in SEEDS:
        layer = rand_augment(seed)
        layer(images[:1])
        draws = {
            STRONG: ours.draw(images.shape, keras.random.SeedGenerator(seed)),
            PEER: layer.get_random_transformation(images),
        }
        peers = peers or peers_view(layer, how)
        shared = folder / f"draws-{seed}.npz"
        if not shared.exists():
            np.savez(shared, **_arrays(draws))
        with np.load(shared, allow_pickle=False) as file:
            same = _replaced(
                draws, {name: keras.ops.convert_to_tensor(file[name]) for name in file}
            )
        for of, chosen in (("seed", draws), ("draws", same)):
            for name, function in ((STRONG, strong), (PEER, peers)):
                out[f"{name}|{of}"].append(np.asarray(function(images, chosen[name]), np.float32))
    np.savez(folder / f"{how}.npz", **{name: np.stack(batches) for name, batches in out.items()})


def _arrays(tree, path: str = "") -> dict[str, np.ndarray]:
    """What a nested dict holds, by path; None is left out."""
    if isinstance(tree, dict):
        parts = [_arrays(value, f"{path}/{key}") for key, value in tree.items()]
        return {name: array for part in parts for name, array in part.items()}
    return {} if tree is None else {path: np.asarray(tree)}


def _replaced(tree, values: dict, path: str = ""):
    """The nested dict with these values in place of its own."""
    if isinstance(tree, dict):
        return {key: _replaced(value, values, f"{path}/{key}") for key, value in tree.items()}
    return values.get(path)


def compare(folder: Path) -> None:
    """Print, of each policy, how many views are the same on TensorFlow and JAX."""
    first = dict(np.load(folder / f"{HOW[0]}.npz"))
    for name, theirs in dict(np.load(folder / "jax.npz")).items():
        policy, of = name.split("|")
        apart = np.abs(theirs - first[name]).reshape(len(SEEDS) * COMPARED, -1).max(axis=1)
        same, within = (apart == 0).mean(), (apart < 1).mean()
        print(f"| {policy} | {of} | {same:.1%} | {within:.1%} | {apart.max():.1f} |")


def _child(how: str, *arguments: str) -> None:
    environment = {**os.environ, "KERAS_BACKEND": how.split(",")[0], "AUGMENT_HOW": how}
    subprocess.run([sys.executable, __file__, *arguments], env=environment, check=True)


def main() -> None:
    size = sys.argv[1] if len(sys.argv) > 1 else "32"
    print(f"| backend | {size} x {size} x 3 | images/s | ms a batch of {BATCH} |")
    print("| --- | --- | --- | --- |", flush=True)
    for how in HOW:
        _child(how, size)
    print(f"\n{len(SEEDS)} batches of {COMPARED} images, JAX beside TensorFlow's graph:\n")
    print("| policy | of one | same bytes | apart by less than 1 | most apart |")
    print("| --- | --- | --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for how in (HOW[0], HOW[2]):
            _child(how, "views", folder)
        compare(Path(folder))


if __name__ == "__main__":
    if "AUGMENT_HOW" not in os.environ:
        main()
    elif sys.argv[1] == "views":
        views(Path(sys.argv[2]), os.environ["AUGMENT_HOW"])
    else:
        measure(os.environ["AUGMENT_HOW"], int(sys.argv[1]))
