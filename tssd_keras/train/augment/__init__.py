"""Images changed at random before they are trained on, within the compiled step.

`geometry` and `strong` are pure functions whose random draws are arguments.
`Augment` holds the settings, makes the draws and applies them. The score pass
and evaluation never augment.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import keras
from keras import ops

from tssd_keras.train.augment import geometry
from tssd_keras.train.augment.strong import OPERATIONS, strong


@dataclass(frozen=True, kw_only=True)
class Augment:
    """Settings of augmentation; the same as [augment] of a recipe, see `AugmentRecipe`.

    `augment(images, seeds)` gives a view of a batch. Each call draws anew, so views
    are independent. An objective takes its weak view from `augment.weak`, its strong
    one from `augment`.

    Attributes:
        crop: pixels of padding on each side, out of which a window is cut; 0: none.
        padding: "zero" or "reflect".
        flip: mirror half of the images left to right.
        cutout: sides of the covered square in pixels; 0: none.
        strong: operations of the strong policy on each image; 0: none.
        magnitude: of these, in 0..1; each image draws its own magnitude up to this one.
    """

    crop: int = 0
    padding: str = "zero"
    flip: bool = False
    cutout: int = 0
    strong: int = 0
    magnitude: float = 1.0

    @property
    def weak(self) -> Augment:
        """Crop and flip alone."""
        return dataclasses.replace(self, cutout=0, strong=0)

    def __bool__(self) -> bool:
        return bool(self.crop or self.flip or self.cutout or self.strong)

    def __call__(self, images, seeds: keras.random.SeedGenerator):
        """A view of the images [n, H, W, C], of the same shape and dtype; moves the seeds."""
        return self.apply(images, self.draw(ops.shape(images), seeds))

    def draw(self, shape, seeds: keras.random.SeedGenerator) -> dict:
        """Random draws for a batch of images of shape (n, H, W, C); moves the seeds.

        Returns:
            Those of the settings that are on, as `geometry` and `strong` take them: corner
            int32[n, 2], flipped bool[n], operation int32[n, strong], magnitude float32[n, strong],
            centre int32[n, 2].
        """
        n, height, width = shape[0], shape[1], shape[2]
        draws = {}
        if self.crop:
            draws["corner"] = _whole((n, 2), 2 * self.crop + 1, seeds)
        if self.flip:
            draws["flipped"] = keras.random.uniform((n,), seed=seeds) < 0.5
        if self.strong:
            draws["operation"] = _whole((n, self.strong), len(OPERATIONS), seeds)
            draws["magnitude"] = self.magnitude * keras.random.uniform(
                (n, self.strong), -1.0, 1.0, dtype="float32", seed=seeds
            )
        if self.cutout:
            draws["centre"] = ops.concatenate(
                [_whole((n, 1), height, seeds), _whole((n, 1), width, seeds)], axis=1
            )
        return draws

    def apply(self, images, draws: dict):
        """The view that these draws give; pure."""
        if self.crop or self.flip:
            images = geometry.crop_and_flip(
                images,
                draws.get("corner", ops.zeros((1, 2), "int32")),
                draws.get("flipped", ops.zeros((1,), "bool")),
                pixels=self.crop,
                padding=self.padding,
            )
        if self.strong:
            images = strong(images, draws["operation"], draws["magnitude"])
        if self.cutout:
            images = geometry.cutout(images, draws["centre"], size=self.cutout)
        return images


def _whole(shape, below: int, seeds):
    """Uniform whole numbers in 0..below - 1: int32, of this shape."""
    return keras.random.randint(shape, 0, below, dtype="int32", seed=seeds)
