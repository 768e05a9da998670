"""What a round looks all samples through for, with whoever shares it."""

import contextlib

import numpy as np

from tssd_keras.data.inputs import ArrayInputs
from tssd_keras.judge import neighbours, similarity
from tssd_keras.judge.sharing import ALONE
from tssd_keras.train.before_training import projected_inputs

N, D, K = 1_501, 12, 5  # more than one block, and the last one not full


def unit(n, d, seed, dtype="float16"):
    rows = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(dtype)


def found(sharing=ALONE):
    """Name -> array: neighbours, equal rows, class means, inputs as rows."""
    features = unit(N, D, 0)
    features[7] = features[1_400]  # equal ones in different shares
    labels = np.random.default_rng(1).integers(0, K, N)
    near = neighbours.Neighbours(features, labels, K, seed=0, n_anchors=300, sharing=sharing)
    state = near.get_state()
    inputs, some = ArrayInputs(np.random.default_rng(2).random((N, 3, 2))), np.arange(1, N, 2)
    return {
        "near": state["near"],
        "weight": state["weight"],
        "group": state["group"],
        "similarity": near.similarity(slice(None)),
        "means": similarity.class_means(features, labels, K, sharing),
        "rows": projected_inputs(inputs, some, None, sharing),
    }


@contextlib.contextmanager
def counted():
    """A list of the numbers of rows for which the nearest anchors are searched meanwhile."""
    rows, own = [], neighbours.nearest

    def nearest(*arguments):
        search = own(*arguments)

        def counting(block):
            rows.append(len(block))
            return search(block)

        return counting

    neighbours.nearest = nearest
    try:
        yield rows
    finally:
        neighbours.nearest = own
