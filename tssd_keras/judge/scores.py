"""One network's scores of samples: the input of both streams."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scores:
    """A network's scores of N samples, without augmentation or dropout.

    Attributes:
        loss: float32[N], cross-entropy of the given label in nats.
        features: float16[N, d], penultimate features scaled to length 1.
        log_p: float16[N, K], log-probabilities.
    """

    loss: np.ndarray
    features: np.ndarray
    log_p: np.ndarray

    def take(self, index: np.ndarray) -> Scores:
        """The scores of some samples."""
        return Scores(self.loss[index], self.features[index], self.log_p[index])
