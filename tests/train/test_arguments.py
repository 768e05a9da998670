"""Arguments that do not fit are refused when the callback is made; those that look odd but fit are
taken."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers

from tssd_keras import TSSD, DivideRecipe, Drawing, Golden, Labels, PurifyRecipe, Scoring

X3 = np.random.default_rng(0).normal(size=(30, 4)).astype("float32")
GOLDEN3 = (np.arange(24, dtype="float32").reshape(6, 4), np.arange(6) % 3)


def marked(at_random):
    """Two golden samples of each of three classes."""
    return Golden(np.ones((6, 3)), np.arange(6) % 3, np.full(6, -1), at_random=at_random)


def made_of(arguments):
    """A callback of flat arguments: those of `Labels`, `Scoring` and `Drawing` find their place."""

    def taken(kind):
        names = [field.name for field in dataclasses.fields(kind)]
        return kind(**{name: arguments.pop(name) for name in names if name in arguments})

    settings = {"labels": taken(Labels), "scoring": taken(Scoring), "drawing": taken(Drawing)}
    return TSSD(**{**settings, **arguments})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"given": np.zeros(5, int)}, "one entry for each of 6"),
        ({"given": np.full(6, 0.5)}, "whole numbers, .* 6 are fractions"),
        ({"given": np.ones((6, 3))}, "Some rows name several classes"),
        ({"given": np.full((6, 3), 1 / 3)}, "argmax"),
        ({"given": np.array(["a", "b", None] * 2, object)}, "2 of 6 are missing, .* sample 2"),
        ({"given": {"a": np.arange(6)}}, r"must be named: .*output=\.\.\.\)\) with one of 'a'"),
        ({"given": np.array([0, 1, 2, -1, 0, 1])}, "first is sample 3 with -1"),
        ({"n_classes": 2}, "first is sample 2 with 2"),
        ({"warmup_epochs": 0}, "at least 1"),
        ({"golden": "trustd"}, "got 'trustd'"),
        ({"golden": (np.zeros((2, 4)), np.array([0, 1]))}, "shape of the others"),
        ({"golden": (np.zeros((3, 3)), np.array([0, 1]))}, "got 3 and 2"),
        ({"golden": (np.zeros((4, 3)), np.array([0, 0, 1, 1]))}, "class 2 with 0"),
        ({"golden": (np.zeros((6, 3), np.uint8), np.arange(6) % 3)}, "float64, got uint8"),
        ({"index": np.array([0, 1, 2, 3, 4, 6])}, "6 inputs: 1 of 6 .* first is 6 at 5"),
        ({"index": np.array([0, 1, 2, 3, 4, 4])}, "once: 1 come more often, the first is 4"),
        ({"index": np.arange(5)}, "each of 5 samples .* got 6"),
        ({"true": np.zeros(5, int)}, "each of 6 samples, got 5"),
        ({"true": np.array([0, 1, 2, 3, 1, 2])}, "first is sample 3 with 3"),
        (
            {"true": np.array([0, 1, -1, 2, -2, -3])},
            "2 of 6 do not, .* sample 4 with -2",
        ),
        ({"epoch_samples": 5}, r"at least 6 \(2 for each of 3 classes\), got 5"),
        ({"epoch_samples": 6.5}, "whole number, got 6.5"),
        ({"epoch_samples": "many"}, "epoch_samples must be a whole number, got 'many'"),
        ({"warmup_epochs": 1.5}, "warmup_epochs .* must be a whole number, got 1.5"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"n_classes": 10.0}, "n_classes .* whole number, got 10.0"),
        ({"n_classes": -3}, "n_classes .* at least 2, got -3"),
        ({"given": np.zeros(6, int)}, "n_classes .* at least 2, got 1"),
        ({"epoch_samples": 0}, "epoch_samples must be at least 1, got 0"),
        ({"scoring": {"features": "last"}}, "scoring must be a Scoring"),
        ({"drawing": 7}, r"drawing must be a Drawing, got 7 .* Try drawing=Drawing\(\.\.\.\)"),
        ({"golden": (1, 2, 3)}, "pair .* got 3 things"),
        (
            {"golden": marked(np.ones(5, bool))},
            r"at_random must be bool, .*6,.* got bool of .*5",
        ),
        ({"golden": marked(np.ones(6))}, r"at_random must be bool, .* got float64"),
        ({"golden": 7}, "golden must be .* got a int"),
        ({"divide": {"threshold": 0.5}}, "divide must be a DivideRecipe"),
        ({"inputs": [[1.0], [1.0, 2.0]] * 3}, "samples must be of one shape"),
        (
            {"inputs": (np.zeros((6, 3)), np.zeros((5, 2)))},
            "as many samples, got 6 of '0', 5 of '1'",
        ),
        ({"inputs": np.full((6, 3), 1j)}, "inputs must be numbers or text, .* type complex128"),
        ({"inputs": {"a": np.full((6, 3), 1j)}}, "inputs of 'a' must be numbers or text"),
        ({"divide": DivideRecipe(threshold=2.0)}, "threshold must lie in"),
        ({"purify": PurifyRecipe(folds=1)}, "folds must be at least 2"),
        ({"on_round": "print"}, "on_round must be a function, .* got 'print' of type str"),
        ({"on_progress": None}, "on_progress must be a function, .* got None"),
    ],
)
def test_bad_arguments_are_refused_at_the_door(change, message):
    arguments = {"inputs": np.zeros((6, 3)), "given": np.array([0, 1, 2, 0, 1, 2]), **change}
    with pytest.raises((ValueError, TypeError), match=message):
        made_of(arguments)


def test_true_labels_can_be_unknown_here_and_there():
    truth = np.array([0, -1, 2, -1, 1, 2])
    tssd = TSSD(np.zeros((6, 3)), Labels(np.array([0, 1, 2, 0, 1, 2]), true=truth))
    assert tssd.true_labels.tolist() == truth.tolist()


def test_labels_with_a_gap_are_refused_unless_the_number_of_classes_is_given():
    gap = np.array([1, 2, 4] * 10)
    with pytest.raises(ValueError, match=r"without gaps, .* highest is 4: 2 of 5 .* class 0 "):
        TSSD(X3, gap)
    with pytest.raises(ValueError, match=r"the highest is 3: 1 of 4 .* class 3 .*n_classes=4"):
        TSSD(X3, np.arange(30) % 3, golden=(GOLDEN3[0], GOLDEN3[1] + 1))
    tssd = TSSD(X3, Labels(gap, n_classes=5))
    model = keras.Sequential([keras.Input((4,)), layers.Dense(5, activation="softmax")])
    model.compile("sgd", loss="sparse_categorical_crossentropy")
    model.fit(tssd.feed(10), epochs=2, callbacks=[tssd], shuffle=False, verbose=0)
    assert tssd.table.judged.all()


@pytest.mark.parametrize("first", [1, 4])
def test_labels_that_seem_to_count_from_another_number_are_said_to_before_training(first):
    labels = first + np.arange(30) % 3
    with pytest.raises(ValueError, match=f"count from {first}, pass labels - {first} .golden"):
        TSSD(X3, labels)
    told = Labels(labels, n_classes=3 + first)
    with pytest.warns(UserWarning, match=rf"Pass labels - {first} .*n_classes=3"):
        TSSD(X3, told)
    TSSD(X3, Labels(labels % 3, n_classes=3))  # warnings are errors here
    TSSD(X3, Labels(np.array(["b", "c", "d"])[labels % 3]))
    some = np.where(labels == first, first + 1, labels)
    TSSD(X3, Labels(np.where(some == first + 1, 0, some), n_classes=3 + first))
    with pytest.raises(ValueError, match="right by labels - 1"):
        TSSD(X3, Labels(1 + np.arange(30) % 3, n_classes=3))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_finite_are_refused_by_their_number(value):
    x, y = X3.copy(), np.arange(30) % 3
    x[[4, 9, 20, 25], 1] = value
    with pytest.raises(ValueError, match=r"inputs must be finite: 4 of 30 .* are 4, 9, 20\."):
        TSSD(x, y)
    good = np.setdiff1d(np.arange(30), [4, 9, 20, 25])
    TSSD(x, Labels(y[good], index=good))
    golden = (GOLDEN3[0].copy(), GOLDEN3[1])
    golden[0][5, 0] = value
    with pytest.raises(ValueError, match=r"golden samples must be finite: 1 of 6 .* are 5\."):
        TSSD(X3, y, golden=golden)


def test_golden_samples_that_are_inputs_too_are_refused_unless_they_are_not_trained_on():
    x, y = X3.copy(), np.arange(30) % 3
    x[7], x[8] = GOLDEN3[0][1], GOLDEN3[0][4]
    with pytest.raises(ValueError, match=r"2 of 6 are equal to one, .* golden samples 1, 4\."):
        TSSD(x, y, golden=GOLDEN3)
    others = np.setdiff1d(np.arange(30), [7, 8])
    TSSD(x, Labels(y[others], index=others), golden=GOLDEN3)
