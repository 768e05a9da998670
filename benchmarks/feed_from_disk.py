"""Images a second and peak memory of the feed on Tiny-ImageNet from disk, beside plain tf.data.

    python benchmarks/feed_from_disk.py

Each line is a process of its own: it reads two epochs of all 100,000 training
images in batches and throws them away. `feed` decodes batch by batch from the
TFRecord files (data.cache_gib = 0), `feed, cached` decodes once into memory,
`tf.data` reads the same files with a parallel decode and a shuffle buffer of
10,000 images. Peak memory is that of the process; what it held before it
touched any data (Python, Keras, TensorFlow) stands beside it. The seconds to
load hold whatever happens before the first batch is asked for: the labels and,
for `feed, cached`, decoding; checking every image is switched off for `feed`.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator

BATCH = 64
KINDS = ("tf.data", "feed", "feed, cached")


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def plain(data_dir: str) -> Iterator:
    """What a TensorFlow user writes for these files; gives an epoch of batches each time."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(f"{data_dir}/tiny_imagenet/1.0.0")
    dataset = builder.as_dataset(split="train", shuffle_files=True, as_supervised=True)
    dataset = dataset.shuffle(10_000).batch(BATCH).prefetch(tf.data.AUTOTUNE)
    while True:
        yield dataset


def feed(data_dir: str, cache_gib: float) -> Iterator:
    from tssd_keras.data import loading
    from tssd_keras.judge.table import SampleTable
    from tssd_keras.recipe.data_sections import DataRecipe
    from tssd_keras.train.feed import Feed

    data = loading.load(
        DataRecipe(
            source="tiny_imagenet", data_dir=data_dir, cache_gib=cache_gib, check_images=False
        )
    )
    made = Feed(SampleTable(data.labels), data.inputs, batch_size=BATCH)
    batches = made.batches()
    while True:
        yield batches
        made.epoch += 1


def measure(kind: str, data_dir: str) -> None:
    import keras  # noqa: F401 - both ways carry it
    import tensorflow_datasets  # noqa: F401

    before = peak_mb()
    start = time.perf_counter()
    epochs = plain(data_dir) if kind == "tf.data" else feed(data_dir, 2.0 * ("cached" in kind))
    batches = next(epochs)
    load = time.perf_counter() - start
    rates = []
    for _ in range(2):
        start, n = time.perf_counter(), 0
        for batch in batches:
            n += len(batch[0])
        rates.append(n / (time.perf_counter() - start))
        batches = next(epochs)
    cells = (f"{load:.1f}", f"{rates[0]:,.0f}", f"{rates[1]:,.0f}", f"{before:,.0f}")
    print(f"| {kind} | {' | '.join(cells)} | {peak_mb():,.0f} |", flush=True)


def main() -> None:
    data_dir = os.environ.get("TFDS_DATA_DIR", "data/tfds")
    if len(sys.argv) > 1:
        measure(sys.argv[1], data_dir)
        return
    print("| way | s to load | images/s, epoch 1 | epoch 2 | MB before | MB peak |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    for kind in KINDS:
        command = [sys.executable, __file__, kind]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
