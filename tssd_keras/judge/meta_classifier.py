"""The meta classifier g: a small Keras model that says whether a label is right.

All folds are members of one model, side by side: member k learns from the rows
outside fold k. One compilation and one fit so serve all scores: a golden row's by the
member that has not seen it, any other pair's by the mean of the members.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from tssd_keras.judge.meta_features import BLOCK
from tssd_keras.judge.state import State, in_order, numbered, part, under

WIDTH = 16
LEARNING_RATE = 1e-2
# Decoupled weight decay is this over the number of golden samples: fewer make g simpler. AUROC of q
# on CIFAR-10N worst at 0, 125, 500, 2000: .800, .832, .824, .819 with five golden samples a class,
# .821, .832, .839, .831 with twenty (docs/constants.md).
WEIGHT_DECAY_SAMPLES = 500.0
FIRST_STEPS = 300  # a multiple of LATER_STEPS, which are one compiled call
LATER_STEPS = 100


def _weighted_binary_crossentropy(target, logit):
    """target[..., 0] is the truth, target[..., 1] the weight; both [n, members] -> [n].

    The mean over rows, which Keras takes, is the weighted mean of all losses.
    """
    truth, weight = target[..., 0], target[..., 1]
    loss = ops.softplus(logit) - truth * logit
    return ops.sum(weight * loss, axis=-1) / ops.mean(ops.sum(weight, axis=-1))


class _NonNegativeRows(keras.constraints.Constraint):
    """Rows of a kernel, chosen by a mask, stay at 0 or above."""

    def __init__(self, mask: np.ndarray) -> None:
        self._floor = np.where(mask, 0.0, -np.inf).astype(np.float32)[:, None]

    def __call__(self, kernel):
        return ops.maximum(kernel, self._floor)


class _ManyUpdates(keras.Model):
    """A model whose training step makes LATER_STEPS updates on one batch, in one compiled loop.

    An update of g takes about a millisecond, and a call of Keras several.
    """

    def train_step(self, *arguments):
        """Keras's own step in a loop; its arguments are a batch, on JAX a state and a batch."""
        *state, batch = arguments
        step = super().train_step

        def update(_, last):
            result = step(*last[1:], batch)
            return result if state else (result,)

        result = ops.fori_loop(0, LATER_STEPS, update, ({"loss": ops.zeros(())}, *state))
        return result if state else result[0]


class MetaClassifier:
    """g, with its members, its standardisation and its warm start.

    Args:
        direction: int[n_features]; +1 or -1 where the log-odds must rise or fall
            with a meta-feature, 0 where they may do either.
        n_members: folds.
        n_samples: golden samples; sets how strongly the weights are held small.
        seed: of the initial weights.
    """

    def __init__(self, direction: np.ndarray, n_members: int, n_samples: int, *, seed: int) -> None:
        init = keras.initializers.GlorotUniform
        self._direction = np.asarray(direction)
        n_features = len(self._direction)
        rising = _NonNegativeRows(self._direction != 0)
        inputs = keras.Input((n_features,), name="meta_features")
        hidden = keras.layers.Dense(
            WIDTH * n_members,
            activation="tanh",
            kernel_initializer=init(seed=seed),
            kernel_constraint=rising,
        )(inputs)
        hidden = keras.layers.Reshape((n_members, WIDTH))(hidden)
        curved = keras.layers.EinsumDense(
            "bmh,mh->bm",
            output_shape=n_members,
            bias_axes="m",
            kernel_initializer=init(seed=seed + 1),
            kernel_constraint=keras.constraints.NonNeg(),
        )(hidden)
        # The straight way: a label's log-odds are nearly linear in most meta-features.
        straight = keras.layers.Dense(
            n_members, use_bias=False, kernel_initializer="zeros", kernel_constraint=rising
        )(inputs)
        self.model = _ManyUpdates(
            inputs, keras.layers.Add()([curved, straight]), name="meta_classifier"
        )
        self.model.compile(
            keras.optimizers.AdamW(LEARNING_RATE, weight_decay=WEIGHT_DECAY_SAMPLES / n_samples),
            loss=_weighted_binary_crossentropy,
        )
        # Slots that are made in the first update have TensorFlow trace it twice.
        self.model.optimizer.build(self.model.trainable_variables)
        self._center = np.zeros(n_features, np.float32)
        self._scale = np.ones(n_features, np.float32)
        self._fitted = False
        self._n_samples = n_samples

    def get_state(self) -> State:
        """Weights, the optimizer's variables and the scale: what `set_state` takes."""
        variables = [ops.convert_to_numpy(v) for v in self.model.optimizer.variables]
        return {
            "n_samples": np.array(self._n_samples),
            "center": self._center,
            "scale": self._scale,
            "fitted": np.array(self._fitted),
            **under("weights", numbered(self.model.get_weights())),
            **under("optimizer", numbered(variables)),
        }

    def set_state(self, state: State) -> None:
        """Go on from where another of the same make was."""
        self.model.set_weights(in_order(part(state, "weights")))
        values = in_order(part(state, "optimizer"))
        for variable, value in zip(self.model.optimizer.variables, values, strict=True):
            variable.assign(value)
        self._center, self._scale = state["center"], state["scale"]
        self._fitted = bool(state["fitted"])

    def fit(
        self, features: np.ndarray, right: np.ndarray, weight: np.ndarray, fold: np.ndarray
    ) -> None:
        """Fit every member on the rows outside its fold, from where the last fit ended.

        Args:
            features: float32[n, n_features]; n must not change between fits.
            right: bool[n], whether the pair's label is right.
            weight: float[n], how much a row counts; rows of weight 0 are padding.
            fold: int[n], of the row's sample; -1: every member learns from the row.
        """
        used = features[weight > 0]
        if not self._fitted:  # later rounds keep the scale that the weights were fitted to
            self._center = used.mean(axis=0)
            self._scale = np.maximum(used.std(axis=0), 1e-3)
        members = np.arange(self.model.output_shape[-1])
        member_weight = weight[:, None] * (fold[:, None] != members)
        truth = np.broadcast_to(right[:, None], member_weight.shape)
        target = np.stack([truth, member_weight], axis=-1).astype(np.float32)
        x = self._standardised(features)
        for _ in range(1 if self._fitted else FIRST_STEPS // LATER_STEPS):
            self.model.train_on_batch(x, target)
        self._fitted = True

    def logits(self, features: np.ndarray, fold: np.ndarray | None = None) -> np.ndarray:
        """Log-odds that each pair's label is right.

        Args:
            features: float32[n, n_features].
            fold: int[n]; row i is judged by the member that left fold[i] out, at -1 by
                the mean of all members. None: all rows are judged by that mean.

        Returns:
            float32[n].
        """
        every = self._forward(features)
        mean = every.mean(axis=1)
        if fold is None:
            return mean
        return np.where(fold < 0, mean, every[np.arange(len(fold)), np.maximum(fold, 0)])

    def _standardised(self, features: np.ndarray) -> np.ndarray:
        turned = np.where(self._direction < 0, -1, 1)
        scaled = np.clip((features - self._center) / self._scale, -8, 8)
        return (turned * scaled).astype(np.float32)

    def _forward(self, features: np.ndarray) -> np.ndarray:
        """All members' logits, float32[n, members], in blocks of one shape (one compilation)."""
        x = self._standardised(features)
        out = np.empty((len(x), self.model.output_shape[-1]), np.float32)
        block = np.zeros((BLOCK, x.shape[1]), np.float32)
        for start in range(0, len(x), BLOCK):
            rows = x[start : start + BLOCK]
            block[: len(rows)] = rows
            out[start : start + len(rows)] = self.model.predict_on_batch(block)[: len(rows)]
        return out
