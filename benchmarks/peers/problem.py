"""What a method is given: a recipe's data without the truth, and networks; what it gives back."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import keras
import numpy as np

from tssd_keras.data import loading
from tssd_keras.data.inputs import Inputs, Subset
from tssd_keras.labels.prepare import Prepared, prepare
from tssd_keras.recipe.recipe import Recipe
from tssd_keras.run import wiring


@dataclass(frozen=True)
class Problem:
    """A recipe's data and settings, for a method that shall learn from them.

    Attributes:
        recipe: of the run; every draw goes by its seeds.
        inputs: N + M samples: the noisy stream, then the golden ones.
        labels: int64[N + M]: given of the stream, trusted of the golden ones.
        n: N.
        prepared: the library's data, for networks and evaluation.
        noise_rate: true share of wrong labels in the stream, which no user knows; for the one
            method whose paper takes it as given.
    """

    recipe: Recipe
    inputs: Inputs
    labels: np.ndarray
    n: int
    prepared: Prepared
    noise_rate: float | None

    @property
    def n_classes(self) -> int:
        """K."""
        return len(self.prepared.data.class_names)

    @property
    def stream(self) -> np.ndarray:
        """int64[N], the rows of the noisy stream."""
        return np.arange(self.n)

    @property
    def golden(self) -> np.ndarray:
        """int64[M], the rows of the golden samples."""
        return np.arange(self.n, len(self.labels))

    @property
    def seed(self) -> int:
        """Of all that a method draws by itself."""
        return self.recipe.train.seed

    def networks(self, number: int = 1, *, seed: int | None = None) -> list[keras.Model]:
        """The recipe's network with initial weights by its seed, or another: inputs -> logits."""
        seed = self.seed if seed is None else seed
        train = dataclasses.replace(self.recipe.train, networks=number, seed=seed)
        return wiring.networks(dataclasses.replace(self.recipe, train=train), self.prepared)

    def flat(self) -> np.ndarray:
        """float32[N, d]: the stream's samples as rows, centred, of length 1."""
        rows = self.inputs.read(self.stream).reshape(self.n, -1).astype(np.float32)
        rows -= rows.mean(axis=0)
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


@dataclass(frozen=True)
class Outcome:
    """What a method came to.

    Attributes:
        accuracy: float[E], on the evaluation samples after each epoch.
        score: float[N], higher where a stream's label is likelier right; None: it has none.
        kept: bool[N], which labels it went by at the end; None: by all alike.
    """

    accuracy: list[float]
    score: np.ndarray | None = None
    kept: np.ndarray | None = None


def of_recipe(recipe: Recipe) -> Problem:
    """Load a recipe's data.

    Raises:
        FileNotFoundError, ValueError: as `experiment.run`; or the recipe asks for what only the
            library's own training does.
    """
    if recipe.train.balanced_batches or recipe.golden.decisions:
        raise ValueError(
            "a peer trains on every sample once an epoch and knows no decisions: "
            "train.balanced_batches and golden.decisions must not be set, got "
            f"{recipe.train.balanced_batches} and {recipe.golden.decisions!r}. Leave them out, or "
            "name methods of TSSD alone."
        )
    prepared = prepare(recipe, loading.load(recipe.data, recipe.golden))
    stream, labels = prepared.stream, prepared.given[prepared.stream]
    index = stream
    if prepared.golden is not None:
        index = np.concatenate([stream, prepared.golden_index])
        labels = np.concatenate([labels, prepared.golden.labels])
    return Problem(
        recipe=recipe,
        inputs=Subset(prepared.data.inputs, index),
        labels=labels,
        n=len(stream),
        prepared=prepared,
        noise_rate=_noise_rate(prepared),
    )


def truth_of(problem: Problem) -> np.ndarray | None:
    """int64[N], the stream's true labels, -1 where unknown: to judge an outcome by."""
    truth = problem.prepared.truth
    return None if truth is None else truth[problem.prepared.stream]


def _noise_rate(prepared: Prepared) -> float | None:
    if prepared.truth is None:
        return None
    given, truth = (labels[prepared.stream] for labels in (prepared.given, prepared.truth))
    return float((given != truth)[truth >= 0].mean()) if (truth >= 0).any() else None
