import dataclasses

import numpy as np
import pytest
from builders.audit_samples import some_judged, some_streams

from tssd_keras.auditing.reasons import reasons
from tssd_keras.judge.roles import FLOOR, NEGATIVE, POSITIVE, SEMI_HARD

pytestmark = pytest.mark.backend_free


def test_reasons_say_what_each_judge_says():
    judged = some_judged(
        5,
        given=np.zeros(5, int),
        suggested=np.array([1, 0, 1, 1, 1]),
        p_loss=np.array([0.02, 0.6, 0.5, 0.98, 0.4]),
        p_feature=np.array([0.4, 0.98, 0.02, 0.98, 0.4]),
        q=np.array([0.1, 0.9, np.nan, 0.8, 0.2]),
        role=np.array([NEGATIVE, SEMI_HARD, NEGATIVE, POSITIVE, FLOOR], np.int8),
        weight=np.array([0, 0.9, 0, 1, 1]),
        streams=(),
    )
    texts, which = reasons(judged, np.arange(5))
    said = [texts[i] for i in which]
    assert said[0] == (
        "Its loss is clearly one of the high ones. It lies apart from its given class. In all, "
        "q takes the label to be wrong. It is not kept."
    )
    assert "Its loss is one of the low ones. It lies clearly among its given class." in said[1]
    assert "No other class is more probable. It was mined, and carries the weight q." in said[1]
    assert "In all, q" not in said[2]
    assert said[3].endswith("It carries weight (positive).")
    assert said[4].endswith("It carries weight only as one of the best few of its class.")


def test_a_stream_that_abstains_says_nothing_in_the_reasons():
    judged = some_judged(9)
    streams = some_streams(judged.given, np.zeros(9, bool), 3)
    silent = dataclasses.replace(
        streams, loss_abstains=True, feature_abstains=np.array([True, False, False])
    )
    texts, which = reasons(dataclasses.replace(judged, streams=(silent,)), np.arange(9))
    assert all("The losses are unimodal and say nothing." in text for text in texts)
    assert [("Its place in feature space says nothing" in texts[i]) for i in which[:3]] == [
        True,
        False,
        False,
    ]
