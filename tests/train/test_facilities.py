"""What Keras has around `fit` does its work beside TSSD; docs/facilities.md is the table of it."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from builders.small_runs import D, K, N, blobs, fit, network, new_tssd
from keras import layers
from sklearn.metrics import roc_auc_score

from tssd_keras import TSSD, Labels

BACKEND = keras.backend.backend()
KEPT = {"monitor": "tssd_kept_share", "mode": "max"}


class Counted(layers.Layer):
    """Counts how often Python calls it: once a step where nothing is compiled."""

    calls = 0

    def call(self, x):
        self.calls += 1
        return x


def compiled(optimizer=None, loss=None, **settings):
    """A network as a user compiles it, without the run_eagerly of `small_runs.network`."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((D,)),
            layers.Dense(16, activation="relu"),
            Counted(name="counted"),
            layers.Dense(K, activation="softmax"),
        ]
    )
    by_weight = keras.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight")
    model.compile(optimizer or keras.optimizers.Adam(1e-2), loss or by_weight, **settings)
    return model


def short(**settings):
    """A TSSD that is quick: one epoch of warm-up, nothing trusted."""
    return new_tssd(**{"golden": 0, "warmup_epochs": 1, **settings})


def finds_wrong_labels(tssd):
    """Raise AssertionError unless all were judged, and well."""
    _, truth, given = blobs()
    assert tssd.table.judged.all()
    assert roc_auc_score(truth == given, tssd.table.q) > 0.9


def first_weights(model):
    return model.get_weights()[0].copy()


# What a callback sees of TSSD's figures


def test_a_csv_logger_before_tssd_misses_its_columns(tmp_path):
    before, behind = (keras.callbacks.CSVLogger(tmp_path / name) for name in ("a", "b"))
    fit(network(), short(), 2, before=[before], behind=[behind])
    heads = [(tmp_path / name).read_text().splitlines()[0] for name in ("a", "b")]
    assert ["tssd_kept_share" in head.split(",") for head in heads] == [False, True]


def test_early_stopping_before_tssd_says_that_there_is_no_such_figure():
    stop = keras.callbacks.EarlyStopping(**KEPT, patience=1)
    with pytest.warns(UserWarning, match="`tssd_kept_share` which is not available"):
        history = fit(network(), short(), 3, before=[stop])
    assert len(history.epoch) == 3


def test_a_checkpoint_of_the_best_round_loads_and_needs_a_threshold_to_begin_with(tmp_path):
    """The first epoch of warm-up has NaN, and no number is better than that."""
    tssd, model, seen = short(), network(), []
    best, first = (
        keras.callbacks.ModelCheckpoint(
            tmp_path / f"{name}{{epoch}}.keras", **KEPT, save_best_only=True, **threshold
        )
        for name, threshold in (("best", {"initial_value_threshold": 0.0}), ("first", {}))
    )
    look = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: seen.append(first_weights(model)))
    kept = fit(model, tssd, 4, behind=[look, best, first]).history["tssd_kept_share"]
    assert [path.name for path in tmp_path.glob("first*")] == ["first1.keras"]
    assert np.isnan(first.best)
    epoch = int(np.nanargmax(kept))
    assert best.best == kept[epoch]
    loaded = keras.models.load_model(tmp_path / f"best{epoch + 1}.keras")
    np.testing.assert_array_equal(first_weights(loaded), seen[epoch])


class FromTheFirstRound(keras.callbacks.ReduceLROnPlateau):
    """As docs/facilities.md has it."""

    def on_epoch_end(self, epoch, logs=None):
        if not np.isnan(logs[self.monitor]):
            super().on_epoch_end(epoch, logs)


@pytest.mark.parametrize(
    ("kind", "rates"),
    [(keras.callbacks.ReduceLROnPlateau, [1, 1, 1, 0.5, 0.5]), (FromTheFirstRound, [1, 1, 1, 0.5])],
)
def test_a_plateau_begins_with_the_first_round_or_holds_nan_for_the_best_for_ever(kind, rates):
    """Five and six epochs, two of them warm-up; of the warm-up the second kind logs nothing."""
    plateau = kind(**KEPT, factor=0.5, patience=2, min_delta=0.5)
    epochs = len(rates) + 2 * (kind is FromTheFirstRound)
    history = fit(network(), short(warmup_epochs=2), epochs, behind=[plateau]).history
    np.testing.assert_allclose(history["learning_rate"], 0.01 * np.array(rates), rtol=1e-5)
    assert np.isnan(plateau.best) == (kind is not FromTheFirstRound)


# Which weights are trained, judged and kept


@pytest.mark.parametrize("judged_by", ["averages", "weights"])
def test_averaged_weights_judge_where_tssd_comes_first_and_training_is_not_disturbed(judged_by):
    model = network()
    model.optimizer = keras.optimizers.Adam(1e-2, use_ema=True, ema_momentum=0.9)
    judging, weights, averages, begun = [], [], [], []

    def note(where):
        return lambda *_: where.append(first_weights(model))

    tssd, swap = short(on_round=note(judging)), keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    first = keras.callbacks.LambdaCallback(on_epoch_end=note(weights))
    last = keras.callbacks.LambdaCallback(on_epoch_begin=note(begun), on_epoch_end=note(averages))
    tssd_first = judged_by == "averages"
    before, behind = ([first], [swap, last]) if tssd_first else ([first, swap], [last])
    fit(model, tssd, 3, before=before, behind=behind)
    assert not np.allclose(weights, averages, atol=1e-3)
    # TensorFlow swaps by adding and subtracting, which rounds.
    for found, expected in (
        (judging, (averages if tssd_first else weights)[:-1]),
        (begun[1:], weights[:-1]),
        ([first_weights(model)], averages[-1:]),
    ):
        np.testing.assert_allclose(found, expected, atol=1e-6)
    finds_wrong_labels(tssd)


def test_a_later_fit_that_begins_where_a_backup_ended_says_that_it_trains_nothing(tmp_path):
    model, tssd = network(), short(backup_path=tmp_path / "tssd.npz")

    def cut_off(epoch, logs):
        if epoch == 1:
            raise KeyboardInterrupt

    backup = keras.callbacks.BackupAndRestore(tmp_path / "model")
    cut = keras.callbacks.LambdaCallback(on_epoch_end=cut_off)
    with pytest.raises(KeyboardInterrupt):
        fit(model, tssd, 3, behind=[backup, cut])
    fit(model, tssd, 3, behind=[backup])
    assert tssd.epochs_trained == 3
    with pytest.warns(UserWarning, match=r"no epoch: .* epochs=2.* back \(2\).*N above that"):
        assert fit(model, tssd, 2).epoch == []
    assert fit(model, tssd, 4).epoch == [2, 3]
    assert tssd.epochs_trained == 5


# How a step runs


@pytest.mark.parametrize(
    "how", [{"jit_compile": True}, {"jit_compile": False}, {"run_eagerly": True}], ids=str
)
def test_steps_run_as_compile_says_and_labels_are_judged_alike(how):
    model, tssd = compiled(**how), short()
    fit(model, tssd, 3)
    at_once = {"jit_compile": model.jit_compile, "run_eagerly": model.run_eagerly}
    assert how.items() <= at_once.items()
    calls, steps = model.get_layer("counted").calls, 3 * tssd.steps
    # JAX calls what is not compiled step by step, too.
    by_step = "run_eagerly" in how or (BACKEND == "jax" and not how["jit_compile"])
    assert (calls >= steps) == by_step
    finds_wrong_labels(tssd)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_labels_are_judged_in_mixed_precision(policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = compiled()
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.layers[0].compute_dtype == policy.removeprefix("mixed_")
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")
    tssd = short(warmup_epochs=2)
    fit(model, tssd, 4)
    finds_wrong_labels(tssd)


def test_accumulated_gradients_take_a_step_every_so_many_batches():
    model, tssd, batches = network(), short(), []
    model.optimizer = keras.optimizers.Adam(2e-2, gradient_accumulation_steps=3)
    count = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: batches.append(1))
    fit(model, tssd, 4, behind=[count])
    assert int(model.optimizer.iterations) == len(batches) // 3
    finds_wrong_labels(tssd)


def test_a_schedule_counts_each_batch_of_accumulated_gradients():
    """Of 60 steps 30 are done, not 15: nothing is left to warn of."""
    model, rate = network(), keras.optimizers.schedules.CosineDecay(1e-2, 60)
    model.optimizer = keras.optimizers.Adam(rate, gradient_accumulation_steps=2)
    tssd = short()
    with pytest.warns(UserWarning, match="CosineDecay will not finish"):
        fit(model, tssd, 3, feed=tssd.feed(32, steps=10))
    tssd = short()
    fit(model, tssd, 6, feed=tssd.feed(32, steps=10), initial_epoch=3)
    assert float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)) == 0


SCRIPT = f"""
import contextlib, sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
import keras
scope = contextlib.nullcontext()
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    cpu, one = tf.config.list_physical_devices("CPU")[0], tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(cpu, [one, one])
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    n, scope = strategy.num_replicas_in_sync, strategy.scope()
else:
    keras.distribution.set_distribution(keras.distribution.DataParallel())
    n = keras.distribution.distribution().device_mesh.shape[0]
from train.test_facilities import blobs, compiled, fit, new_tssd, roc_auc_score
with scope:
    model, at_once = compiled(), compiled()
    at_once.steps_per_execution = 4
tssd = new_tssd(warmup_epochs=1, backup_path=sys.argv[1])
fit(model, tssd, 3, feed=tssd.feed(32, kind=sys.argv[2]))
_, truth, given = blobs()
right = (truth == given)[: len(tssd.table)]
print("devices:", n, "AUROC above 0.9:", roc_auc_score(right, tssd.table.q) > 0.9)
odd = new_tssd()
try:
    fit(model, odd, 1, feed=odd.feed(33, kind=sys.argv[2]))
except ValueError as error:
    print(error)
try:
    fit(at_once, odd, 1, feed=odd.feed(32, kind=sys.argv[2]))
    print("several updates at once, each epoch's:", int(at_once.optimizer.iterations) == odd.steps)
except ValueError as error:
    print(error)
"""


@pytest.mark.long
@pytest.mark.on_both
@pytest.mark.parametrize("kind", ["tf.data", "pydataset"])
def test_two_devices_train_one_model(kind, tmp_path):
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "tssd.npz"), kind],
        env={**os.environ, "XLA_FLAGS": flags},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "devices: 2 AUROC above 0.9: True" in done.stdout
    assert "a batch must be split evenly over 2 devices" in done.stdout
    at_once = {
        "jax": "several updates at once, each epoch's: True",
        "tensorflow": "steps_per_execution must be 1 on 2 devices (MirroredStrategy), got 4",
    }
    assert at_once[keras.backend.backend()] in done.stdout


# What fit is given, and who calls it


@pytest.mark.parametrize("kind", ["tf.data", "pydataset"])
@pytest.mark.parametrize(
    ("argument", "remedy"),
    [
        ({"class_weight": dict.fromkeys(range(K), 1.0)}, r"Labels\(y, weight=np\.array"),
        ({"sample_weight": np.ones(N)}, r"Labels\(y, weight=sample_weight\)"),
        ({"validation_split": 0.2}, r"validation_data=\(x\[n:\], y\[n:\]\)"),
        ({"y": np.zeros(N)}, r"fit\(tssd\.feed"),
        ({"batch_size": 16}, r"batches of 32 .*got 16.*feed\(batch_size=16\)"),
        ({"steps_per_epoch": 4}, r"feed\(batch_size=\.\.\., steps=steps_per_epoch\)"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_fit_is_given_beside_a_feed_is_refused_with_the_mended_line(kind, argument, remedy):
    tssd, (name,) = short(), argument
    with pytest.raises(ValueError, match=f"{name}.* beside a feed.*{remedy}"):
        network().fit(tssd.feed(32, kind=kind), callbacks=[tssd], shuffle=False, **argument)
    assert tssd.epochs_trained == 0


@pytest.mark.parametrize("kind", ["tf.data", "pydataset"])
def test_what_says_the_same_as_the_feed_is_taken(kind):
    tssd, (x, _, given) = short(), blobs()
    same = {"validation_split": 0.2, "validation_data": (x, given), "batch_size": 32}
    feed, rest = tssd.feed(32, kind=kind), {"epochs": 2, "callbacks": [tssd], "verbose": 0}
    assert "val_loss" in network().fit(feed, shuffle=False, **same, **rest).history


def test_the_mended_line_for_class_weights_weighs_as_they_would():
    x, _, given = blobs()
    class_weight = {k: 1.0 + k for k in range(K)}
    weight = np.array([class_weight[k] for k in range(len(class_weight))])[given]
    tssd = TSSD(x, Labels(given, weight=weight), warmup_epochs=None)
    _, y, weights = tssd.feed(32, kind="pydataset", shuffle=False)[0]
    np.testing.assert_allclose(weights, 1.0 + y)


@pytest.mark.parametrize(
    ("altered", "remedy"),
    [
        (lambda feed: feed.map(lambda x, y, w: (x, y)), r"\.map\(.*tssd\.feed\(map="),
        (lambda feed: feed.take(3), r"\.take\(.*feed\(steps=n\)"),
        (lambda feed: feed.take(3).prefetch(2), r"\.take\(.*feed\(steps=n\)"),
        (lambda feed: feed.apply(lambda batches: batches.skip(1)), r"\.skip\("),
        (lambda feed: feed.unbatch().batch(8), r"\.unbatch\(.*feed\(batch_size="),
        (lambda feed: feed.repeat(), r"\.repeat\(.*epochs="),
        (lambda feed: feed.cache(), r"\.cache\(.*without \.cache\(\) behind the feed"),
    ],
    ids=["map", "take", "take, prefetch", "apply", "unbatch", "repeat", "cache"],
)
def test_what_is_made_of_a_feed_is_refused_where_it_trains_something_else(altered, remedy):
    pytest.importorskip("tensorflow")
    tssd = short()
    made = altered(tssd.feed(32, kind="tf.data"))
    assert len(next(iter(made))) in (2, 3)  # to look at it is no harm
    with pytest.raises(ValueError, match=f"the feed as it is, got what {remedy}"):
        fit(network(), tssd, 2, feed=made)


def test_a_feed_that_is_read_ahead_is_the_feed():
    pytest.importorskip("tensorflow")
    tssd = short()
    fit(network(), tssd, 3, feed=tssd.feed(32, kind="tf.data").prefetch(2))
    finds_wrong_labels(tssd)


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_an_epoch_that_nobody_saw_cut_short_stops_and_says_so():
    tf = pytest.importorskip("tensorflow")
    tssd = short()
    feed = tssd.feed(32, kind="tf.data")
    part = tf.data.Dataset.zip((feed, tf.data.Dataset.range(2))).map(lambda batch, i: batch)
    message = rf"every batch of the feed, {tssd.steps}, got 2.*steps=n\)"
    with pytest.raises(RuntimeError, match=message):
        fit(network(), tssd, 2, feed=part)


def test_a_tssd_that_is_twice_in_the_list_is_refused_and_works_afterwards():
    model, tssd = network(), short()
    with pytest.raises(ValueError, match=r"once, or each epoch.*callbacks=\[tssd\]"):
        fit(model, tssd, 2, behind=[tssd])
    fit(model, tssd, 3)
    assert tssd.epochs_trained == 3


@pytest.mark.parametrize("kind", ["tf.data", "pydataset"])
@pytest.mark.parametrize(
    ("stateful", "size", "message"),
    [
        (True, 32, r"carry a state from batch to batch.*'memory' does.*LSTM\(.*stateful=False"),
        (False, 32, r"batches of any size.*'series' takes 32.*keras\.Input\(shape=\(5, 1\)\)"),
        (False, 8, r"batches of any size.*'series' takes 8 samples"),
    ],
)
def test_a_model_for_one_batch_size_is_refused_with_the_mended_line(stateful, size, message, kind):
    inputs = keras.Input((5, 1), batch_size=size, name="series")
    hidden = keras.layers.LSTM(4, stateful=stateful, name="memory")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, "softmax")(hidden))
    model.compile("adam", "sparse_categorical_crossentropy")
    tssd = TSSD(np.zeros((64, 5, 1), "float32"), np.arange(64) % 2)
    with pytest.raises(ValueError, match=message):
        fit(model, tssd, 1, feed=tssd.feed(32, kind=kind))


def test_keras_wrapper_for_scikit_learn_is_refused_with_what_to_take():
    wrapper = keras.wrappers.SKLearnClassifier(
        lambda X, y: compiled(loss="categorical_crossentropy"),
        fit_kwargs={"callbacks": [short()], "verbose": 0},
    )
    x, _, given = blobs()
    with pytest.raises(RuntimeError, match=r"SKLearnClassifier take tssd_keras\.TSSDClassifier"):
        wrapper.fit(x, given)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::DeprecationWarning:keras_tuner")
@pytest.mark.filterwarnings("ignore:(currentThread|getName):DeprecationWarning")
def test_keras_tuner_trains_each_trial_by_a_copy(tmp_path):
    """It copies the callbacks, which makes a TSSD without a feed: the trial makes its own."""
    tuner = pytest.importorskip("keras_tuner")
    copies = []

    class Trial(tuner.HyperModel):
        def build(self, hp):
            return compiled(keras.optimizers.Adam(hp.Choice("rate", [1e-2, 2e-2])))

        def fit(self, hp, model, callbacks, **settings):
            copies.append(next(c for c in callbacks if type(c).__name__ == "TSSD"))
            return model.fit(copies[-1].feed(32), callbacks=callbacks, shuffle=False, **settings)

    search = tuner.RandomSearch(
        Trial(), tuner.Objective("loss", "min"), max_trials=2, directory=tmp_path
    )
    tssd = short()
    search.search(epochs=3, callbacks=[tssd], verbose=0)
    assert (tssd.epochs_trained, len(copies)) == (0, 2)
    for copy in copies:
        finds_wrong_labels(copy)
