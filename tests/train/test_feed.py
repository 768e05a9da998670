import gc
import warnings
import weakref

import keras
import numpy as np
import pytest

from tssd_keras.data.inputs import ArrayInputs
from tssd_keras.judge.table import SampleTable
from tssd_keras.train.feed import PLANS_OF_A_FIRST_EPOCH, Feed, plan_epoch

N, BATCH = 50, 8
KINDS = ("tf.data", "pydataset")


class Reads(ArrayInputs):
    """Inputs that remember which samples were read."""

    def __init__(self, array):
        super().__init__(array)
        self.seen = []

    def read(self, index):
        self.seen += index.tolist()
        return super().read(index)


def numbered():
    """A table and inputs whose samples carry their own number."""
    return SampleTable(np.arange(N) % 3), Reads(np.arange(N, dtype="float32")[:, None])


def set_weight(table, weight):
    """A rewrite that changes nothing but the weights."""
    from tssd_keras.judge.table import Rewrite

    table.rewrite(
        Rewrite(
            weight,
            table.role,
            table.p_loss,
            table.p_feature,
            table.q,
            table.suggested,
            table.p_suggested,
            table.confidence,
        )
    )


class Recorder(keras.Model):
    """Takes part in `fit` and keeps every batch that reaches the model."""

    def __init__(self):
        super().__init__()
        self.layer = keras.layers.Dense(3)
        self.layer.build((None, 1))
        self.built = True

    def call(self, x):
        return self.layer(x)


def epochs_of(feed, kind, n_epochs, on_epoch_begin=None, then=lambda batches: batches):
    """Numbers and weights of the samples that a real `fit` sees, epoch by epoch."""
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            feed.begin(epoch)
            if on_epoch_begin:
                on_epoch_begin(epoch)
            seen.append(0.0)

        def on_epoch_end(self, epoch, logs=None):
            seen[-1] = (float(logs["n"]), float(logs["mean"]))

    model = Recorder()
    model.compile(
        "sgd",
        loss=lambda y, p: keras.ops.mean(p, axis=-1) * 0.0,
        weighted_metrics=[SumOfWeights(), MeanOfLabels()],
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Your input ran out of data")
        model.fit(
            then(feed.batches(kind)), epochs=n_epochs, shuffle=False, verbose=0, callbacks=[Watch()]
        )
    return seen


class SumOfWeights(keras.metrics.Metric):
    """Total weight of the epoch."""

    def __init__(self):
        super().__init__(name="n")
        self.total = self.add_weight(initializer="zeros", name="total")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign_add(keras.ops.sum(sample_weight))

    def result(self):
        return self.total + 0.0

    def reset_state(self):
        self.total.assign(0.0)


class MeanOfLabels(SumOfWeights):
    """Weighted mean of the labels."""

    def __init__(self):
        super().__init__()
        self.name = "mean"
        self.weighted = self.add_weight(initializer="zeros", name="weighted")

    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(y_true, y_pred, sample_weight)
        y = keras.ops.cast(keras.ops.reshape(y_true, (-1,)), "float32")
        self.weighted.assign_add(keras.ops.sum(sample_weight * y))

    def result(self):
        return self.weighted / self.total

    def reset_state(self):
        super().reset_state()
        self.weighted.assign(0.0)


def test_a_plan_holds_each_kept_sample_once_and_no_other():
    taken = np.arange(N) % 4 > 0
    rows, used = plan_epoch(taken, BATCH, np.random.default_rng(0))
    assert sorted(rows[used > 0].tolist()) == np.flatnonzero(taken).tolist()
    assert taken[rows].all()


def test_every_batch_has_the_same_shape_and_the_last_is_filled_at_weight_zero():
    rows, used = plan_epoch(np.ones(N, bool), BATCH, None)
    assert rows.shape == used.shape == (7, BATCH)
    assert used.sum() == N
    assert used[-1].tolist() == [1, 1, 0, 0, 0, 0, 0, 0]


def test_fewer_kept_samples_than_a_batch_still_fill_one():
    rows, used = plan_epoch(np.arange(N) == 3, BATCH, None)
    assert rows.tolist() == [[3] * BATCH]
    assert used.sum() == 1


def test_an_epoch_without_samples_is_refused():
    with pytest.raises(ValueError, match="no sample of 50 carries weight"):
        plan_epoch(np.zeros(N, bool), BATCH, None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_rewrite_takes_effect_for_the_whole_next_epoch(kind):
    table, inputs = numbered()
    feed = Feed(table, inputs, batch_size=BATCH, seed=1)

    def rewrite(epoch):
        if epoch > 0:  # samples 0..9 keep 0.25 * epoch, the others nothing
            set_weight(table, np.where(np.arange(N) < 10, 0.25 * epoch, 0.0).astype("float32"))

    seen = epochs_of(feed, kind, 4, rewrite)
    assert [n for n, _ in seen] == pytest.approx([N, 2.5, 5.0, 7.5])


def test_it_does_so_behind_a_cache_of_the_images_and_a_long_prefetch():
    """The cache holds what a sample is, never what it weighs."""
    table, _ = numbered()
    tf = pytest.importorskip("tensorflow")
    images = tf.data.Dataset.range(N).map(lambda i: tf.cast([i], tf.float32)).cache()
    feed = Feed(table, ArrayInputs(np.array(list(images.as_numpy_iterator()))), batch_size=BATCH)

    def rewrite(epoch):
        if epoch > 0:
            set_weight(table, np.where(np.arange(N) < 10, 0.25 * epoch, 0.0).astype("float32"))

    def more(batches):
        return batches.prefetch(100)

    seen = epochs_of(feed, "tf.data", 4, rewrite, more)
    assert [n for n, _ in seen] == pytest.approx([N, 2.5, 5.0, 7.5])


@pytest.mark.parametrize("kind", KINDS)
def test_an_epoch_can_be_longer_than_the_one_before(kind):
    table, inputs = numbered()
    set_weight(table, (np.arange(N) < 3).astype("float32"))
    feed = Feed(table, inputs, batch_size=BATCH, seed=1)

    def rewrite(epoch):
        if epoch == 1:
            set_weight(table, np.ones(N, "float32"))

    assert [n for n, _ in epochs_of(feed, kind, 2, rewrite)] == pytest.approx([3, N])


@pytest.mark.parametrize("kind", KINDS)
def test_samples_of_weight_zero_are_never_read(kind):
    table, inputs = numbered()
    set_weight(table, (np.arange(N) % 2).astype("float32"))
    feed = Feed(table, inputs, batch_size=BATCH, seed=1)
    epochs_of(feed, kind, 2)
    assert set(inputs.seen) == set(range(1, N, 2))


@pytest.mark.parametrize("kind", KINDS)
def test_an_objective_that_needs_no_labels_is_given_samples_of_weight_zero_too(kind):
    table, inputs = numbered()
    set_weight(table, (np.arange(N) % 2).astype("float32"))
    table.draw(np.arange(20))
    feed = Feed(table, inputs, batch_size=BATCH, seed=1, unlabelled=True)
    assert feed.steps == feed.max_steps == -(-20 // BATCH)
    epochs_of(feed, kind, 2)
    assert set(inputs.seen) == set(range(20))


@pytest.mark.parametrize("kind", KINDS)
def test_two_networks_are_given_weights_of_their_own(kind):
    inputs = numbered()[1]
    table = SampleTable(np.arange(N) % 3, n_networks=2)
    weights = np.stack([np.arange(N) % 2, np.arange(N) / N], axis=1).astype("float32")
    set_weight(table, weights)
    feed = Feed(table, inputs, batch_size=BATCH, seed=1)
    for x, _, weight in list(_in_order(feed.batches(kind))):
        rows = np.asarray(x)[:, 0].astype(int)
        used = np.asarray(weight).any(axis=1)
        np.testing.assert_allclose(np.asarray(weight)[used], weights[rows[used]])
    assert set(inputs.seen) == set(np.flatnonzero(weights.any(axis=1)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_feed_that_nobody_reads_any_more_is_gone_and_so_is_its_map(kind):
    table, inputs = numbered()

    def twice(x):
        return 2 * x

    feed = Feed(table, inputs, batch_size=BATCH, map=twice)
    batches = feed.batches(kind)
    assert len(list(_in_order(batches))) == feed.steps
    left = [weakref.ref(feed), weakref.ref(twice)]
    del feed, batches, twice
    gc.collect()
    assert [reference() for reference in left] == [None, None]
    set_weight(table, np.arange(N, dtype="float32") / N)


@pytest.mark.parametrize("map", [None, lambda x: 2 * x])
def test_no_thread_tunes_a_tf_data_feed(map):
    """Letting go of its iterator would wait for that thread, up to a minute."""
    batches = Feed(*numbered(), batch_size=BATCH, map=map).batches("tf.data")
    assert batches.options().autotune.enabled is False


@pytest.mark.parametrize(
    "then",
    [iter, lambda b: b.map(lambda x, y, w: (x, y, w)), lambda b: b.take(9).prefetch(1)],
)
def test_a_feed_lives_as_long_as_what_is_made_of_it(then):
    made = then(Feed(*numbered(), batch_size=BATCH).batches("tf.data"))
    gc.collect()
    assert sum(len(x) for x, _, _ in made) == -(-N // BATCH) * BATCH


@pytest.mark.parametrize("kind", KINDS)
def test_batches_of_one_feed_have_the_weights_of_the_last_rewrite(kind):
    table, inputs = numbered()
    feed = Feed(table, inputs, batch_size=BATCH, shuffle=False)
    batches = feed.batches(kind)
    for share in (0.25, 0.5):
        set_weight(table, np.full(N, share, "float32"))
        weights = np.concatenate([np.asarray(weight) for _, _, weight in _in_order(batches)])
        assert weights.dtype == np.float32
        assert sorted(set(weights.tolist())) == [0, share]  # 0 where the last batch is filled up


def _in_order(batches):
    if isinstance(batches, keras.utils.PyDataset):
        batches.on_epoch_begin()
        return (batches[i] for i in range(batches.num_batches))
    return iter(batches)


@pytest.mark.parametrize("kind", KINDS)
def test_an_epoch_is_the_drawn_samples_that_carry_weight(kind):
    table, inputs = numbered()
    set_weight(table, np.where(np.arange(N) < 40, 0.5, 0.0).astype("float32"))
    table.draw(np.arange(0, 20))
    feed = Feed(table, inputs, batch_size=BATCH, seed=1)
    read = []

    def draw(epoch):
        read.append(len(inputs.seen))
        table.draw(np.arange(10 * epoch, 10 * epoch + 20))

    seen = epochs_of(feed, kind, 4, draw)
    assert [n for n, _ in seen] == pytest.approx([10, 10, 10, 5])
    assert feed.max_steps == 3
    assert feed.steps == 2  # rows 30..39
    for epoch, (start, stop) in enumerate(zip(read, [*read[1:], None], strict=True)):
        drawn = set(range(10 * epoch, min(10 * epoch + 20, 40)))
        assert set(inputs.seen[start:stop]) == drawn


def numpy_batches(feed, kind):
    batches = feed.batches(kind)
    if kind == "tf.data":
        return [tuple(np.asarray(part) for part in b) for b in batches.as_numpy_iterator()]
    return [batches[i] for i in range(feed.steps)]


def test_batches_that_are_read_out_of_order_are_told_how():
    table, inputs = numbered()
    batches = Feed(table, inputs, batch_size=BATCH).batches("pydataset")
    for step in (0, 1):
        batches[step]
    with pytest.raises(RuntimeError, match=r"got batch 3 after 1: .* Call fit\(.*shuffle=False"):
        batches[3]


def test_tf_data_and_pydataset_give_the_same_batches_in_the_same_order():
    table, inputs = numbered()
    set_weight(table, np.linspace(0, 1, N).astype("float32"))
    feed = Feed(table, inputs, batch_size=BATCH, seed=4)
    feed.epoch = 2
    ours, theirs = (numpy_batches(feed, kind) for kind in KINDS)
    assert len(ours) == len(theirs) == feed.steps
    for a, b in zip(ours, theirs, strict=True):
        for left, right in zip(a, b, strict=True):
            np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_is_a_function_of_seed_and_epoch(kind):
    def order(seed, epoch):
        table, inputs = numbered()
        feed = Feed(table, inputs, batch_size=BATCH, seed=seed)
        feed.epoch = epoch
        return np.concatenate([b[0][:, 0] for b in numpy_batches(feed, kind)]).tolist()

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)


def test_uint8_reaches_the_batch_as_uint8():
    table = SampleTable(np.zeros(4, int))
    feed = Feed(table, ArrayInputs(np.zeros((4, 2, 2, 1), np.uint8)), batch_size=2)
    for kind in KINDS:
        assert numpy_batches(feed, kind)[0][0].dtype == np.uint8


def test_the_table_row_and_the_source_index_are_told_apart():
    inputs = ArrayInputs(np.arange(10, dtype="float32")[:, None])
    table = SampleTable(np.array([1, 2]), index=np.array([7, 9]))
    feed = Feed(table, inputs, batch_size=2, shuffle=False)
    x, y, _ = numpy_batches(feed, "pydataset")[0]
    assert x[:, 0].tolist() == [7, 9]
    assert y.tolist() == [1, 2]


def test_an_unknown_kind_names_the_known_ones():
    table, inputs = numbered()
    with pytest.raises(ValueError, match=r"auto, tf\.data, pydataset, got 'generator'"):
        Feed(table, inputs, batch_size=BATCH).batches("generator")


@pytest.mark.parametrize("kind", KINDS)
def test_one_epoch_without_the_callback_is_not_warned_of_whatever_keras_looks_at(kind):
    table, inputs = numbered()
    feed = Feed(table, inputs, batch_size=BATCH, callback_missing=True)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    plans, plan = [], feed.plan_and_key
    feed.plan_and_key = lambda: plans.append(feed.epoch) or plan()
    batches = feed.batches(kind)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(batches, epochs=1, shuffle=False, verbose=0)
    assert 1 <= len(plans) <= PLANS_OF_A_FIRST_EPOCH


def test_batches_read_before_an_epoch_begins_are_of_no_account():
    table, inputs = numbered()
    feed = Feed(table, inputs, batch_size=BATCH)
    batches = feed.batches("pydataset")
    batches[0]
    assert feed.was_read
    feed.begin(0)
    assert not feed.was_read
    batches[0]
    assert feed.was_read
