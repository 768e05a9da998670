"""cleanlab as its documentation has it: cross-validated predictions, find the issues, prune, train.

Source: Northcutt, Jiang and Chuang, "Confident learning", arXiv 1911.00068; cleanlab 2.9,
`filter.find_label_issues` with its defaults and `rank.get_label_quality_scores`.
"""

from __future__ import annotations

import numpy as np

from peers.problem import Outcome, Problem
from peers.pruned import train_on
from peers.training import PeerStep, Taken, fit, log_probabilities, step


def run(problem: Problem, *, folds: int, fold_epochs: int) -> Outcome:
    """Judge by cross-validation, prune, train.

    Args:
        problem: to learn from.
        folds: of the cross-validation.
        fold_epochs: that each fold trains; 0: the recipe's.
    """
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    given = problem.labels[problem.stream]
    p = out_of_fold(problem, folds, fold_epochs)
    issue = find_label_issues(given, p, n_jobs=1)
    return train_on(problem, ~issue, get_label_quality_scores(given, p))


def out_of_fold(problem: Problem, folds: int, epochs: int) -> np.ndarray:
    """float64[N, K]: each sample's probabilities by a network that was not trained on it."""
    from sklearn.model_selection import StratifiedKFold

    given = problem.labels[problem.stream]
    p = np.empty((problem.n, problem.n_classes))
    split = StratifiedKFold(folds, shuffle=True, random_state=problem.seed).split(given, given)
    for number, (rest, held_out) in enumerate(split, 1):
        networks = problem.networks(seed=problem.seed + 100 * number)
        one, taken = step(problem, PeerStep, networks), Taken(rest, given[rest])
        fit(problem, one, lambda _, taken=taken: taken, evaluate=False, epochs=epochs)
        p[held_out] = np.exp(log_probabilities(problem, networks[0], held_out))
    return p / p.sum(axis=1, keepdims=True)
