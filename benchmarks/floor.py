"""Where the time of a training step goes, against the floor of floating-point operations.

    python benchmarks/floor.py tensorflow          # or jax; WRN-16-1, batches of 64, 8,192 images

The floor: multiplications and additions of the convolutions and dense layers, three forwards' worth
for an update, over the rate that the backend's own matrix product reaches here on a size that fits
the cache. The parts are timed one by one on the same images: the feed without a network, the
augmentation compiled alone, the score pass (one forward, and features and losses written down), the
whole update.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings

import numpy as np
import step

REPEATS = 3


def forward_operations(network) -> int:
    """Floating-point operations of one sample's forward pass: two for each multiply-add."""
    import keras

    total = 0
    for layer in network.layers:
        if isinstance(layer, keras.layers.Conv2D):
            total += 2 * int(np.prod(layer.kernel.shape)) * int(np.prod(layer.output.shape[1:3]))
        elif isinstance(layer, keras.layers.Dense):
            total += 2 * int(np.prod(layer.kernel.shape))
    return total


def best(do, *, units: int = 1) -> float:
    """Least seconds a unit of some repeats, after one that compiles."""
    do()
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        do()
        seconds.append(time.perf_counter() - start)
    return min(seconds) / units


def matmul_rate(precision: str) -> float:
    """Floating-point operations a second of the backend's matrix product."""
    import keras
    from keras import ops

    n = 1024 if keras.config.backend() == "tensorflow" or not on_accelerator() else 8192
    a = ops.cast(ops.ones((n, n)), precision)
    times = 8
    multiply = compiled(lambda x: [x := ops.matmul(x, a) * 1e-3 for _ in range(times)][-1])
    return 2 * n**3 * times / best(lambda: np.asarray(ops.cast(multiply(a)[0, 0], "float32")))


def on_accelerator() -> bool:
    """Whether JAX computes on something else than the processor."""
    import jax

    return jax.default_backend() != "cpu"


def compiled(function):
    """The function under the backend's own compiler."""
    import keras

    if keras.config.backend() == "jax":
        import jax

        return jax.jit(function)
    import tensorflow as tf

    return tf.function(function)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("backend", choices=("tensorflow", "jax"))
    parser.add_argument("--model", default="wide_resnet16")
    parser.add_argument("--width", type=int, default=0)
    parser.add_argument("--samples", type=int, default=8_192)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--precision", default="float32")
    options = parser.parse_args()
    os.environ["KERAS_BACKEND"] = options.backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    from tssd_keras import TSSD
    from tssd_keras.data.inputs import ArrayInputs
    from tssd_keras.train.augment import Augment
    from tssd_keras.train.score_pass import score_pass
    from tssd_keras.train.scoring_model import scoring_model
    from tssd_keras.train.steps import accuracy, weighted_step

    bench = step.Bench(options)
    n, batch = options.samples // options.batch * options.batch, options.batch
    images, labels = bench.images[:n], bench.truth[:n]
    network = bench.network()
    rate = matmul_rate(options.precision)
    operations = forward_operations(network)

    warnings.filterwarnings("ignore", message="the feed is read again and again")
    feed = TSSD(images, labels, warmup_epochs=None).feed(batch)

    def read():
        if hasattr(feed, "as_numpy_iterator"):
            for _ in feed:
                pass
        else:
            feed.on_epoch_begin()
            for i in range(n // batch):
                feed[i]

    augment = Augment(crop=4, flip=True)
    seeds = keras.random.SeedGenerator(0)
    draws = augment.draw((batch, *step.SHAPE), seeds)
    change = compiled(lambda x: augment.apply(x, draws))

    def augmented():
        for start in range(0, n, batch):
            np.asarray(change(images[start : start + batch]))

    scorer = scoring_model(network, images[:8])
    inputs, index = ArrayInputs(images), np.arange(n)
    update = weighted_step(network, augment=augment)
    update.compile(bench.optimizer(), weighted_metrics=[accuracy()])
    weight = np.ones(n, np.float32)

    def train():
        update.fit(images, labels, sample_weight=weight, batch_size=batch, shuffle=False, verbose=0)

    parts = {
        "feed alone": (read, 0),
        "augmentation alone": (augmented, 0),
        "score pass": (lambda: score_pass(scorer, inputs, index, labels), 1),
        "update, augmentation and feeding included": (train, 3),
    }
    print(
        f"{options.backend}, {options.model}, {options.precision}, batches of {batch}, "
        f"{len(os.sched_getaffinity(0))} cores; a forward pass is {operations / 1e6:.1f} million "
        f"operations a sample, a matrix product reaches {rate / 1e9:.0f} billion a second"
    )
    print("| part | us a sample | floor us | share of the floor's rate |")
    print("|" + " --- |" * 4, flush=True)
    for name, (do, forwards) in parts.items():
        seconds = best(do, units=n)
        floor = forwards * operations / rate
        cells = [name, f"{1e6 * seconds:.1f}"]
        cells += [f"{1e6 * floor:.1f}", f"{floor / seconds:.0%}"] if forwards else ["-", "-"]
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
