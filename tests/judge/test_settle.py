import numpy as np
import pytest

from tssd_keras.judge.roles import NEGATIVE, POSITIVE, SEMI_HARD, UNCERTAIN
from tssd_keras.judge.settle import overrule, settle

pytestmark = pytest.mark.backend_free


def test_settle_mines_the_uncertain_above_the_criterion():
    role = np.array([POSITIVE, POSITIVE, UNCERTAIN, UNCERTAIN, NEGATIVE], np.int8)
    settled = settle(role, np.array([0.9, 0.5, 0.8, 0.7, 0.99]), 0.7)
    assert settled.tolist() == [POSITIVE, POSITIVE, SEMI_HARD, UNCERTAIN, NEGATIVE]


def test_overrule_opens_what_the_meta_classifier_denies():
    role = np.array([POSITIVE, POSITIVE, UNCERTAIN, NEGATIVE, NEGATIVE], np.int8)
    opened = overrule(role, np.array([0.51, 0.5, 0.9, 0.5, 0.51]))
    assert opened.tolist() == [POSITIVE, UNCERTAIN, UNCERTAIN, NEGATIVE, UNCERTAIN]
    assert role.tolist() == [POSITIVE, POSITIVE, UNCERTAIN, NEGATIVE, NEGATIVE]
