"""Shares of a batch, and distributions that are refused by name."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from builders.small_runs import new_tssd

import tssd_keras
from tssd_keras import TSSD
from tssd_keras.data.inputs import ArrayInputs
from tssd_keras.judge.table import SampleTable
from tssd_keras.train import devices
from tssd_keras.train.devices.layout import Layout
from tssd_keras.train.feed import Feed
from tssd_keras.train.score_pass import fixed_batches

# The loss that is told is a metric, in float32, and so are random numbers.
DOUBLE = ("float64", 1e-6, 1e-8)
ROOT = Path(tssd_keras.__file__).parent.parent
N, BATCH = 50, 8
BACKEND = keras.backend.backend()
on_jax = pytest.mark.skipif(BACKEND != "jax", reason="of JAX")
on_tensorflow = pytest.mark.skipif(BACKEND != "tensorflow", reason="of TensorFlow")
PROCESSES = [Layout(4, 2, process, "DataParallel") for process in range(2)]


@pytest.mark.long
@pytest.mark.parametrize(("precision", "loss", "variable"), [("float32", 1e-5, 1e-5), DOUBLE])
def test_updates_on_several_devices_are_those_on_one(precision, loss, variable):
    script = ROOT / "tests" / "builders" / "updates_beside_one.py"
    n = {"jax": "4", "tensorflow": "2"}[BACKEND]
    done = subprocess.run(
        [sys.executable, script, n, precision],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "JAX_ENABLE_X64": str(int(precision == "float64"))},
    )
    assert done.returncode == 0, done.stderr
    found = [line.split() for line in done.stdout.splitlines()]
    assert [name for name, *_ in found] == ["weighted", "mixmatch"]
    assert all(float(apart) < loss for _, apart, _ in found), found
    assert all(float(apart) < variable for *_, apart in found), found


def feed(layout=None, **settings):
    """Of samples that carry their own number."""
    inputs = ArrayInputs(np.arange(N, dtype="float32")[:, None])
    return Feed(
        SampleTable(np.arange(N) % 3), inputs, batch_size=BATCH, seed=3, layout=layout, **settings
    )


def batches(one, kind):
    """Every batch of a feed's epoch as arrays (x, y, weight)."""
    data = one.batches(kind)
    if kind == "tf.data":
        return list(data.as_numpy_iterator())
    data.on_epoch_begin()
    return [data[i] for i in range(data.num_batches)]


@pytest.mark.parametrize("kind", ["tf.data", "pydataset"])
def test_the_shares_of_all_processes_are_the_batches_of_one(kind):
    whole = batches(feed(), kind)
    shares = [batches(feed(layout), kind) for layout in PROCESSES]
    assert len(whole) == len(shares[0]) == len(shares[1]) == -(-N // BATCH)
    for batch, *parts in zip(whole, *shares, strict=True):
        for column, *own in zip(batch, *parts, strict=True):
            np.testing.assert_array_equal(column, np.concatenate(own))


def test_each_process_reads_its_own_rows_only():
    plans = [feed(layout).plan()[0] for layout in PROCESSES]
    assert [plan.shape[1] for plan in plans] == [BATCH // 2] * 2


def test_processes_draw_different_numbers_for_a_map():
    keys = [feed(layout).plan_and_key()[1] for layout in PROCESSES]
    assert keys[0] == feed().plan_and_key()[1] != keys[1]


def test_the_score_pass_shares_every_batch_out_and_fills_up_the_last():
    inputs, index = ArrayInputs(np.arange(10)[:, None]), np.arange(10)
    shares = [list(fixed_batches(inputs, index, 6, layout)) for layout in PROCESSES]
    read = [np.concatenate([a, b])[:, 0] for (_, a), (_, b) in zip(*shares, strict=True)]
    assert [one.tolist() for one in read] == [[0, 1, 2, 3, 4, 5, 0, 0], [6, 7, 8, 9, 6, 6, 6, 6]]
    assert [rows for rows, _ in shares[0]] == [slice(0, 6), slice(6, 10)]


def test_a_batch_that_devices_cannot_share_evenly_is_refused_with_sizes_that_they_can():
    with pytest.raises(
        ValueError, match=r"4 devices \(DataParallel\) in 2 proc.* 10\. Try 8 or 12"
    ):
        PROCESSES[0].check_batch(10)
    with pytest.raises(ValueError, match="Try 4"):
        PROCESSES[0].check_batch(3)
    with pytest.raises(ValueError, match="split evenly over 3 devices"):
        feed(Layout(3, what="DataParallel"))


def test_more_devices_than_there_are_are_refused():
    keras.ops.zeros(1)  # devices are known from here on
    too_many = pytest.raises(ValueError, match="must be at most as many as there are")
    with too_many, devices.chosen("64"):
        raise AssertionError("there are no 64 devices")


def test_no_more_virtual_devices_are_made_than_are_of_use():
    too_many = pytest.raises(ValueError, match="at most 64 in one process, got 1000000")
    with too_many, devices.chosen("1000000"):
        raise AssertionError("there are no million devices")


@on_jax
@pytest.mark.parametrize(
    ("environment", "said"),
    [
        (("", "2", "0"), "must be HOST:PORT.*got 2 and no address: each process would train alone"),
        (("foo", "2", "0"), "JAX_COORDINATOR_ADDRESS must be HOST:PORT.*such as.*got 'foo'"),
        ((":1", "2", "0"), "JAX_COORDINATOR_ADDRESS must be HOST:PORT.*got ':1'"),
        (("a:1", "two", "0"), "JAX_NUM_PROCESSES must be a whole number, got 'two'"),
        (("a:1", "2", "2"), "JAX_PROCESS_ID from 0 to one less.*got 2 and 2"),
        (("a:1", "0", "0"), "JAX_NUM_PROCESSES must be at least 1.*got 0 and 0"),
    ],
)
def test_variables_of_several_processes_are_looked_at_first(environment, said, monkeypatch):
    names = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")
    for name, value in zip(names, environment, strict=True):
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=said), devices.chosen("all"):
        raise AssertionError("they were taken")


@on_jax
def test_a_process_that_does_not_know_which_it_is_is_told_what_to_set():
    code = "from tssd_keras.train import devices\nwith devices.chosen('all'): pass"
    several = {"JAX_COORDINATOR_ADDRESS": "127.0.0.1:1", "JAX_NUM_PROCESSES": "2"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **several},
        capture_output=True,
        text=True,
        timeout=60,
    )
    said = "JAX_NUM_PROCESSES and JAX_PROCESS_ID must be set beside JAX_COORDINATOR_ADDRESS"
    assert said in done.stderr and "got 2 and None" in done.stderr


@on_jax
def test_a_model_parallel_layout_is_refused_by_name():
    mesh = keras.distribution.DeviceMesh((1, 1), ["batch", "model"], ["cpu:0"])
    parallel = keras.distribution.ModelParallel(
        layout_map=keras.distribution.LayoutMap(mesh), batch_dim_name="batch"
    )
    with parallel.scope(), pytest.raises(ValueError, match=r"ModelParallel.*DataParallel"):
        new_tssd().feed(32)


@on_jax
def test_what_is_done_alone_sees_no_distribution_and_it_is_brought_back():
    parallel = keras.distribution.DataParallel(devices=["cpu:0"])
    with parallel.scope():
        assert devices.alone(keras.distribution.distribution) is None
        with pytest.raises(ZeroDivisionError):
            devices.alone(lambda: 1 / 0)
        assert keras.distribution.distribution() is parallel


@on_tensorflow
def test_what_is_done_alone_sees_no_strategy():
    import tensorflow as tf

    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        assert not devices.alone(tf.distribute.has_strategy)
        assert tf.distribute.has_strategy()


@on_tensorflow
@pytest.mark.parametrize(
    "environment",
    [
        {"TF_CONFIG": json.dumps({"cluster": {"worker": ["a:1", "b:1"]}})},
        {"JAX_COORDINATOR_ADDRESS": "a:1"},
    ],
    ids=lambda environment: next(iter(environment)),
)
def test_several_workers_on_tensorflow_are_refused_with_jax_as_the_way(environment, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    refused = pytest.raises(ValueError, match=f"{next(iter(environment))}.*KERAS_BACKEND=jax")
    with refused, devices.chosen("2"):
        raise AssertionError("several workers were taken")


class OfItsOwn(keras.Model):
    """A user's model with an attribute that TSSD's own wrappers have, too."""

    def __init__(self):
        super().__init__()
        self.network = keras.layers.Dense(3)

    def call(self, x):
        return self.network(x)


def test_a_model_may_have_a_layer_of_any_name():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    x = (np.eye(3)[y] * 3 + rng.normal(size=(60, 3))).astype("float32")
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="mean_with_sample_weight"
    )
    model = OfItsOwn()
    model.compile("adam", loss)
    tssd = TSSD(x, y, warmup_epochs=1)
    model.fit(tssd.feed(20), epochs=3, callbacks=[tssd], shuffle=False, verbose=0)
    assert len(tssd.rounds) == 2
