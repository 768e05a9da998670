"""Settings objects of the callback refuse what has no meaning when they are made."""

import keras
import numpy as np
import pytest
from builders.small_runs import fit, network, new_tssd

from tssd_keras import TSSD, Scoring


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"features": 3}, TypeError, "features must be the name of a layer, got 3"),
        ({"score_model": 3}, TypeError, "score_model must be a keras.Model, .* got 3 of type int"),
        ({"score_model": lambda x: x}, TypeError, "score_model must be a keras.Model"),
        ({"batch_size": True}, TypeError, "batch_size must be a whole number, got True"),
        ({"batch_size": 2**80}, ValueError, "batch_size must be at most 2147483647"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
    ],
)
def test_a_way_to_look_into_a_model_is_checked(settings, error, words):
    with pytest.raises(error, match=words):
        Scoring(**settings)


def test_whether_a_model_gives_logits_is_checked():
    x, y = np.zeros((8, 2), np.float32), np.arange(8) % 2
    with pytest.raises(TypeError, match="from_logits must be True, False or None, got 'no'"):
        TSSD(x, y, from_logits="no")


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


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"model": object()}, TypeError, "model must be the keras.Model that is fitted, got a obj"),
        ({"shuffle": 1}, TypeError, "shuffle must be True or False, got 1 of type int"),
        ({"kind": ["tf.data"]}, ValueError, "kind must be one of auto, tf.data, pydataset"),
        ({"batch_size": 2**80}, ValueError, "batch_size must be at most 2147483647"),
    ],
)
def test_a_feed_is_told_what_it_cannot_be(settings, error, words):
    tssd = TSSD(np.zeros((8, 2), np.float32), np.arange(8) % 2)
    with pytest.raises(error, match=words):
        tssd.feed(**settings)


@pytest.mark.parametrize(
    ("verbose", "printed"),
    [("auto", True), (1, True), (2, True), (True, True), (0, False), (False, False)],
)
def test_verbose_is_what_keras_takes(verbose, printed, capsys):
    tssd = new_tssd(warmup_epochs=1, verbose=verbose)
    fit(network(), tssd, 2)
    assert ("kept" in capsys.readouterr().out) == printed


@pytest.mark.parametrize("verbose", [3, -1, "yes", None, 1.0, [1]])
def test_another_verbose_is_refused(verbose):
    with pytest.raises(ValueError, match='verbose must be "auto", 1, 2 or True'):
        new_tssd(verbose=verbose)


@pytest.mark.parametrize("hook", [0, [], ""])
def test_what_is_false_is_no_hook(hook):
    with pytest.raises(TypeError, match="on_round must be a function"):
        new_tssd(on_round=hook)
