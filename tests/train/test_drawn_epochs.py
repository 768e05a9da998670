"""Epochs that draw class-balanced samples, from `fit` and from a recipe."""

import csv
import itertools

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.datasets import load_digits

from tssd_keras import TSSD, DivideRecipe, Drawing, Labels, PurifyRecipe
from tssd_keras.data.inputs import ArrayInputs
from tssd_keras.judge import meta_classifier
from tssd_keras.labels import noise
from tssd_keras.train.steps import accuracy, weighted_step

KINDS = ("tf.data", "pydataset")
DRAWN = 640
COLUMNS = ("weight", "role", "p_loss", "p_feature", "q", "suggested", "p_suggested", "confidence")


class Reads(ArrayInputs):
    """Inputs that remember which samples were read."""

    def __init__(self, array):
        super().__init__(array)
        self.seen = []

    def read(self, index):
        self.seen += index.tolist()
        return super().read(index)


class Watch(keras.callbacks.Callback):
    """What an epoch drew, read and left behind; stands before TSSD."""

    def __init__(self, tssd):
        super().__init__()
        self.tssd, self.epochs = tssd, []

    def on_epoch_begin(self, epoch, logs=None):
        self.tssd.inputs.seen.clear()  # a few are read to look into the model

    def on_epoch_end(self, epoch, logs=None):
        table = self.tssd.table
        self.epochs.append(
            {
                "drawn": table.drawn.copy(),
                "kept": table.kept,
                "fed": table.fed,
                "judged": table.judged.copy(),
                "read": set(self.tssd.inputs.seen),
                **{name: getattr(table, name).copy() for name in COLUMNS},
            }
        )


@pytest.fixture(scope="module")
def digits():
    """x float32[N, 64], true labels, labels of which 40 % are wrong, a trusted pair of arrays."""
    data = load_digits()
    x = (data.data / 16).astype("float32")
    y = noise.draw_labels(data.target, noise.symmetric(10, 0.4), seed=3)
    return x[100:], data.target[100:], y[100:], (x[:100], data.target[:100])


def trained(
    digits, *, epochs=7, initial_epoch=0, kind="auto", truth=None, epoch_samples=DRAWN, **settings
):
    """A real `fit`; the callback, what the watch saw and the number of traces."""
    x, true_labels, y, golden = digits
    settings = {"warmup_epochs": 5, "golden": golden, **settings}
    labels = Labels(y, true=true_labels if truth is None else truth)
    tssd = TSSD(Reads(x), labels, drawing=Drawing(epoch_samples=epoch_samples), **settings)
    keras.utils.set_random_seed(1)
    inputs = keras.Input((64,))
    hidden = layers.Dense(64, activation="relu")(inputs)
    step = weighted_step(keras.Model(inputs, layers.Dense(10)(hidden)))
    step.compile(keras.optimizers.Adam(5e-3), weighted_metrics=[accuracy()])
    watch = Watch(tssd)
    step.fit(
        tssd.feed(32, kind=kind),
        epochs=epochs,
        initial_epoch=initial_epoch,
        callbacks=[watch, tssd],
        shuffle=False,
        verbose=0,
    )
    return tssd, watch.epochs, step.n_traces


@pytest.fixture(scope="module")
def by_kind(digits):
    return {kind: trained(digits, kind=kind) for kind in KINDS}


@pytest.fixture(scope="module")
def run(by_kind):
    return by_kind["tf.data"]


@pytest.fixture(scope="module")
def every_second(digits):
    """A round every second epoch: the sixth to the ninth are of two; nothing is trusted."""
    return trained(digits, epochs=9, golden=None, divide=DivideRecipe(every=2))


@pytest.fixture
def quick_judge(monkeypatch):
    """Few updates of the meta classifier, where it does not matter how well it judges."""
    monkeypatch.setattr(meta_classifier, "FIRST_STEPS", 20)
    monkeypatch.setattr(meta_classifier, "LATER_STEPS", 10)


def test_every_epoch_draws_anew_and_as_many_of_each_class(run, digits):
    _, epochs, _ = run
    for seen in epochs:
        per_class = np.bincount(digits[2][seen["drawn"]], minlength=10)
        assert per_class.tolist() == [DRAWN // 10] * 10
    assert len({seen["drawn"].tobytes() for seen in epochs}) == len(epochs)


@pytest.mark.parametrize("kind", KINDS)
def test_an_epoch_reads_what_it_drew_and_nothing_else(by_kind, kind):
    _, epochs, _ = by_kind[kind]
    for seen in epochs[:5]:  # the warm-up
        assert seen["read"] == set(np.flatnonzero(seen["fed"]))
        assert 0.8 * DRAWN < len(seen["read"]) < DRAWN  # some are held back
    for seen in epochs[5:]:
        assert seen["read"] == set(np.flatnonzero(seen["drawn"]))


def test_without_rounds_too_only_the_kept_of_the_drawn_are_read(every_second):
    """An epoch between two rounds scores nothing: what it reads is what it trains on."""
    _, epochs, _ = every_second
    for seen in (epochs[6], epochs[8]):
        assert seen["read"] == set(np.flatnonzero(seen["fed"]))
        assert 0 < len(seen["read"]) < DRAWN


def test_a_draw_stays_until_the_next_round(every_second):
    tssd, epochs, _ = every_second
    assert [r.epoch for r in tssd.rounds] == [5, 7]
    for round_epoch in (5, 7):
        again = epochs[round_epoch + 1]
        np.testing.assert_array_equal(epochs[round_epoch]["drawn"], again["drawn"])
        assert again["judged"][again["drawn"]].all()  # nothing is trained on unjudged
    assert (epochs[5]["drawn"] != epochs[7]["drawn"]).any()


def test_a_round_writes_the_drawn_rows_and_leaves_the_others_as_they_were(run):
    _, epochs, _ = run
    for before, after in itertools.pairwise(epochs[4:]):
        rest = ~after["drawn"]
        for name in COLUMNS:
            np.testing.assert_array_equal(after[name][rest], before[name][rest])
        np.testing.assert_array_equal(after["judged"], before["judged"] | after["drawn"])
        assert (after["role"] != before["role"])[after["drawn"]].any()
    assert not epochs[4]["judged"].any()
    kept_for_later = epochs[-1]["judged"] & ~epochs[-1]["drawn"]
    assert np.isfinite(epochs[-1]["q"][kept_for_later]).all()
    assert kept_for_later.sum() > 100


def test_kept_samples_are_among_the_drawn(run):
    tssd, epochs, _ = run
    for seen in epochs:
        assert not (seen["kept"] & ~seen["drawn"]).any()
    assert tssd.rounds[-1].roles.kept == epochs[-1]["kept"].sum() < DRAWN
    assert sum(vars(tssd.rounds[-1].roles).values()) - tssd.rounds[-1].roles.kept == DRAWN


def test_wrong_labels_are_still_found(run):
    record = run[0].rounds[-1]
    assert record.quality.label_error_auroc > 0.96
    assert record.quality.kept_precision > 0.9


def test_what_the_last_round_saw_names_its_rows(run):
    tssd, _, _ = run
    (seen,) = tssd.last_round
    np.testing.assert_array_equal(seen.rows, np.flatnonzero(tssd.table.drawn))
    assert len(seen.loss) == len(seen.similarity) == len(seen.division.role) == DRAWN


def test_warmup_draws_and_rounds_share_one_trace(run):
    assert run[2] == 1


def test_a_resumed_run_draws_the_same(digits, run):
    _, epochs, _ = trained(digits, initial_epoch=5, epochs=7, golden=None)
    for resumed, whole in zip(epochs, run[1][5:7], strict=True):
        np.testing.assert_array_equal(resumed["drawn"], whole["drawn"])


def test_both_feeds_give_the_same_table(by_kind):
    ours, theirs = (by_kind[kind][0].table for kind in KINDS)
    np.testing.assert_array_equal(ours.q, theirs.q)


def test_a_draw_of_every_sample_is_the_run_without_draws(digits, quick_judge):
    history = {"divide": DivideRecipe(history=2), "purify": PurifyRecipe(history=2)}
    short = {"warmup_epochs": 2, "epochs": 5}  # three rounds, of which two are remembered
    every, _, _ = trained(digits, epoch_samples=10**6, **history, **short)
    plain, _, _ = trained(digits, epoch_samples=None, **history, **short)
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(every.table, name), getattr(plain.table, name))


@pytest.mark.parametrize("golden", ["certain", None])
def test_without_golden_samples_too(digits, every_second, golden):
    if golden is None:
        tssd, _, _ = every_second
    else:
        tssd, _, _ = trained(digits, golden=golden, epoch_samples=1000, epochs=6)
    assert tssd.rounds[-1].quality.label_error_auroc > 0.9
    assert not np.isnan(tssd.table.q[tssd.table.drawn]).any()


def test_only_known_true_labels_count(digits, every_second):
    known = np.arange(len(digits[1])) % 5 == 0
    tssd, _, _ = trained(digits, truth=np.where(known, digits[1], -1), golden=None, epochs=6)
    (ours,), theirs = tssd.rounds, every_second[0].rounds[0]
    assert ours.roles == theirs.roles  # nothing but the record reads them
    rows = np.flatnonzero(tssd.table.drawn & known)
    clean = digits[2][rows] == digits[1][rows]
    kept = tssd.table.kept[rows]
    assert tssd.rounds[-1].quality.kept_precision == pytest.approx(clean[kept].mean())
    assert tssd.rounds[-1].quality.kept_recall == pytest.approx(kept[clean].mean())


def test_a_recipe_draws_balanced_batches(tmp_path, quick_judge):
    from tssd_keras.recipe.toml import parse_recipe
    from tssd_keras.run import experiment

    train = {"epochs": 8, "batch_size": 32, "balanced_batches": 10}
    recipe = parse_recipe(
        {"train": train, "model": {"name": "mlp"}, "noise": {"kind": "symmetric"}}
    )
    done = experiment.run(recipe, out=tmp_path / "run", say=lambda line: None)
    with open(done.folder / "samples.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    judged = [row for row in rows if row["role"]]
    assert 320 < len(judged) <= 640 < len(rows)  # two rounds of 320
    for row in rows:  # a row that no round has judged says nothing of its label
        said = [
            bool(row[name]) for name in ("p_loss", "p_feature", "q", "suggested", "p_suggested")
        ]
        assert said == [bool(row["role"])] * 5
    with open(done.folder / "rounds.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            roles = ("positive", "negative", "uncertain", "semi_hard", "floor")
            assert sum(int(row[role]) for role in roles) == 320
    assert (done.folder / "feature_stream.png").stat().st_size > 0
    assert done.summary["traces"] == 1
