"""SSR: labels are replaced where the network is sure, and kept where neighbours agree with them.

Source: Feng, Tzimiropoulos and Patras, arXiv 2111.11288, equations 1 to 5: relabel above theta_r;
vote of the k nearest in feature space, divided by the classes' shares; keep where the own vote is
theta_s of the largest; mixup on what is kept, every class as often. Its warm-up is the recipe's.
The feature consistency of "SSR+", for strong augmentation, is not here.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from peers.problem import Outcome, Problem
from peers.simifeat import soft_labels
from peers.training import PeerStep, Taken, features, fit, looking_model, step
from tssd_keras.train.steps import mixmatch
from tssd_keras.train.steps.semi_supervised import mixable_parts


def relabelled(log_p: np.ndarray, labels: np.ndarray, theta_r: float) -> np.ndarray:
    """int64[N]: the most probable class where it is surer than theta_r, else the given one."""
    return np.where(np.exp(log_p.max(axis=1)) > theta_r, log_p.argmax(axis=1), labels)


def consistency(votes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """float64[N] in [0, 1]: the own class's vote by the largest, of float[N, K] votes.

    Votes are divided by the classes' shares of the labels first.
    """
    share = np.bincount(labels, minlength=votes.shape[1]) / len(labels)
    balanced = votes / np.maximum(share, 1e-12)
    return balanced[np.arange(len(labels)), labels] / balanced.max(axis=1)


def balanced_rows(rows: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows drawn again until each class has as many as the largest: int64[K' * most]."""
    groups = [rows[labels == k] for k in np.unique(labels)]
    most = max(map(len, groups))
    return np.concatenate(
        [np.concatenate([one, rng.choice(one, most - len(one))]) for one in groups]
    )


class Mixed(PeerStep):
    """Cross-entropy of mixed samples to mixed labels."""

    def __init__(self, networks, *, alpha: float, **base) -> None:
        super().__init__(networks, **base)
        self.alpha = alpha
        self.prepare, self.core = mixable_parts(networks[0])

    def step_loss(self, data):
        """See `BaseStep.step_loss`."""
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        x = self.prepare(self.augment(x, self.seeds) if self.augment else x)
        uniforms = keras.random.uniform((mixmatch.n_uniforms(self.alpha),), seed=self.seeds)
        share = mixmatch.mixup_lambda(uniforms, self.alpha)
        partner = ops.argsort(keras.random.uniform(ops.shape(weight), seed=self.seeds))
        logits = self.core(mixmatch.mix(x, partner, share), training=True)
        target = ops.one_hot(y[:, 0], logits.shape[-1], dtype="float32")
        log_p = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
        loss = mixmatch.supervised(log_p, mixmatch.mix(target, partner, share), weight)
        return self.total(loss), (loss, y[:, 0], logits, weight)


def run(problem: Problem, *, k: int, theta_s: float, theta_r: float, alpha: float) -> Outcome:
    """Train on the stream.

    Args:
        problem: to learn from.
        k: neighbours that vote.
        theta_s: share of the largest vote that keeps a label.
        theta_r: probability above which a label is replaced.
        alpha: of mixup's Beta distribution.
    """
    given, networks = problem.labels[problem.stream], problem.networks()
    looking, one = looking_model(networks[0]), step(problem, Mixed, networks, alpha=alpha)

    def judged() -> tuple[np.ndarray, np.ndarray]:
        unit, log_p = features(problem, looking)
        labels = relabelled(log_p, given, theta_r)
        return labels, consistency(soft_labels(unit, labels, problem.n_classes, k), labels)

    def take(epoch: int) -> Taken:
        if epoch < problem.recipe.train.warmup_epochs:
            return Taken(problem.stream, given)
        labels, vote = judged()
        rows, rng = np.flatnonzero(vote >= theta_s), np.random.default_rng((problem.seed, epoch, 1))
        rows = balanced_rows(rows, labels[rows], rng)
        return Taken(rows, labels[rows])

    accuracy = fit(problem, one, take)
    labels, vote = judged()
    kept = (vote >= theta_s) & (labels == given)
    return Outcome(accuracy, np.where(labels == given, vote, vote - 1), kept)
