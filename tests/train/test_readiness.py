"""Networks that know nothing, or predict otherwise than they train, do not judge."""

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.datasets import load_digits

from tssd_keras import TSSD, Labels
from tssd_keras.labels import noise
from tssd_keras.train.readiness import NOTHING, UNSETTLED, agreement

K = 10


@pytest.fixture(scope="module")
def digits():
    """x float32[N, 64], true labels, labels of which 30 % are wrong."""
    data = load_digits()
    given = noise.draw_labels(data.target, noise.symmetric(K, 0.3), seed=1)
    return (data.data / 16).astype("float32"), data.target, given


def network(*body, rate=3e-3):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((64,)), *body, layers.Dense(K)])
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="mean_with_sample_weight"
    )
    model.compile(keras.optimizers.Adam(rate), loss)
    return model


def fitted(digits, model, epochs=4, warmup_epochs=2, **settings):
    x, truth, given = digits
    tssd = TSSD(x, Labels(given, true=truth), warmup_epochs=warmup_epochs, **settings)
    model.fit(tssd.feed(64), epochs=epochs, callbacks=[tssd], shuffle=False, verbose=0)
    return tssd


def test_a_network_that_learned_nothing_judges_nothing_and_this_is_said_once(digits):
    dead = network(layers.Dense(8, kernel_initializer="zeros", trainable=False), rate=1e-9)
    with pytest.warns(
        UserWarning, match=f"the network {NOTHING} .it agrees with .*by chance"
    ) as told:
        tssd = fitted(digits, dead, golden="certain")
    assert sum("no label was judged" in str(one.message) for one in told) == 1
    assert len(tssd.rounds) == 2
    for record in tssd.rounds:
        assert record.abstentions.network_unready == NOTHING
        assert record.abstentions.loss_abstains
        assert record.abstentions.classes_abstaining == K
        assert record.purification.reach is None
    np.testing.assert_array_equal(tssd.table.weight, 1)
    np.testing.assert_array_equal(tssd.table.suggested, tssd.table.given)


def test_a_network_whose_batch_normalisation_has_not_settled_does_not_judge(digits):
    unsettled = layers.BatchNormalization(momentum=0.9999, name="slow")
    model = network(layers.Rescaling(30.0, offset=200.0), unsettled, layers.Dense(64, "relu"))
    with pytest.warns(UserWarning, match=f"{UNSETTLED} .*, as it trains .*statistics of slow have"):
        tssd = fitted(digits, model)
    assert tssd.rounds[-1].abstentions.network_unready == UNSETTLED
    np.testing.assert_array_equal(tssd.table.weight, 1)


def test_looking_at_a_network_as_it_trains_changes_nothing_of_it(digits):
    from tssd_keras.train.scoring_model import scoring_model

    x = digits[0][:32]
    model = network(layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(8))
    scorer, before = scoring_model(model, x), [np.asarray(v) for v in model.variables]
    assert scorer.predicted_in_training(x).shape == (32,)
    for old, new in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, np.asarray(new))


def test_a_network_that_has_learned_something_judges(digits):
    settled = network(layers.BatchNormalization(momentum=0.9), layers.Dense(64, "relu"))
    tssd = fitted(digits, settled, epochs=5, warmup_epochs=4)
    assert tssd.rounds[-1].abstentions.network_unready == ""
    assert tssd.rounds[-1].quality.label_error_auroc > 0.9


def test_agreement_is_held_against_chance():
    rng = np.random.default_rng(0)
    given = rng.choice(K, 2000, p=[0.55, *[0.05] * 9])
    assert agreement(np.zeros(2000, int), given, K).why == NOTHING  # the largest class, always
    assert agreement(rng.permutation(given), given, K).why == NOTHING
    some = np.where(rng.random(2000) < 0.1, given, rng.permutation(given))
    found = agreement(some, given, K)
    assert found.why == ""
    assert found.agreement > found.chance == pytest.approx(0.55**2 + 9 * 0.05**2, abs=0.02)
