"""Samples around a few directions, as a network that has learned the noise sees them."""

import functools

import numpy as np
from scipy.special import log_softmax
from sklearn.preprocessing import normalize

from tssd_keras.judge.divide import divide
from tssd_keras.judge.golden_head import assign_folds
from tssd_keras.judge.meta_rows import Trusted
from tssd_keras.judge.purify import Purifier
from tssd_keras.judge.scores import Scores
from tssd_keras.judge.similarity import ClassMeans
from tssd_keras.labels.noise import draw_labels, symmetric
from tssd_keras.recipe.method_sections import PurifyRecipe

K, D = 10, 16
NAMES = tuple("abcdefghij")


def population(matrix, *, n=6000, seed=0, noise_seed=0):
    """Samples around K directions, their labels, and what a network says of them.

    The network has learned the noise: it says how probable each given label is, not each class.
    """
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(K, D))
    truth = rng.integers(0, K, n)
    given = draw_labels(truth, matrix, seed=noise_seed)
    features = normalize((centres[truth] + rng.normal(0, 1.5, (n, D))).astype(np.float32))
    logits = 8 * features @ normalize(centres.astype(np.float32)).T
    log_p = np.log(np.exp(log_softmax(logits, axis=1)) @ matrix)
    loss = -log_p[np.arange(n), given]
    scores = Scores(loss.astype(np.float32), features.astype(np.float16), log_p.astype(np.float16))
    return scores, truth, given


def remembered(share, *, n=6000, seed=0, golden=300):
    """Half of the labels are wrong; the network remembers all but those of golden samples."""
    scores, truth, given = population(symmetric(K, 0.5), n=n, seed=seed)
    p = np.exp(scores.log_p.astype(np.float32))
    p[golden:] *= 1 - share
    p[np.arange(golden, n), given[golden:]] += share
    log_p = np.log(p)
    return (
        Scores(-log_p[np.arange(n), given], scores.features, log_p.astype(np.float16)),
        truth,
        given,
    )


def judged(matrix, source="trusted", **how):
    """Divide and purify a population; M = 300 golden samples from the same one, apart.

    Each is judged once, for all tests that ask for it. They only read.
    """
    return _judged(matrix if matrix is None else tuple(map(tuple, matrix)), source, **how)


@functools.cache
def _judged(
    matrix,
    source,
    *,
    settings=None,
    known=True,
    remember=0.0,
    at_random=False,
    noise_seed=0,
    cautious=True,
):
    scores, truth, given = (
        remembered(remember) if remember else population(np.array(matrix), noise_seed=noise_seed)
    )
    golden = np.arange(300)
    stream = np.arange(300, len(truth))
    settings = settings or PurifyRecipe()
    trusted = Trusted(
        scores.take(golden),
        truth[golden],
        given[golden] if known else np.full(300, -1),
        assign_folds(truth[golden], settings.folds, seed=0),
        at_random=np.full(300, at_random),
    )
    own, labels = scores.take(stream), given[stream]
    where = ClassMeans(own.features, labels, K)
    division = divide(own.loss, where.scores(), labels, K, threshold=0.9)
    purifier = Purifier(source, K, settings, cautious=cautious)
    found = purifier.purify(
        own, labels, where, division, golden=trusted if source == "trusted" else None
    )
    truth = truth[stream]
    for array in (*vars(found).values(), *vars(division).values(), truth, labels):
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    return found, division, truth, labels
