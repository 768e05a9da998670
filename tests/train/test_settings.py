"""Settings objects of the callback refuse what has no meaning when they are made."""

import keras
import numpy as np
import pytest

from tssd_keras import TSSD, Scoring


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"features": 3}, TypeError, "features must be the name of a layer, got 3"),
        ({"from_logits": "no"}, TypeError, "from_logits must be True, False or None, got 'no'"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
    ],
)
def test_a_way_to_look_into_a_model_is_checked(settings, error, words):
    with pytest.raises(error, match=words):
        Scoring(**settings)


def test_a_layer_beside_a_score_model_is_refused():
    inputs = keras.Input((2,))
    with pytest.raises(ValueError, match="'pooled' has no effect beside score_model"):
        Scoring(features="pooled", score_model=keras.Model(inputs, [inputs, inputs]))


def test_the_feed_takes_a_model_and_no_list_of_networks():
    tssd = TSSD(np.zeros((8, 2), np.float32), np.arange(8) % 2)
    with pytest.raises(
        TypeError, match=r"got a list. Several networks become one by mixmatch_step"
    ):
        tssd.feed(batch_size=4, model=[keras.Sequential(), keras.Sequential()])
