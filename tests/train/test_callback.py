import keras
import numpy as np
import pytest
from builders.small_runs import Several
from keras import layers
from sklearn.datasets import load_digits

from tssd_keras import TSSD, DivideRecipe, Golden, Labels
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


def plain_model(last="softmax", **compiled):
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
        **compiled,
    )
    return model


def quick_model():
    """A few steps take TensorFlow less time than compiling them; JAX has compiled them before."""
    return plain_model(run_eagerly=keras.backend.backend() == "tensorflow")


@pytest.fixture(scope="module")
def few(digits):
    """x float32[192, 64] and labels: three batches."""
    return digits[0][:192], digits[2][:192]


def trained(digits, golden, *, epochs=7, kind="auto", **settings):
    x, truth, y, _ = digits
    tssd = TSSD(x, Labels(y, true=truth), golden=golden, warmup_epochs=5, **settings)
    model = plain_model()
    model.fit(tssd.feed(64, kind=kind), epochs=epochs, callbacks=[tssd], shuffle=False, verbose=0)
    return tssd, model


@pytest.fixture(scope="module")
def run(digits):
    return trained(digits, digits[3], kind="tf.data")


@pytest.fixture(scope="module")
def again(digits):
    """The same seeds and the other feed."""
    return trained(digits, digits[3], kind="pydataset")[0]


@pytest.fixture(scope="module")
def strict_every_second(digits):
    """A threshold that hardly a sample reaches, and a round every second epoch."""
    return trained(digits, None, epochs=8, divide=DivideRecipe(every=2, threshold=0.999))[0]


@pytest.fixture(scope="module")
def warmed_up(digits):
    """A callback without a warm-up to end, and what it trained for five epochs."""
    x, _, y, _ = digits
    tssd, model = TSSD(x, y, warmup_epochs=None), plain_model()
    model.fit(tssd.feed(64), epochs=5, callbacks=[tssd], shuffle=False, verbose=0)
    return tssd, model


def judged(model, digits, golden, **settings):
    """One round by a network that is trained already."""
    x, truth, y, _ = digits
    tssd = TSSD(x, Labels(y, true=truth), golden=golden, **settings)
    tssd.feed(64)
    keras.callbacks.CallbackList([tssd], model=model).on_train_begin()
    tssd.run_round(5)
    return tssd


@pytest.fixture(scope="module")
def without_golden(digits, warmed_up):
    return judged(warmed_up[1], digits, None)


@pytest.fixture(scope="module")
def half(digits):
    """Every second of the inputs is the stream; the golden samples are `Inputs` as well."""
    x, truth, y, trusted = digits
    stream = np.arange(0, len(x), 2)
    golden = Golden(ArrayInputs(trusted[0]), trusted[1], np.full(len(trusted[1]), -1))
    labels = Labels(y[stream], true=truth[stream], index=stream)
    keras.utils.set_random_seed(1)
    inputs = keras.Input((64,))
    hidden = layers.Dense(64, activation="relu")(inputs)
    step = weighted_step(keras.Model(inputs, layers.Dense(10)(hidden)))
    step.compile(keras.optimizers.Adam(3e-3), weighted_metrics=[accuracy()])
    tssd = TSSD(x, labels, golden=golden, warmup_epochs=5)
    step.fit(tssd.feed(64), epochs=7, callbacks=[tssd], shuffle=False, verbose=0)
    return tssd, step


def test_a_plain_keras_model_learns_which_labels_are_wrong(run):
    tssd, _ = run
    record = tssd.rounds[-1]
    assert record.quality.label_error_auroc > 0.98
    assert record.quality.kept_precision > 0.93
    assert record.quality.kept_recall > 0.9


def test_rounds_come_before_every_epoch_after_the_warmup(run):
    assert [r.epoch for r in run[0].rounds] == [5, 6]


def test_rounds_come_every_so_many_epochs(strict_every_second):
    assert [r.epoch for r in strict_every_second.rounds] == [5, 7]


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


def test_both_feeds_give_the_same_table(run, again):
    np.testing.assert_array_equal(again.table.role, run[0].table.role)
    np.testing.assert_array_equal(again.table.weight, run[0].table.weight)


def test_the_same_seeds_give_the_same_run(run, again):
    np.testing.assert_array_equal(again.table.q, run[0].table.q)


def test_logits_and_probabilities_are_told_apart(digits, warmed_up, without_golden):
    model = plain_model(last=None)
    model.set_weights(warmed_up[1].get_weights())
    tssd = judged(model, digits, None)
    np.testing.assert_allclose(
        tssd.last_round[0].loss, without_golden.last_round[0].loss, rtol=1e-3, atol=1e-3
    )
    assert tssd.rounds[0].quality.label_error_auroc == pytest.approx(
        without_golden.rounds[0].quality.label_error_auroc, abs=2e-3
    )


@pytest.mark.parametrize("last", ["softmax", None])
def test_the_confidence_is_the_largest_probability_of_the_network_alone(digits, warmed_up, last):
    model = plain_model(last=last)
    model.set_weights(warmed_up[1].get_weights())
    tssd = judged(model, digits, digits[3], from_logits=last is None)
    outputs = model.predict(digits[0], verbose=0)
    p = outputs if last else keras.ops.convert_to_numpy(keras.ops.softmax(outputs))
    np.testing.assert_allclose(tssd.table.confidence, p.max(axis=1), rtol=1e-3)
    assert abs(tssd.table.p_suggested - p.max(axis=1)).max() > 0.1  # others have a say in it


def test_a_wrong_word_on_logits_is_refused_before_training(digits, warmed_up):
    with pytest.raises(ValueError, match="from_logits is True, but the model gives"):
        judged(warmed_up[1], digits, None, from_logits=True)


@pytest.mark.parametrize("golden", ["certain", None])
def test_without_golden_samples_the_streams_still_find_wrong_labels(
    digits, warmed_up, without_golden, golden
):
    tssd = judged(warmed_up[1], digits, golden) if golden else without_golden
    assert tssd.rounds[-1].quality.label_error_auroc > 0.95
    assert not np.isnan(tssd.table.q).any()
    # never reported where nothing is trusted
    assert tssd.rounds[-1].purification.golden_auroc_q is None


def test_every_class_keeps_some_samples(digits, strict_every_second):
    _x, _truth, y, _trusted = digits
    kept = np.bincount(y[strict_every_second.table.kept], minlength=10)
    assert (kept >= 2).all()


def test_warmup_and_main_phase_share_one_trace(half):
    tssd, step = half
    assert len(tssd.rounds) == 2
    assert step.n_traces == 1


def test_part_of_the_inputs_can_be_the_stream(half):
    tssd, _ = half
    assert tssd.table.index.tolist() == list(range(0, len(tssd.inputs), 2))
    assert tssd.rounds[-1].quality.label_error_auroc > 0.95


def test_fit_on_other_data_stops_and_says_so(few):
    x, y = few
    tssd = TSSD(x, y, warmup_epochs=2)
    tssd.feed(64)
    with pytest.raises(RuntimeError, match="without the feed being read"):
        quick_model().fit(x, y, epochs=3, callbacks=[tssd], verbose=0)


@pytest.mark.parametrize("before", ["an epoch of the feed", "a look at the feed"])
def test_fit_on_other_data_stops_whatever_the_feed_was_read_for_before(few, before):
    x, y = few
    tssd = TSSD(x, y, warmup_epochs=None)
    model, batches = quick_model(), tssd.feed(64, kind="pydataset")
    if before == "an epoch of the feed":
        model.fit(batches, epochs=1, callbacks=[tssd], shuffle=False, verbose=0)
    else:
        batches[0]
    with pytest.raises(RuntimeError, match="without the feed being read"):
        model.fit(x, y, epochs=1, callbacks=[tssd], verbose=0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_fit_goes_on_with_the_same_model_and_refuses_another(few, kind):
    x, y = few
    tssd = TSSD(x, y, warmup_epochs=1)
    model, batches = quick_model(), tssd.feed(64, kind=kind)
    model.fit(batches, epochs=2, callbacks=[tssd], shuffle=False, verbose=0)
    model.fit(batches, epochs=3, initial_epoch=2, callbacks=[tssd], shuffle=False, verbose=0)
    assert [record.epoch for record in tssd.rounds] == [1, 2]
    with pytest.raises(RuntimeError, match="Make a new TSSD for a new model"):
        quick_model().fit(batches, epochs=2, callbacks=[tssd], shuffle=False, verbose=0)


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
        quick_model().fit(feed, epochs=1, callbacks=[tssd], shuffle=False, verbose=0)


def test_after_a_round_the_number_of_networks_stays(run):
    tssd, _ = run
    with pytest.raises(RuntimeError, match=r"needs one network.* has judged.* needs 2 networks"):
        tssd.feed(64, model=Several(2))


def test_a_feed_without_its_callback_is_warned_of(few):
    x, y = few
    batches = TSSD(x, y).feed(64, kind="pydataset")
    with pytest.warns(UserWarning, match=r"without its callback.*callbacks=\[tssd\]"):
        quick_model().fit(batches, epochs=3, shuffle=False, verbose=0)


def test_a_training_that_was_all_warmup_says_that_nothing_was_judged(few):
    x, y = few
    tssd = TSSD(x, y, warmup_epochs=5)
    with pytest.warns(UserWarning, match="every epoch was warm-up.*warmup_epochs is 5"):
        quick_model().fit(tssd.feed(64), epochs=1, callbacks=[tssd], shuffle=False, verbose=0)


def test_without_a_warmup_to_end_the_feed_is_all(warmed_up):
    tssd, _ = warmed_up
    assert not tssd.rounds
    assert (tssd.table.weight == 1).all()


def test_a_model_with_too_few_outputs_is_refused_before_training(digits):
    x, _, y, _ = digits
    model = keras.Sequential([keras.Input((64,)), layers.Dense(8), layers.Dense(5)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    tssd = TSSD(x, y)
    with pytest.raises(ValueError, match=r"10 classes apart .* tells 5"):
        model.fit(tssd.feed(64), epochs=2, callbacks=[tssd], shuffle=False, verbose=0)


@pytest.mark.parametrize("at_random", [False, True])
def test_pairs_of_a_users_golden_samples_reach_the_purification(digits, warmed_up, at_random):
    """They say that no label is right, which nothing else says: then nobody is judged."""
    trusted = digits[3]
    given = (trusted[1] + 1) % 10
    golden = Golden(*trusted, given, at_random=np.full(len(given), at_random))
    tssd = judged(warmed_up[1], digits, golden, divide=DivideRecipe(place="class_means"))
    purification = tssd.rounds[-1].purification
    assert purification.golden_pairs == (len(given) if at_random else 0)
    assert (purification.estimated_clean_share is None) == at_random
    assert purification.nothing_to_tell == ("no golden pair is right" if at_random else "")
    assert (tssd.table.weight == 1).all() == at_random
    assert np.isnan(tssd.table.q).all() == at_random


def test_neighbours_before_training_make_the_share_of_right_labels_surer(digits, warmed_up):
    """Golden samples' own neighbours, too, else what they say could not be compared."""
    _, truth, y, trusted = digits
    given = noise.draw_labels(trusted[1], noise.symmetric(10, 0.4), seed=0)
    golden = Golden(*trusted, given, at_random=np.ones(len(given), bool))
    counted, compared = (
        judged(warmed_up[1], digits, golden, divide=DivideRecipe(place=place))
        .rounds[-1]
        .purification
        for place in ("class_means", "neighbours")
    )
    assert compared.clean_share_error < 0.5 * counted.clean_share_error
    assert compared.estimated_clean_share == pytest.approx((truth == y).mean(), abs=0.03)
