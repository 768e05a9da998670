"""Makes augment.npz: images under every operation of `tssd_keras.train.augment.strong`, by NumPy.

    python tests/reference/make_augment.py

Independent of Keras: whole numbers or float64, one image and one pixel rule at
a time. tests/train/test_augment.py holds every backend against it, byte for byte.
"""

from pathlib import Path

import numpy as np

SIZE = (11, 14)
MAGNITUDES = (-0.83, 0.37)
OPERATIONS = (
    "identity",
    "auto_contrast",
    "brightness",
    "colour",
    "contrast",
    "posterize",
    "sharpness",
    "solarize",
    "rotate",
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
)


def grey(image):
    red, green, blue = np.moveaxis(image.astype(np.int64), -1, 0)
    return (19595 * red + 38470 * green + 7471 * blue + 32768) // 65536


def blend(image, pivot, magnitude):
    """pivot + gain * (image - pivot), halves up; gains are whole 1/256."""
    gain = 256 + round(magnitude * 230.4)
    return np.clip((gain * (image.astype(np.int64) - pivot) + 256 * pivot + 128) // 256, 0, 255)


def smooth(image):
    padded = np.pad(image.astype(np.int64), ((1, 1), (1, 1), (0, 0)), mode="edge")
    height, width = SIZE
    box = sum(padded[i : i + height, j : j + width] for i in range(3) for j in range(3))
    return (2 * (box + 4 * image) + 13) // 26


def auto_contrast(image):
    low, high = image.min(axis=(0, 1)).astype(np.int64), image.max(axis=(0, 1)).astype(np.int64)
    spread = np.where(high > low, high - low, 255)
    return (2 * 255 * (image - np.where(high > low, low, 0)) + spread) // (2 * spread)


def moved(image, linear, shift):
    """Nearest source pixel about the centre; the map in whole 1/4096 and half pixels."""
    height, width = SIZE
    linear = [[round(v * 4096) for v in row] for row in linear]
    shift = [round(v * 8192) for v in shift]
    out = np.zeros_like(image)
    for i in range(height):
        for j in range(width):
            y, x = 2 * i - (height - 1), 2 * j - (width - 1)
            row = (linear[0][0] * y + linear[0][1] * x + shift[0] + height * 4096) // 8192
            column = (linear[1][0] * y + linear[1][1] * x + shift[1] + width * 4096) // 8192
            if 0 <= row < height and 0 <= column < width:
                out[i, j] = image[row, column]
    return out


def changed(image, name, m):
    angle, size = np.deg2rad(30) * m, abs(m)
    wide = image.astype(np.int64)
    return {
        "identity": lambda: wide,
        "auto_contrast": lambda: auto_contrast(wide),
        "brightness": lambda: blend(wide, 0, m),
        "colour": lambda: blend(wide, grey(image)[..., None], m),
        "contrast": lambda: blend(wide, (2 * grey(image).sum() // grey(image).size + 1) // 2, m),
        "posterize": lambda: wide >> round(4 * size) << round(4 * size),
        "sharpness": lambda: blend(wide, smooth(wide), m),
        "solarize": lambda: np.where(wide >= 256 - round(256 * size), 255 - wide, wide),
        "rotate": lambda: moved(
            image, [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], [0, 0]
        ),
        "shear_x": lambda: moved(image, [[1, 0], [0.3 * m, 1]], [0, 0]),
        "shear_y": lambda: moved(image, [[1, 0.3 * m], [0, 1]], [0, 0]),
        "translate_x": lambda: moved(image, [[1, 0], [0, 1]], [0, 0.3 * m * SIZE[1]]),
        "translate_y": lambda: moved(image, [[1, 0], [0, 1]], [0.3 * m * SIZE[0], 0]),
    }[name]()


def main():
    image = np.random.default_rng(1).integers(20, 230, (*SIZE, 3)).astype(np.uint8)
    image[3:7, 4:9] = (200, 40, 91)  # a plain patch with edges
    assert grey(image).mean() % 1 > 0.5  # so that rounding the mean and cutting it off differ
    after = [[changed(image, name, m) for name in OPERATIONS] for m in MAGNITUDES]
    np.savez_compressed(
        Path(__file__).with_name("augment.npz"),
        image=image,
        operations=np.array(OPERATIONS),
        magnitudes=np.array(MAGNITUDES, np.float32),
        after=np.array(after).astype(np.uint8),
    )


if __name__ == "__main__":
    main()
