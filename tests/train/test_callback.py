import dataclasses
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.datasets import load_digits

from tssd_keras import TSSD, DivideRecipe, Drawing, Golden, Labels, PurifyRecipe, Scoring
from tssd_keras.data.inputs import ArrayInputs
from tssd_keras.judge.roles import FLOOR, POSITIVE, SEMI_HARD
from tssd_keras.labels import noise
from tssd_keras.train.steps import accuracy, weighted_step

KINDS = ("tf.data", "pydataset")


@pytest.fixture(scope="module")
def digits():
    """x float32[N, 64], true labels, labels of which 40 % are wrong, a trusted pair of arrays."""
    data = load_digits()
    x = (data.data / 16).astype("float32")
    y = noise.draw_labels(data.target, noise.symmetric(10, 0.4), seed=3)
    return x[100:], data.target[100:], y[100:], (x[:100], data.target[:100])


def plain_model(last="softmax"):
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation=last),
        ]
    )
    model.compile(
        keras.optimizers.Adam(3e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(
            from_logits=last != "softmax", reduction="mean_with_sample_weight"
        ),
        weighted_metrics=[accuracy()],
    )
    return model


def trained(digits, golden="trusted", *, epochs=8, kind="auto", last="softmax", **settings):
    x, truth, y, trusted = digits
    golden = trusted if golden == "trusted" else golden
    tssd = TSSD(x, Labels(y, true=truth), golden=golden, warmup_epochs=5, **settings)
    model = plain_model(last)
    model.fit(tssd.feed(64, kind=kind), epochs=epochs, callbacks=[tssd], shuffle=False, verbose=0)
    return tssd, model


@pytest.fixture(scope="module")
def run(digits):
    return trained(digits)


@pytest.fixture(scope="module")
def by_kind(digits):
    return {kind: trained(digits, kind=kind)[0] for kind in KINDS}


@pytest.fixture(scope="module")
def strict_every_second(digits):
    """A threshold that hardly a sample reaches, and a round every second epoch."""
    return trained(digits, epochs=10, divide=DivideRecipe(every=2, threshold=0.999))[0]


def test_a_plain_keras_model_learns_which_labels_are_wrong(run):
    tssd, _ = run
    record = tssd.rounds[-1]
    assert record.quality.label_error_auroc > 0.98
    assert record.quality.kept_precision > 0.93
    assert record.quality.kept_recall > 0.9


def test_rounds_come_before_every_epoch_after_the_warmup(run):
    assert [r.epoch for r in run[0].rounds] == [5, 6, 7]


def test_rounds_come_every_so_many_epochs(strict_every_second):
    assert [r.epoch for r in strict_every_second.rounds] == [5, 7, 9]


def test_weights_follow_the_roles(run):
    table = run[0].table
    sure = np.isin(table.role, (POSITIVE, FLOOR))
    assert (table.weight[sure] == 1).all()
    mined = table.role == SEMI_HARD
    np.testing.assert_array_equal(table.weight[mined], table.q[mined])
    assert (table.weight[~sure & ~mined] == 0).all()


def test_the_suggested_labels_are_far_more_often_true_than_the_given_ones(run, digits):
    _, truth, given, _ = digits
    assert (run[0].table.suggested == truth).mean() > (given == truth).mean() + 0.2


def test_training_goes_on_with_kept_samples_only(digits, run):
    tssd, model = run
    kept, truth, y = tssd.table.kept, digits[1], digits[2]
    assert 0 < kept.sum() < len(kept)
    predicted = model.predict(digits[0], verbose=0).argmax(axis=1)
    assert (predicted[kept] == y[kept]).mean() > 0.95
    assert (predicted == truth).mean() > 0.93


@pytest.mark.parametrize("kind", KINDS)
def test_both_feeds_give_the_same_table(by_kind, run, kind):
    table = by_kind[kind].table
    np.testing.assert_array_equal(table.role, run[0].table.role)
    np.testing.assert_array_equal(table.weight, run[0].table.weight)


def test_logits_and_probabilities_are_told_apart(digits, run):
    tssd, _ = trained(digits, last=None)
    assert tssd.rounds[0].quality.label_error_auroc == pytest.approx(
        run[0].rounds[0].quality.label_error_auroc, abs=2e-3
    )


@pytest.mark.parametrize("golden", ["certain", None])
def test_without_golden_samples_the_streams_still_find_wrong_labels(digits, golden):
    tssd, _ = trained(digits, golden)
    assert tssd.rounds[-1].quality.label_error_auroc > 0.95
    assert np.isnan(tssd.table.q).all() == (golden is None)
    # never reported where nothing is trusted
    assert tssd.rounds[-1].purification.golden_auroc_q is None


def test_every_class_keeps_some_samples(digits, strict_every_second):
    _x, _truth, y, _trusted = digits
    kept = np.bincount(y[strict_every_second.table.kept], minlength=10)
    assert (kept >= 2).all()


def test_warmup_and_main_phase_share_one_trace(digits):
    x, _truth, y, trusted = digits
    inputs = keras.Input((64,))
    hidden = layers.Dense(32, activation="relu")(inputs)
    step = weighted_step(keras.Model(inputs, layers.Dense(10)(hidden)))
    step.compile(keras.optimizers.Adam(3e-3), weighted_metrics=[accuracy()])
    tssd = TSSD(x, y, golden=trusted, warmup_epochs=3)
    step.fit(tssd.feed(64), epochs=6, callbacks=[tssd], shuffle=False, verbose=0)
    assert len(tssd.rounds) == 3
    assert step.n_traces == 1


def test_the_same_seeds_give_the_same_run(by_kind, run):
    for again in by_kind.values():
        np.testing.assert_array_equal(again.table.q, run[0].table.q)


def test_fit_on_other_data_stops_and_says_so(digits):
    x, _, y, trusted = digits
    tssd = TSSD(x, y, golden=trusted, warmup_epochs=2)
    tssd.feed(64)
    with pytest.raises(RuntimeError, match="without the feed being read"):
        plain_model().fit(x, y, epochs=3, callbacks=[tssd], verbose=0)


@pytest.mark.parametrize("before", ["an epoch of the feed", "a look at the feed"])
def test_fit_on_other_data_stops_whatever_the_feed_was_read_for_before(digits, before):
    x, _, y, trusted = digits
    tssd = TSSD(x, y, golden=trusted, warmup_epochs=None)
    model, batches = plain_model(), tssd.feed(64, kind="pydataset")
    if before == "an epoch of the feed":
        model.fit(batches, epochs=1, callbacks=[tssd], shuffle=False, verbose=0)
    else:
        batches[0]
    with pytest.raises(RuntimeError, match="without the feed being read"):
        model.fit(x, y, epochs=1, callbacks=[tssd], verbose=0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_fit_goes_on_with_the_same_model_and_refuses_another(digits, kind):
    x, _, y, trusted = digits
    tssd = TSSD(x, y, golden=trusted, warmup_epochs=1)
    model, batches = plain_model(), tssd.feed(64, kind=kind)
    model.fit(batches, epochs=2, callbacks=[tssd], shuffle=False, verbose=0)
    model.fit(batches, epochs=3, initial_epoch=2, callbacks=[tssd], shuffle=False, verbose=0)
    assert [record.epoch for record in tssd.rounds] == [1, 2]
    with pytest.raises(RuntimeError, match="Make a new TSSD for a new model"):
        plain_model().fit(batches, epochs=2, callbacks=[tssd], shuffle=False, verbose=0)


def test_a_feed_made_for_another_model_is_refused(digits):
    x, _, y, _ = digits
    networks = [keras.Sequential([keras.Input((64,)), layers.Dense(10)]) for _ in range(2)]
    step = weighted_step(networks)
    step.compile("sgd")
    tssd = TSSD(x, y)
    feed = tssd.feed(64)
    assert tssd.table.weights.shape == (len(x), 1)
    with pytest.raises(
        ValueError, match=r"for one network, .* has 2 networks, .* tssd\.feed\(.*model=model\)"
    ):
        step.fit(feed, epochs=1, callbacks=[tssd], shuffle=False, verbose=0)
    tssd.feed(64, model=step)
    assert tssd.table.weights.shape == (len(x), 2)
    with pytest.raises(ValueError, match=r"for 2 networks, .* has one network, without"):
        plain_model().fit(feed, epochs=1, callbacks=[tssd], shuffle=False, verbose=0)


def test_after_a_round_the_number_of_networks_stays(run):
    tssd, _ = run
    with pytest.raises(RuntimeError, match=r"1 of its networks .* this one has 2"):
        tssd.feed(64, model=SimpleNamespace(networks=[None, None]))


def test_a_feed_without_its_callback_is_warned_of(digits):
    x, _, y, _ = digits
    batches = TSSD(x, y).feed(64, kind="pydataset")
    with pytest.warns(UserWarning, match=r"without its callback.*callbacks=\[tssd\]"):
        plain_model().fit(batches, epochs=3, shuffle=False, verbose=0)


def test_a_training_that_was_all_warmup_says_that_nothing_was_judged(digits):
    x, _, y, _ = digits
    tssd = TSSD(x, y, warmup_epochs=5)
    with pytest.warns(UserWarning, match="every epoch was warm-up.*warmup_epochs is 5"):
        plain_model().fit(tssd.feed(64), epochs=1, callbacks=[tssd], shuffle=False, verbose=0)


def test_without_a_warmup_to_end_the_feed_is_all(digits):
    x, _, y, _ = digits
    tssd = TSSD(x, y, warmup_epochs=None)
    plain_model().fit(tssd.feed(64), epochs=2, callbacks=[tssd], shuffle=False, verbose=0)
    assert not tssd.rounds
    assert (tssd.table.weight == 1).all()


def test_a_sequential_model_without_an_input_layer_is_built_for_the_samples(digits):
    x, truth, y, trusted = digits
    model = keras.Sequential([layers.Dense(32, activation="relu"), layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="mean_with_sample_weight"
    )
    model.compile(keras.optimizers.Adam(3e-3), loss)
    tssd = TSSD(x, Labels(y, true=truth), golden=trusted, warmup_epochs=2)
    model.fit(tssd.feed(64), epochs=3, callbacks=[tssd], shuffle=False, verbose=0)
    assert tssd.rounds[-1].quality.label_error_auroc > 0.9


def test_steps_per_epoch_below_the_feed_stops_and_says_so(digits):
    x, _, y, trusted = digits
    tssd = TSSD(x, y, golden=trusted, warmup_epochs=2)
    with pytest.raises(RuntimeError, match="steps_per_epoch"):
        plain_model().fit(
            tssd.feed(64), epochs=3, steps_per_epoch=3, callbacks=[tssd], shuffle=False, verbose=0
        )


def test_a_cache_of_the_weighted_batches_stops_and_says_so(digits):
    """It would repeat the first epoch's weights for ever."""
    pytest.importorskip("tensorflow")
    x, _, y, trusted = digits
    tssd = TSSD(x, y, golden=trusted, warmup_epochs=2)
    batches = tssd.feed(64, kind="tf.data").cache()
    with pytest.raises(RuntimeError, match=r"without \.cache\(\)"):
        plain_model().fit(batches, epochs=4, callbacks=[tssd], shuffle=False, verbose=0)


def test_a_model_with_too_few_outputs_is_refused_before_training(digits):
    x, _, y, _ = digits
    model = keras.Sequential([keras.Input((64,)), layers.Dense(8), layers.Dense(5)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    tssd = TSSD(x, y)
    with pytest.raises(ValueError, match=r"10 classes apart .* has 5"):
        model.fit(tssd.feed(64), epochs=2, callbacks=[tssd], shuffle=False, verbose=0)


class Opaque(keras.Model):
    """A subclass whose layers cannot be looked into from outside."""

    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(64, activation="relu")
        self.last = layers.Dense(10)

    def call(self, x):
        return self.last(self.hidden(x))


def test_a_subclassed_model_is_scored_by_a_model_that_shares_its_layers(digits):
    x, truth, y, trusted = digits
    model = Opaque()
    inputs = keras.Input((64,))
    features = model.hidden(inputs)
    score_model = keras.Model(inputs, [features, model.last(features)])
    model.compile(
        keras.optimizers.Adam(3e-3),
        keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="mean_with_sample_weight"
        ),
    )
    tssd = TSSD(
        x,
        Labels(y, true=truth),
        golden=trusted,
        warmup_epochs=5,
        scoring=Scoring(score_model=score_model),
    )
    model.fit(tssd.feed(64), epochs=7, callbacks=[tssd], shuffle=False, verbose=0)
    assert tssd.rounds[-1].quality.label_error_auroc > 0.97


def test_a_subclassed_model_without_one_is_told_what_to_pass(digits):
    x, _, y, _ = digits
    model = Opaque()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    tssd = TSSD(x, y)
    with pytest.raises(ValueError, match="score_model"):
        model.fit(tssd.feed(64), epochs=2, callbacks=[tssd], shuffle=False, verbose=0)


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
        ({"given": np.zeros(6)}, "whole numbers"),
        ({"given": np.eye(6)}, "argmax"),
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
        ({"inputs": [[1.0], [1.0, 2.0]] * 3}, "inputs must be samples of one shape"),
        ({"inputs": np.full((6, 3), "a")}, "inputs must be numbers, got an array of type <U1"),
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


def test_pairs_of_a_users_golden_samples_reach_the_purification(digits):
    """They say that no label is right, which nothing else says."""
    trusted = digits[3]
    for at_random in (False, True):
        given = (trusted[1] + 1) % 10
        golden = Golden(*trusted, given, at_random=np.full(len(given), at_random))
        tssd, _ = trained(digits, golden, epochs=6)
        assert tssd.rounds[-1].purification.corrected_by_pairs is at_random
        assert (tssd.rounds[-1].purification.estimated_clean_share < 0.2) == at_random


def test_part_of_the_inputs_can_be_the_stream(digits):
    x, truth, y, trusted = digits
    stream = np.arange(0, len(x), 2)
    golden = Golden(ArrayInputs(trusted[0]), trusted[1], np.full(len(trusted[1]), -1))
    labels = Labels(y[stream], true=truth[stream], index=stream)
    tssd = TSSD(x, labels, golden=golden, warmup_epochs=5)
    plain_model().fit(tssd.feed(64), epochs=7, callbacks=[tssd], shuffle=False, verbose=0)
    assert tssd.table.index.tolist() == stream.tolist()
    assert tssd.rounds[-1].quality.label_error_auroc > 0.95


X3 = np.random.default_rng(0).normal(size=(30, 4)).astype("float32")
GOLDEN3 = (np.arange(24, dtype="float32").reshape(6, 4), np.arange(6) % 3)


def test_labels_with_a_gap_are_refused_unless_the_number_of_classes_is_given():
    gap = np.array([1, 2, 4] * 10)
    with pytest.raises(ValueError, match=r"without gaps, .* highest is 4: 2 of 5 .* class 0 "):
        TSSD(X3, gap)
    with pytest.raises(ValueError, match=r"the highest is 3: 1 of 4 .* class 3 .*n_classes=4"):
        TSSD(X3, np.arange(30) % 3, golden=(GOLDEN3[0], GOLDEN3[1] + 1))
    tssd = TSSD(X3, Labels(gap, n_classes=5))
    model = keras.Sequential([keras.Input((4,)), layers.Dense(5, activation="softmax")])
    model.compile("adam", loss="sparse_categorical_crossentropy")
    model.fit(tssd.feed(10), epochs=2, callbacks=[tssd], shuffle=False, verbose=0)
    assert tssd.table.judged.all()


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
