import numpy as np
import pytest
from builders.populations import K, population

from tssd_keras.judge.divide import divide
from tssd_keras.judge.roles import NEGATIVE
from tssd_keras.judge.similarity import ClassMeans
from tssd_keras.judge.stand_ins import CERTAIN_PER_CLASS, stand_ins
from tssd_keras.labels.noise import symmetric

pytestmark = pytest.mark.backend_free


def test_stand_ins_given_twice_share_their_fold():
    scores, _truth, given = population(symmetric(K, 0.4), n=1500)
    where = ClassMeans(scores.features, given, K)
    division = divide(scores.loss, where.scores(), given, K)
    positives, rejected = stand_ins(scores, given, where, division, K, 3, np.random.default_rng(0))
    assert len(positives.labels) == len(rejected) == CERTAIN_PER_CLASS * K
    assert (division.role[rejected] == NEGATIVE).all()
    assert np.bincount(positives.labels).tolist() == [CERTAIN_PER_CLASS] * K
    _, sample = np.unique(positives.scores.loss, return_inverse=True)
    for one in np.unique(sample):
        assert len(set(positives.fold[sample == one])) == 1
