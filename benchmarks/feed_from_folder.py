"""Images a second of the feed of a folder of images, beside Keras' own reading of it.

    python benchmarks/feed_from_folder.py
    python benchmarks/feed_from_folder.py 200 --repeats 3

Writes so many made-up photographs of two sizes, 375 x 500 and 500 x 333 pixels, as JPEG files, and
as PNG files of 200 x 250 and JPEG files of 64 x 64. Reads each folder an epoch at a time, in
batches of 32, shuffled, by `keras.utils.image_dataset_from_directory` and by the feed of
`tssd_keras.from_directory`, one after the other, so many times. The first epoch of each is not
counted; rates are medians of the others. Processor milliseconds are those of all threads: other
work on the machine changes them less. `decode` and `resize` are one image in one thread.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

BATCH = 32
# Folder -> size that images are resized to, in the file names' format.
FOLDERS = {"photos.jpg": (256, 256), "small.jpg": (64, 64), "middle.png": (180, 180)}


def write(root: Path, n: int) -> None:
    """Smooth shapes under a little noise: they compress about as photographs do."""
    rng = np.random.default_rng(0)
    for i in range(n):
        height, width = (375, 500) if i % 3 else (500, 333)
        shapes = Image.fromarray(rng.integers(0, 256, (12, 16, 3), np.uint8))
        smooth = np.asarray(shapes.resize((width, height), Image.Resampling.BICUBIC))
        pixels = np.clip(smooth + rng.normal(0, 8, smooth.shape), 0, 255).astype(np.uint8)
        image, name = Image.fromarray(pixels), f"{'ab'[i % 2]}/{i:05}"
        for folder, size in (("photos.jpg", image.size), ("small.jpg", (64, 64)),
                             ("middle.png", (250, 200))):  # fmt: skip
            path = root / folder / f"{name}{Path(folder).suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            image.resize(size).save(path, **({"quality": 90} if path.suffix == ".jpg" else {}))


def by_keras(folder: Path, size: tuple[int, int]) -> Iterable:
    import keras

    return keras.utils.image_dataset_from_directory(
        folder, image_size=size, batch_size=BATCH, shuffle=True, seed=0, verbose=False
    )


def by_feed(folder: Path, size: tuple[int, int]) -> Iterable:
    from tssd_keras import TSSD, from_directory

    images = from_directory(folder, image_size=size)
    return TSSD(images, warmup_epochs=None).feed(BATCH, kind="tf.data")


def epoch(batches: Iterable) -> tuple[float, float]:
    """Images a second of one epoch, and processor milliseconds of an image."""
    start, processor, n = time.perf_counter(), time.process_time(), 0
    for batch in batches:
        n += len(batch[0])
    return n / (time.perf_counter() - start), (time.process_time() - processor) / n * 1e3


def one_image(folder: Path, size: tuple[int, int], most: int = 60) -> tuple[float, float]:
    """Milliseconds that one image takes to be decoded, and to be resized."""
    from tssd_keras.data.decoding import decode_as_keras
    from tssd_keras.data.resampling import fitted

    files = [path.read_bytes() for path in sorted(folder.rglob("*.*"))[:most]]
    times = np.zeros((len(files), 3))
    for i, file in enumerate(files):
        times[i, 0] = time.perf_counter()
        pixels = decode_as_keras(file, 3)
        times[i, 1] = time.perf_counter()
        fitted(pixels, size, "bilinear")
        times[i, 2] = time.perf_counter()
    decode, resize = np.median(np.diff(times, axis=1), axis=0) * 1e3
    return float(decode), float(resize)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("images", type=int, nargs="?", default=600)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    heads = ("images", "to", "decode ms", "resize ms", "Keras images/s", "feed images/s")
    heads += ("feed / Keras", "Keras processor ms", "feed processor ms")
    print(f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}", flush=True)
    with tempfile.TemporaryDirectory() as root:
        write(Path(root), options.images)
        for name, size in FOLDERS.items():
            folder = Path(root) / name
            decode, resize = one_image(folder, size)
            ways = [by_keras(folder, size), by_feed(folder, size)]
            found = [[epoch(way) for way in ways] for _ in range(options.repeats + 1)][1:]
            keras_, feed = np.median(found, axis=0)
            cells = (name, f"{size[0]} x {size[1]}", f"{decode:.2f}", f"{resize:.2f}")
            cells += (f"{keras_[0]:,.0f}", f"{feed[0]:,.0f}", f"{feed[0] / keras_[0]:.2f}")
            print(f"| {' | '.join((*cells, f'{keras_[1]:.2f}', f'{feed[1]:.2f}'))} |", flush=True)


if __name__ == "__main__":
    main()
