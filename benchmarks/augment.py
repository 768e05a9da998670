"""Images a second of each augmentation, on each backend, compiled as a training step compiles it.

    python benchmarks/augment.py           # batches of [128, 32, 32, 3] bytes
    python benchmarks/augment.py 224       # another size

Draws are made beforehand, except in the line `draw`. TensorFlow runs once as a
graph, as on a CPU, and once under XLA, as on an accelerator. A figure is the
best of 20 calls.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

BATCH = 128
SETTINGS = {
    "crop (zero) + flip": {"crop": 4, "flip": True},
    "crop (reflect)": {"crop": 4, "padding": "reflect"},
    "flip": {"flip": True},
    "cutout": {"cutout": 16},
    "strong, 1 operation": {"strong": 1},
    "strong, 2 operations": {"strong": 2},
    "all, strong 2": {"crop": 4, "flip": True, "cutout": 16, "strong": 2},
}


def best(function, *arguments) -> float:
    import numpy as np

    seconds = []
    for _ in range(20):
        start = time.perf_counter()
        np.asarray(next(iter(function(*arguments).values())))
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def measure(how: str, size: int) -> None:
    import keras
    import numpy as np

    from tssd_keras.train.augment import Augment

    def compiled(function):
        if how == "jax":
            import jax

            return jax.jit(function)
        import tensorflow as tf

        return tf.function(function, jit_compile=how.endswith("XLA"))

    images = np.random.default_rng(0).integers(0, 256, (BATCH, size, size, 3), dtype=np.uint8)
    images = keras.ops.convert_to_tensor(images)
    for name, settings in SETTINGS.items():
        augment = Augment(**settings)
        draws = augment.draw(images.shape, keras.random.SeedGenerator(0))
        function = compiled(lambda x, d, augment=augment: {"x": augment.apply(x, d)})
        function(images, draws)
        seconds = best(function, images, draws)
        print(f"| {how} | {name} | {BATCH / seconds:,.0f} | {1000 * seconds:.2f} |", flush=True)


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 32
    print(f"| backend | {size} x {size} x 3 | images/s | ms a batch of {BATCH} |")
    print("| --- | --- | --- | --- |", flush=True)
    for how in ("tensorflow", "tensorflow, XLA", "jax"):
        environment = {**os.environ, "KERAS_BACKEND": how.split(",")[0], "AUGMENT_HOW": how}
        command = [sys.executable, __file__, str(size)]
        subprocess.run(command, env=environment, check=True)


if __name__ == "__main__":
    if "AUGMENT_HOW" in os.environ:
        measure(os.environ["AUGMENT_HOW"], int(sys.argv[1]))
    else:
        main()
