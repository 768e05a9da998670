"""Golden samples whose given labels nobody knows, and that number the classes otherwise."""

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

from tssd_keras import TSSD
from tssd_keras.judge.roles import POSITIVE, SEMI_HARD
from tssd_keras.judge.told import CONTRADICTION, FEWER_THAN_BY_CHANCE, NO_BETTER_THAN_CHANCE

K, A_CLASS = 10, 10

DIGITS = load_digits()
X, TRUE = (DIGITS.data / 16).astype(np.float32)[:1000], DIGITS.target[:1000].astype(np.int64)
GOLDEN = np.concatenate([np.flatnonzero(k == TRUE)[:A_CLASS] for k in range(K)])
REST = np.setdiff1d(np.arange(1000), GOLDEN)


def wrong(labels, share, seed=0):
    """The labels, a share of them another class at random."""
    rng = np.random.default_rng(seed)
    other = (labels + 1 + rng.integers(0, K - 1, len(labels))) % K
    return np.where(rng.random(len(labels)) < share, other, labels)


def judged(given, golden):
    """A TSSD after its first round on digits."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(64, "relu"),
            keras.layers.Dense(K, "softmax"),
        ]
    )
    tssd = TSSD(X[REST], given, golden=(X[GOLDEN], golden), warmup_epochs=4)
    model.compile(
        "adam", keras.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight")
    )
    model.fit(tssd.feed(batch_size=32), epochs=5, callbacks=[tssd], shuffle=False, verbose=0)
    return tssd


@pytest.mark.parametrize(
    ("given", "golden", "whys"),
    [
        (wrong(TRUE[REST], 1.0), TRUE[GOLDEN], (FEWER_THAN_BY_CHANCE,)),
        ((TRUE[REST] + 2) % K, TRUE[GOLDEN], (FEWER_THAN_BY_CHANCE,)),
        (
            TRUE[REST],
            wrong(TRUE[GOLDEN], 1.0, seed=1),
            (CONTRADICTION, NO_BETTER_THAN_CHANCE),  # an AUROC at its threshold
        ),
    ],
    ids=["every label wrong", "classes numbered otherwise", "golden labels wrong"],
)
def test_nobody_is_judged_by_golden_labels_that_do_not_fit_the_given_ones(given, golden, whys):
    with pytest.warns(UserWarning, match="no label was judged in this round"):
        tssd = judged(given, golden)
    figures = tssd.rounds[-1].purification
    assert figures.nothing_to_tell in whys
    assert figures.estimated_clean_share is None
    assert not np.isin(tssd.table.role, (POSITIVE, SEMI_HARD)).any()
    assert np.isnan(tssd.table.q).all()
    np.testing.assert_array_equal(tssd.table.weight, 1.0)


@pytest.mark.parametrize("share", [0.0, 0.8])
def test_labels_are_judged_by_golden_ones_that_fit(share):
    tssd = judged(wrong(TRUE[REST], share), TRUE[GOLDEN])
    figures = tssd.rounds[-1].purification
    assert figures.nothing_to_tell == ""
    assert figures.estimated_clean_share == pytest.approx(1 - share, abs=0.05)
