"""The loop that all methods share: order of samples, schedule, decay, augmentation, evaluation."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from peers.problem import Problem
from tssd_keras.recipe.method_sections import TrainRecipe
from tssd_keras.run import wiring
from tssd_keras.train.augment import Augment
from tssd_keras.train.feed import plan_epoch
from tssd_keras.train.learning_rate import learning_rate
from tssd_keras.train.score_pass import fixed_batches
from tssd_keras.train.steps import objective, on_backend
from tssd_keras.train.steps.base_step import BaseStep

AT_ONCE = 1024  # samples that are evaluated or scored in one batch


class PeerStep(BaseStep):
    """One update of a method; by itself that of cross-entropy on the labels as they are."""

    def step_loss(self, data):
        """See `BaseStep.step_loss`; y is int[n, 2], label and row of the problem."""
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        labels, rows = y[:, 0], y[:, 1]
        if self.augment:
            x = self.augment(x, self.seeds)
        logits = [network(x, training=True) for network in self.networks]
        loss = self.loss_of(logits, labels, rows, weight)
        return self.total(loss), (loss, labels, objective.mean_prediction(logits), weight)

    def loss_of(self, logits, labels, rows, weight):
        """The mean of the networks' losses, a scalar.

        Args:
            logits: float[n, K] of each network.
            labels: int[n].
            rows: int[n], of the problem.
            weight: float32[n]; 0 for the samples that fill up the last batch.
        """
        del rows
        losses = [objective.weighted_cross_entropy(one, labels, weight) for one in logits]
        return sum(losses) / len(losses)


class Taken(NamedTuple):
    """What an epoch trains on.

    Attributes:
        rows: int64[n], of the problem.
        labels: int64[n].
        weight: float32[n], or [n, M] for M networks; None: ones.
    """

    rows: np.ndarray
    labels: np.ndarray
    weight: np.ndarray | None = None


def step(problem: Problem, kind: type[BaseStep], networks: list[keras.Model], **own: Any) -> Any:
    """A method's step, compiled with the recipe's optimizer, decay, augmentation and averages.

    Args:
        problem: has the recipe.
        kind: `BaseStep` or a subclass.
        networks: that it trains.
        own: what else its class takes.
    """
    train = problem.recipe.train
    made = on_backend(kind)(
        networks,
        weight_decay=train.weight_decay,
        augment=Augment(**dataclasses.asdict(problem.recipe.augment)),
        ema=train.ema,
        seed=train.seed,
        **own,
    )
    made.compile(wiring.optimizer(train), steps_per_execution=train.steps_per_execution)
    return made


def fit(
    problem: Problem,
    step: BaseStep,
    take: Callable[[int], Taken] | None = None,
    *,
    evaluate: bool = True,
    epochs: int = 0,
) -> list[float]:
    """Train for the recipe's epochs.

    Args:
        problem: has the recipe and the samples.
        step: of `step`.
        take: epoch, from 0 -> what it trains on; called before the epoch. None: the stream.
        evaluate: whether accuracy is measured after each epoch.
        epochs: in place of the recipe's, its schedule shortened with them; 0: those.

    Returns:
        Accuracy after each epoch; empty without `evaluate`.

    Raises:
        ValueError: a loss is not finite.
    """
    train, accuracies = problem.recipe.train, []
    train = dataclasses.replace(train, epochs=epochs or train.epochs)
    whole = Taken(problem.stream, problem.labels[problem.stream])
    for epoch in range(train.epochs):
        taken = take(epoch) if take else whole
        step.optimizer.learning_rate = learning_rate(train, epoch)
        loss = _epoch(problem, step, taken, np.random.default_rng((train.seed, epoch)), train)
        if not np.isfinite(loss):
            raise ValueError(
                f"loss must be finite, in epoch {epoch + 1} of {train.epochs} it is {loss}. Try a "
                "lower train.learning_rate."
            )
        if evaluate:
            accuracies.append(accuracy(problem, step))
    return accuracies


def _epoch(
    problem: Problem, step: BaseStep, taken: Taken, rng: np.random.Generator, train: TrainRecipe
) -> float:
    """The mean loss of an epoch's updates."""
    step.reset_metrics()
    plan = plan_epoch(np.ones(len(taken.rows), bool), train.batch_size, rng)
    weight = np.ones(len(taken.rows)) if taken.weight is None else taken.weight
    for places, used in zip(*plan, strict=True):
        rows = taken.rows[places]
        y = taken.labels[places].astype(np.int32)
        if isinstance(step, PeerStep):
            y = np.stack([y, rows.astype(np.int32)], axis=1)
        counts = (weight[places].T * used).T.astype(np.float32)
        x = problem.inputs.read(rows)
        logs = step.train_on_batch(x, y, sample_weight=counts, return_dict=True)
    return float(logs["loss"])


def accuracy(problem: Problem, step: BaseStep) -> float:
    """Share of the evaluation samples whose most probable class is right."""
    inputs, labels = problem.prepared.eval_inputs, problem.prepared.eval_labels
    logits = _predicted(step, inputs, np.arange(len(inputs)))
    return float((logits.argmax(axis=1) == labels).mean())


def log_probabilities(problem: Problem, network: keras.Model, rows: np.ndarray) -> np.ndarray:
    """float32[n, K] of samples as they are, without dropout.

    Args:
        problem: has the samples.
        network: gives logits.
        rows: int64[n], of the problem.
    """
    logits = ops.convert_to_tensor(_predicted(network, problem.inputs, rows))
    return ops.convert_to_numpy(ops.log_softmax(logits, axis=-1))


def given_losses(problem: Problem, network: keras.Model) -> np.ndarray:
    """float32[N]: cross-entropy of the stream's given labels, in nats."""
    log_p = log_probabilities(problem, network, problem.stream)
    return -log_p[problem.stream, problem.labels[problem.stream]]


def features(problem: Problem, looking: keras.Model) -> tuple[np.ndarray, np.ndarray]:
    """What `looking_model` gives of the stream: float32[N, d] of length 1, and log_p [N, K]."""
    parts = []
    for rows, batch in fixed_batches(problem.inputs, problem.stream, min(AT_ONCE, problem.n)):
        parts.append([out[: rows.stop - rows.start] for out in looking.predict_on_batch(batch)])
    found, logits = (np.concatenate(part).astype(np.float32) for part in zip(*parts, strict=True))
    found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
    return found, ops.convert_to_numpy(ops.log_softmax(ops.convert_to_tensor(logits), axis=-1))


def looking_model(network: keras.Model) -> keras.Model:
    """The network with two outputs, features and logits; made once, before training."""
    return keras.Model(network.inputs, [network.get_layer("features").output, *network.outputs])


def _predicted(model: keras.Model, inputs: Any, rows: np.ndarray) -> np.ndarray:
    """float32[n, K]."""
    parts = [
        np.asarray(model.predict_on_batch(batch))[: part.stop - part.start]
        for part, batch in fixed_batches(inputs, rows, min(AT_ONCE, len(rows)))
    ]
    return np.concatenate(parts).astype(np.float32)
