"""DivideMix: two networks judge labels for each other by their losses, and learn by MixMatch.

Source: Li, Socher and Hoi, arXiv 2002.07394, algorithm 1, with its mixture (two Gaussians of the
losses, scaled to [0, 1]), threshold 0.5, T = 0.5, alpha = 4 and ramp of 16 epochs. The step is the
library's (`SemiSupervised`, which tests hold against the paper): one pass over all samples an epoch
for both networks, where the authors' code pairs each labelled batch with an unlabelled one. The
warm-up is the recipe's; its penalty goes with asymmetric noise, as in the paper.
"""

from __future__ import annotations

import numpy as np

from peers.problem import Outcome, Problem
from peers.training import Taken, fit, given_losses, step
from tssd_keras.train.steps.semi_supervised import Mixmatch, SemiSupervised


def p_clean(loss: np.ndarray, seed: int) -> np.ndarray:
    """float64[N]: posterior of the mixture's component with the lower mean.

    Args:
        loss: float[N], in any unit.
        seed: of the fit's start.
    """
    from sklearn.mixture import GaussianMixture

    spread = np.ptp(loss)
    scaled = ((loss - loss.min()) / (spread if spread > 0 else 1.0)).reshape(-1, 1)
    mixture = GaussianMixture(2, max_iter=10, tol=1e-2, reg_covar=5e-4, random_state=seed)
    return mixture.fit(scaled).predict_proba(scaled)[:, int(mixture.means_[:, 0].argmin())]


def ramped(epoch: int, warmup_epochs: int, ramp_epochs: int) -> float:
    """Share of lambda_u in an epoch, counted from 0."""
    return float(np.clip((epoch - warmup_epochs) / ramp_epochs, 0, 1))


def run(
    problem: Problem,
    *,
    threshold: float,
    temperature: float,
    alpha: float,
    lambda_u: float,
    ramp_epochs: int,
) -> Outcome:
    """Train on the stream; evaluated by the mean of both networks' probabilities.

    Args:
        problem: to learn from.
        threshold: a label is trusted above this probability.
        temperature: of the sharpened targets.
        alpha: of mixup's Beta distribution.
        lambda_u: weight of the unlabelled loss.
        ramp_epochs: in which it rises from 0.
    """
    warmup, asymmetric = (
        problem.recipe.train.warmup_epochs,
        problem.recipe.noise.kind == "asymmetric",
    )
    settings = Mixmatch(temperature=temperature, alpha=alpha, penalty=asymmetric)
    networks = problem.networks(2)
    both = step(problem, SemiSupervised, networks, settings=settings)
    labels, p = problem.labels[problem.stream], np.ones((problem.n, 2))

    def take(epoch: int) -> Taken:
        both.warm_up(epoch < warmup)
        if epoch >= warmup:
            both.lambda_u.assign(lambda_u * ramped(epoch, warmup, ramp_epochs))
            p[:] = _judged_by_each_other(problem, networks)
        return Taken(problem.stream, labels, np.where(p > threshold, p, 0.0))

    accuracy = fit(problem, both, take)
    score = _judged_by_each_other(problem, networks).mean(axis=1)
    return Outcome(accuracy, score, score > threshold)


def _judged_by_each_other(problem: Problem, networks: list) -> np.ndarray:
    """float64[N, 2]: each network's column is by the other's losses."""
    by = [p_clean(given_losses(problem, network), problem.seed) for network in networks]
    return np.stack(by[::-1], axis=1)
