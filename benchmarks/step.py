"""What an epoch costs beside plain `model.fit` of the same network, in one run.

    python benchmarks/step.py tensorflow          # or jax; WRN-16-1, 20,000 images of 32 x 32
    python benchmarks/step.py jax --samples 50000 --model preact_resnet18 --batch 128 \
      --precision bfloat16

`plain` is Keras' own `fit` of the network on the same arrays, with the same augmentation (crop and
flip, a layer before the network), batch, optimizer and no validation. The others are measured from
the callback's round (score pass, division, purification with five golden samples a class) to the
epoch's last update. Images are made up: a colour for each class under noise, so that the division
finds what is wrong and half of the samples carry no weight where half of the labels are wrong.
Every phase's first two epochs, which compile, are left out, and of the others the fastest counts:
other work on a machine only ever slows an epoch. Plain runs before and after the others; if the
two differ much, run it again. images/s are samples of the stream, also where half of them carry no
weight and are not trained on. There is no weight decay in any of them.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

import numpy as np

from tssd_keras.judge.record import RoundRecord

SHAPE, CLASSES, GOLDEN = (32, 32, 3), 10, 5
WARMUP, COMPILING = 2, 2  # epochs


def made_up(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8[n, 32, 32, 3] and their classes."""
    colour = np.random.default_rng(0).integers(60, 196, (CLASSES, 1, 1, 3))
    truth = np.arange(n) % CLASSES
    images = np.empty((n, *SHAPE), np.uint8)
    for start in range(0, n, 4096):
        rows = truth[start : start + 4096]
        noise = rng.normal(0, 40, (len(rows), *SHAPE))
        images[start : start + 4096] = np.clip(colour[rows] + noise, 0, 255)
    return images, truth


class Clock:
    """Seconds of each epoch, as a pair of callbacks: before all others, and behind them."""

    def __init__(self) -> None:
        import keras

        self.seconds: list[float] = []
        self._start = 0.0
        self.first = keras.callbacks.LambdaCallback(on_epoch_begin=self._begin)
        self.last = keras.callbacks.LambdaCallback(on_epoch_end=self._end)

    def _begin(self, epoch, logs=None):
        self._start = time.perf_counter()

    def _end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self._start)


class Bench:
    """One network's kind, batch and data; each method measures seconds an epoch."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.images, self.truth = made_up(options.samples, np.random.default_rng(1))
        self.trusted = made_up(GOLDEN * CLASSES, np.random.default_rng(2))

    def network(self):
        """The network, with the same initial weights each time."""
        from tssd_keras import models

        o = self.options
        return models.build(
            o.model, SHAPE, "uint8", CLASSES, width=o.width, seed=0, precision=o.precision
        )

    def given(self, noise: float) -> np.ndarray:
        """Labels of which so many are wrong."""
        rng = np.random.default_rng(3)
        other = (self.truth + rng.integers(1, CLASSES, len(self.truth))) % CLASSES
        return np.where(rng.uniform(size=len(self.truth)) < noise, other, self.truth)

    def optimizer(self):
        """The same for all."""
        import keras

        return keras.optimizers.SGD(0.02, momentum=0.9)

    def plain(self) -> list[float]:
        """Keras' own fit."""
        import keras

        from tssd_keras.train.augment import Augment

        class Augmented(keras.layers.Layer):
            def __init__(self) -> None:
                super().__init__(dtype="uint8")
                self.seeds = keras.random.SeedGenerator(0)
                self.augment = Augment(crop=4, flip=True)

            def call(self, images, training=False):
                return self.augment(images, self.seeds) if training else images

        inputs = keras.Input(SHAPE, dtype="uint8")
        model = keras.Model(inputs, self.network()(Augmented()(inputs)))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(self.optimizer(), loss, metrics=["accuracy"])
        clock = Clock()
        model.fit(
            self.images,
            self.given(0.0),
            batch_size=self.options.batch,
            epochs=COMPILING + self.options.epochs,
            callbacks=[clock.first, clock.last],
            verbose=0,
        )
        return clock.seconds[COMPILING:]

    def tssd(self, objective: str, noise: float) -> tuple[list[float], dict, float]:
        """An objective under so much noise: seconds, the last round's record, seconds in rounds."""
        from tssd_keras import TSSD, Labels
        from tssd_keras.train.augment import Augment
        from tssd_keras.train.steps import Mixmatch, accuracy, mixmatch_step, weighted_step
        from tssd_keras.train.steps.semi_supervised import SemiSupervisedSchedule

        settings = {"augment": Augment(crop=4, flip=True), "seed": 0}
        if objective == "mixmatch":
            step = mixmatch_step(self.network(), settings=Mixmatch(lambda_u=5.0), **settings)
        else:
            step = weighted_step(self.network(), **settings)
        step.compile(self.optimizer(), weighted_metrics=[accuracy()])
        tssd = TSSD(
            self.images,
            Labels(self.given(noise), true=self.truth),
            golden=self.trusted,
            warmup_epochs=WARMUP,
        )
        clock = Clock()
        schedule = [SemiSupervisedSchedule(WARMUP, 0)] if objective == "mixmatch" else []
        step.fit(
            tssd.feed(self.options.batch, model=step),
            epochs=WARMUP + COMPILING + self.options.epochs,
            callbacks=[clock.first, tssd, *schedule, clock.last],
            shuffle=False,
            verbose=0,
        )
        rounds = tssd.rounds[COMPILING:]
        parts = sum(record.seconds.total for record in rounds)
        return clock.seconds[WARMUP + COMPILING :], tssd.rounds[-1], parts / len(rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("backend", choices=("tensorflow", "jax"))
    parser.add_argument("--model", default="wide_resnet16")
    parser.add_argument("--width", type=int, default=0)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=3, help="measured, of each")
    parser.add_argument("--precision", default="float32")
    options = parser.parse_args()
    os.environ["KERAS_BACKEND"] = options.backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    bench = Bench(options)
    print(
        f"{options.backend}, {options.model}, {options.precision}, {options.samples:,} images, "
        f"batches of {options.batch}, {len(os.sched_getaffinity(0))} cores"
    )
    print("| objective | noise | s an epoch | images/s | beside plain | of it rounds s | kept |")
    print("|" + " --- |" * 7, flush=True)
    before = bench.plain()
    plain = min(before)
    row("plain fit", "0", before, plain, options.samples)
    for objective, noise in (("weighted", 0.0), ("weighted", 0.5), ("mixmatch", 0.5)):
        seconds, last, rounds = bench.tssd(objective, noise)
        row(objective, f"{noise}", seconds, plain, options.samples, rounds, last)
    row("plain fit, again", "0", bench.plain(), plain, options.samples)


def row(
    name: str,
    noise: str,
    seconds: list[float],
    plain: float,
    samples: int,
    rounds: float | None = None,
    last: RoundRecord | None = None,
) -> None:
    least = min(seconds)
    cells = [name, noise, f"{least:.2f}", f"{samples / least:,.0f}", f"{least / plain:.2f}"]
    cells += ["-", "-"] if last is None else [f"{rounds:.2f}", f"{last.roles.kept / samples:.3f}"]
    print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
