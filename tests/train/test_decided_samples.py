"""What is trained on, judged and counted where people have decided on some samples."""

import keras
import numpy as np
import pytest
from builders.run_files import read_csv
from builders.small_runs import Several

from tssd_keras import TSSD, Drawing, Golden, Labels
from tssd_keras.judge.golden_head import fit_golden_head
from tssd_keras.judge.roles import DECIDED, ROLES
from tssd_keras.judge.table import Rewrite, SampleTable
from tssd_keras.labels import noise
from tssd_keras.labels.golden import effective_weights

N, K, DIM = 240, 3, 4


def blobs(seed=0):
    """Three heaps of points, true labels, labels of which 30 % are wrong, 12 golden samples."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, K, N)
    x = (3 * np.eye(K, DIM)[truth] + rng.normal(0, 0.6, (N, DIM))).astype("float32")
    given = noise.draw_labels(truth, noise.symmetric(K, 0.3), seed=1)
    golden = np.repeat(np.arange(K), 4)
    points = (3 * np.eye(K, DIM)[golden] + rng.normal(0, 0.6, (12, DIM))).astype("float32")
    return x, truth, given, (points, golden)


def some_decided(truth, every=5):
    return np.where(np.arange(N) % every == 0, truth, -1)


@pytest.mark.backend_free
def test_decided_rows_keep_their_weight_role_and_class():
    given, decided = np.array([0, 1, 2, 0]), np.array([-1, 2, -1, 0])
    table = SampleTable(given, decided=decided, n_networks=2)
    assert table.labels.tolist() == [0, 2, 2, 0]
    assert table.given.tolist() == [0, 1, 2, 0]
    assert [ROLES[r] for r in table.role] == ["uncertain", "decided", "uncertain", "decided"]
    half, rows = np.full(2, 0.5), np.array([0, 2])
    columns = Rewrite(np.array([0.0, 0.3]), np.zeros(2), half, half, half, np.ones(2), half, half)
    table.rewrite(columns, rows)
    assert table.weights[[1, 3]].tolist() == [[1, 1], [1, 1]]
    assert table.suggested.tolist() == [1, 2, 1, 0]
    with pytest.raises(ValueError, match="must not be rewritten"):
        table.rewrite(columns, np.array([0, 1]))


@pytest.mark.backend_free
def test_the_table_is_written_with_the_given_label_and_the_decided_one(tmp_path):
    table = SampleTable(np.array([0, 1]), decided=np.array([-1, 0]))
    table.write_csv(tmp_path / "samples.csv", ("cat", "dog"))
    first, second = read_csv(tmp_path / "samples.csv")
    assert first["role"] == ""
    assert (second["role"], second["given"], second["suggested"]) == ("decided", "dog", "cat")
    assert (second["weight"], second["q"]) == ("1", "")


@pytest.mark.parametrize("kind", ["tf.data", "pydataset"])
@pytest.mark.parametrize("n_networks", [1, 2])
def test_every_batch_has_the_decided_class_at_full_weight(kind, n_networks):
    x, truth, given, golden = blobs()
    decided = some_decided(truth)
    tssd = TSSD(x, Labels(given, decided=decided), golden=golden)
    zeros = np.zeros(N)
    undecided = np.flatnonzero(decided < 0)
    place = {row.tobytes(): i for i, row in enumerate(x)}
    for begun in (False, True):
        if begun:  # a round that gives all others next to nothing
            some = zeros[undecided]
            columns = Rewrite(some + 0.1, *(some,) * 7)
            tssd.table.rewrite(columns, undecided)
        feed = tssd.feed(32, model=Several(n_networks), kind=kind)
        batches = feed if kind == "tf.data" else (feed[i] for i in range(tssd.steps))
        seen = 0
        for inputs, labels, weight in batches:
            rows = np.array([place[row.tobytes()] for row in np.asarray(inputs)])
            own = (decided[rows] >= 0) & (np.asarray(weight).reshape(len(rows), -1)[:, 0] > 0)
            assert (np.asarray(labels)[own] == decided[rows][own]).all()
            assert (np.asarray(weight)[own] == 1).all()
            seen += own.sum()
        assert seen == (decided >= 0).sum()


def test_rounds_neither_judge_nor_count_what_is_decided():
    x, truth, given, golden = blobs()
    decided = some_decided(truth)
    tssd = TSSD(x, Labels(given, true=truth, decided=decided), golden=golden, warmup_epochs=4)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((DIM,)), keras.layers.Dense(8), keras.layers.Dense(K)])
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="mean_with_sample_weight"
    )
    model.compile(keras.optimizers.Adam(1e-2), loss=loss)
    model.fit(tssd.feed(32), epochs=5, callbacks=[tssd], shuffle=False, verbose=0)
    told = decided >= 0
    assert (tssd.table.judged == ~told).all()
    assert (tssd.table.role[told] == DECIDED).all()
    assert (tssd.table.weight[told] == 1).all()
    assert np.isnan(tssd.table.q[told]).all()
    assert not np.isnan(tssd.table.q[~told]).any()
    assert len(tssd.last_round[0].rows) == (~told).sum()
    record = tssd.rounds[-1]
    assert record.roles.kept == (tssd.table.weight[~told] > 0).sum()
    kept = tssd.table.kept & ~told
    assert record.quality.kept_precision == pytest.approx((given == truth)[kept].mean())


def test_where_epochs_draw_samples_the_drawn_decided_ones_have_full_weight():
    x, truth, given, golden = blobs()
    decided = some_decided(truth)
    labels, drawing = Labels(given, decided=decided), Drawing(epoch_samples=60)
    tssd = TSSD(x, labels, golden=golden, drawing=drawing, warmup_epochs=1)
    model = keras.Sequential([keras.Input((DIM,)), keras.layers.Dense(K, activation="softmax")])
    loss = keras.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight")
    model.compile("adam", loss=loss)
    model.fit(tssd.feed(20), epochs=3, callbacks=[tssd], shuffle=False, verbose=0)
    told, drawn = decided >= 0, tssd.table.drawn
    assert drawn.sum() == 60
    assert np.bincount(tssd.table.labels[drawn]).tolist() == [20, 20, 20]  # as trained on
    assert 0 < (told & drawn).sum() < told.sum()
    assert (tssd.table.weights_now[told, 0] == drawn[told]).all()
    assert len(tssd.last_round[0].rows) == (drawn & ~told).sum()


@pytest.mark.parametrize(
    ("decided", "words"),
    [
        (np.full(N - 1, -1), "one entry for each"),
        (np.full(N, K), "0..2"),
        (np.full(N, -2), "0..2"),
        (np.zeros(N, int), "some samples must be undecided"),
    ],
)
def test_what_cannot_be_decided_is_refused(decided, words):
    x, _, given, golden = blobs()
    with pytest.raises(ValueError, match=words):
        TSSD(x, Labels(given, decided=decided), golden=golden)


def test_golden_samples_must_stand_for_something():
    x, _, given, (points, labels) = blobs()
    unknown = np.full(12, -1)
    for stands_for in (np.zeros(12), np.ones(11)):
        with pytest.raises(ValueError, match="stands_for must be above 0"):
            TSSD(x, given, golden=Golden(points, labels, unknown, stands_for))
    tssd = TSSD(x, given, golden=Golden(points, labels, unknown, np.arange(1, 13)))
    assert tssd.arguments.golden.stands_for.tolist() == list(range(1, 13))


@pytest.mark.backend_free
def test_equal_weights_count_as_many_and_unequal_ones_as_fewer():
    np.testing.assert_allclose(effective_weights(np.full(7, 3.0)), 1)
    weight = effective_weights(np.array([1.0, 1.0, 2.0]))
    assert weight.sum() == pytest.approx(16 / 6)  # Kish: square of the sum over sum of squares
    assert weight[2] == pytest.approx(2 * weight[0])
    np.testing.assert_allclose(weight, effective_weights(np.array([10.0, 10.0, 20.0])))


@pytest.mark.backend_free
def test_a_head_takes_a_weight_of_two_for_two_samples():
    rng = np.random.default_rng(0)
    labels = np.arange(30) % K
    features = rng.normal(np.eye(K, DIM)[labels], 0.8)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    log_p = np.log(rng.dirichlet(np.ones(K), 30))
    fold, twice = np.arange(30) // 3 % 5, np.repeat(np.arange(30), 1 + (np.arange(30) < 9))
    weighted = fit_golden_head(features, log_p, labels, fold, K, weight=1.0 + (np.arange(30) < 9))
    repeated = fit_golden_head(features[twice], log_p[twice], labels[twice], fold[twice], K)
    np.testing.assert_allclose(weighted.weight, repeated.weight, atol=2e-3)
    assert weighted.voice == repeated.voice


@pytest.mark.backend_free
def test_the_share_of_right_rows_is_the_matrixs_however_many_golden_ones_were_given_wrong_labels():
    from tssd_keras.judge.meta_rows import Trusted, golden_rows
    from tssd_keras.judge.scores import Scores

    class Context:
        transition = noise.symmetric(K, 0.2)

        class head:
            out_of_fold = np.zeros((30, K), np.float32)

        def features(self, similarity, log_p, labels, head_log_p):
            return np.zeros((len(labels), 1), np.float32)

    labels = np.arange(30) % K
    scores = Scores(np.zeros(30), np.zeros((30, 2), np.float16), np.zeros((30, K), np.float16))
    weight = effective_weights(np.where(np.arange(30) < 15, 1.0, 40.0))
    shares = []
    for given in (labels, (labels + 1) % K):
        fold, nowhere = np.arange(30) // 3 % 5, np.zeros((30, K))
        trusted = Trusted(scores, labels, given, fold, weight, similarity=nowhere)
        rows = golden_rows(Context(), trusted, np.full(K, 1 / K), np.random.default_rng(0))
        shares.append(rows.share)
        by_sample = rows.weight.reshape(-1, 30).sum(axis=0)
        assert by_sample[15] == pytest.approx(40 * by_sample[0])
    assert shares == pytest.approx([0.8, 0.8])
