"""Training that goes on: in a second `fit`, from a file, and after a kill in mid-epoch."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from builders.small_runs import Several, fit, network, new_tssd, same_tables

from tssd_keras import DivideRecipe, Drawing
from tssd_keras.judge import golden_head
from tssd_keras.train.backup import Backup
from tssd_keras.train.steps import mixmatch_step
from tssd_keras.train.steps.semi_supervised import SemiSupervisedSchedule

BACKUP = keras.callbacks.BackupAndRestore
EAGER = keras.backend.backend() == "tensorflow"


def figures(tssd):
    """All that the records say, but how long it took."""
    rows = [record.row() for record in tssd.rounds]
    return [{name: row[name] for name in row if "seconds" not in name} for row in rows]


def same(one, other):
    """Raise AssertionError unless two pairs of TSSD and model went the same way."""
    same_tables(one[0].table, other[0].table)
    for here, there in zip(one[1].get_weights(), other[1].get_weights(), strict=True):
        np.testing.assert_array_equal(here, there)
    assert figures(one[0]) == figures(other[0])


@pytest.fixture(scope="module")
def whole():
    """Six epochs in one go."""
    tssd, model = new_tssd(), network()
    fit(model, tssd, 6)
    return tssd, model


@pytest.mark.parametrize("initial_epoch", [0, 3])
def test_a_second_fit_goes_on_whatever_number_keras_gives_its_first_epoch(whole, initial_epoch):
    tssd, model = new_tssd(), network()
    feed = tssd.feed(32)
    fit(model, tssd, 3, feed=feed)
    fit(model, tssd, initial_epoch + 3, feed=feed, initial_epoch=initial_epoch)
    same(whole, (tssd, model))
    assert [record.epoch for record in tssd.rounds] == [2, 3, 4, 5]
    assert tssd.epochs_trained == 6


def test_a_second_fit_that_begins_in_the_warm_up_ends_it():
    tssd, model = new_tssd(), network()
    with pytest.warns(UserWarning, match="every epoch was warm-up"):
        fit(model, tssd, 1)
    assert not tssd.rounds
    fit(model, tssd, 2)
    assert [record.epoch for record in tssd.rounds] == [2]


KINDS = {
    "golden": {},
    "none": {"golden": 0},
    "class means": {"divide": DivideRecipe(place="class_means", history=3)},
    "drawn": {"drawing": Drawing(epoch_samples=200), "divide": DivideRecipe(every=2)},
    "large head": {},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_training_goes_on_as_if_nothing_had_been(kind, whole, tmp_path, monkeypatch):
    if kind == "large head":  # a later round begins where the last one's fit ended
        monkeypatch.setattr(golden_head, "LARGE_FIT", 10)
    settings = KINDS[kind]
    if kind != "golden":
        whole = new_tssd(**settings), network()
        fit(whole[1], whole[0], 6)
    tssd, model = new_tssd(**settings), network()
    fit(model, tssd, 3)
    tssd.save(tmp_path / "state.npz")
    model.save(tmp_path / "model.keras")
    tssd, model = new_tssd(**settings), keras.models.load_model(tmp_path / "model.keras")
    tssd.load(tmp_path / "state.npz")
    assert tssd.epochs_trained == 3
    fit(model, tssd, 3)
    same(whole, (tssd, model))


def test_the_file_holds_no_python_objects(whole, tmp_path):
    whole[0].save(tmp_path / "state.npz")
    with np.load(tmp_path / "state.npz", allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)
        assert "table/q" in file.files
    assert [path.name for path in tmp_path.iterdir()] == ["state.npz"]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"warmup_epochs": 3}, "warmup_epochs there 2, here 3"),
        ({"divide": DivideRecipe(threshold=0.7)}, r"divide there .*threshold=0.5.*, here "),
        ({"golden": 50}, "labels there .*inputs there .*golden there"),
    ],
)
def test_the_state_of_another_training_is_refused(whole, settings, named):
    other = new_tssd(**settings)
    with pytest.raises(ValueError, match=f"the same samples, labels and settings.*{named}"):
        other.set_state(whole[0].get_state())
    assert not other.rounds


def test_a_state_that_is_not_whole_is_refused(whole, tmp_path):
    state = whole[0].get_state()
    del state["table/q"]
    with pytest.raises(ValueError, match=r"must be whole.*q.*missing"):
        new_tssd().set_state(state)
    with pytest.raises(ValueError, match="must have format 2, got None"):
        new_tssd().set_state({})
    path = tmp_path / "state.npz"
    whole[0].save(path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ValueError, match=r"state\.npz must hold the state of a TSSD"):
        new_tssd().load(path)


def untouched(tssd):
    """Raise AssertionError if a TSSD is not as a new one."""
    for name, column in tssd.table.get_state().items():
        np.testing.assert_array_equal(column, new_tssd().table.get_state()[name])
    assert not tssd.rounds
    assert tssd.epochs_trained == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rounds", "no JSON"),
        ("rounds", "[1]"),
        ("epochs", "many"),
        ("table/role", np.zeros(320)),
        ("table/q", np.zeros(3, np.float32)),
        ("of", "{"),
        ("n_networks", "x"),
        ("judges/0/losses/count", np.zeros(3, int)),
        ("judges/0/losses/values", np.zeros((2, 2), "float32")),
        ("judges/0/before/neighbours/near", np.full((320, 50), 9999)),
        ("judges/0/before/neighbours/n_anchors", 3),
        ("generators/1", None),
    ],
)
def test_a_state_that_was_made_by_hand_leaves_a_tssd_as_it_was(whole, name, value):
    state, tssd = whole[0].get_state(), new_tssd()
    assert name in state or name == "generators/1"
    state["generators/9" if name == "generators/1" else name] = np.array(value)
    with pytest.raises(ValueError, match=r"a state must be whole.*Save it again by TSSD\.save"):
        tssd.set_state(state)
    untouched(tssd)
    fit(network(), tssd, 3)


@pytest.mark.parametrize("state", [None, 3, "state.npz", [1], {1: np.array(1)}])
def test_a_state_is_a_dict_of_arrays(state):
    with pytest.raises(TypeError, match=r"must be a dict of arrays by name.*TSSD\.load reads one"):
        new_tssd().set_state(state)


@pytest.mark.parametrize("number", [None, "x", [2], 2.0, 1])
def test_a_state_of_another_format_is_refused(whole, number):
    with pytest.raises(ValueError, match="must have format 2, got"):
        new_tssd().set_state({**whole[0].get_state(), "format": np.array(number)})


def foreign_files(folder):
    """Name -> what is there: no state."""
    np.savez(folder / "foreign.npz", x=np.arange(3))
    (folder / "text.npz").write_text("hello")
    (folder / "empty.npz").touch()
    (folder / "folder").mkdir()
    return folder


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("foreign.npz", ValueError, r"foreign\.npz: a state must have format 2, got None"),
        ("text.npz", ValueError, r"text\.npz must hold the state .* it is no \.npz file"),
        ("empty.npz", ValueError, r"empty\.npz must hold the state"),
        ("folder", IsADirectoryError, "folder cannot be read: it is a folder"),
        ("missing.npz", FileNotFoundError, r"missing\.npz cannot be read: No such file"),
        ("text.npz/x", NotADirectoryError, "text.npz/x cannot be read"),
        (None, TypeError, "path must be a path, got None"),
    ],
)
def test_what_is_no_state_is_told_by_its_name(name, error, words, tmp_path):
    tssd = new_tssd()
    with pytest.raises(error, match=words):
        tssd.load(name and foreign_files(tmp_path) / name)
    untouched(tssd)


def test_a_damaged_state_is_refused_whatever_is_damaged(whole, tmp_path):
    path, rng, tssd = tmp_path / "state.npz", np.random.default_rng(0), new_tssd()
    whole[0].save(path)
    sound = path.read_bytes()
    for start in rng.integers(0, len(sound) - 100, 40):
        path.write_bytes(sound[:start] + rng.bytes(100) + sound[start + 100 :])
        with pytest.raises(ValueError, match=r"state\.npz(:| must hold)"):
            tssd.load(path)
    untouched(tssd)


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("no/state.npz", FileNotFoundError, r"no/state\.npz cannot be written: .*no is not there"),
        ("text.npz/state.npz", NotADirectoryError, r"text\.npz is no folder"),
        ("folder", IsADirectoryError, "it is a folder"),
        (3, TypeError, "path must be a path, got 3"),
    ],
)
def test_a_place_that_takes_no_file_is_told(whole, name, error, words, tmp_path):
    before = sorted(foreign_files(tmp_path).rglob("*"))
    with pytest.raises(error, match=words):
        whole[0].save(tmp_path / name if isinstance(name, str) else name)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("text.npz/x/state", NotADirectoryError, "cannot be written"),
        ("folder", IsADirectoryError, "it is a folder"),
        ("foreign.npz", ValueError, r"foreign\.npz must be a backup of a TSSD"),
        ("text.npz", ValueError, r"text\.npz must hold the state"),
    ],
)
def test_a_backup_that_cannot_be_kept_is_told_before_training(name, error, words, tmp_path):
    foreign_files(tmp_path)
    tssd, model = new_tssd(backup_path=tmp_path / name), network()
    before = model.get_weights()
    with pytest.raises(error, match=words):
        fit(model, tssd, 1)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert tssd.epochs_trained == 0


def test_what_save_wrote_is_no_backup(whole, tmp_path):
    whole[0].save(tmp_path / "state.npz")
    with pytest.raises(ValueError, match=r"it does not say at which epoch.*TSSD\.load reads"):
        fit(network(), new_tssd(backup_path=tmp_path / "state.npz"), 1)


def test_a_model_with_other_random_generators_is_refused(whole):
    tssd = new_tssd()
    tssd.set_state(whole[0].get_state())
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=r"it has 0 random generators, with .* came 1"):
        fit(model, tssd, 1)


def test_a_new_tssd_for_a_training_that_has_begun_judges_before_the_first_epoch():
    """No round is due at epoch 4, but without one every label would count again."""
    tssd, model = new_tssd(divide=DivideRecipe(every=3)), network()
    fit(model, tssd, 4)
    tssd = new_tssd(divide=DivideRecipe(every=3))
    fit(model, tssd, 6, initial_epoch=4)
    assert [record.epoch for record in tssd.rounds] == [4, 5]
    assert tssd.table.judged.all()


def test_a_new_tssd_that_warms_up_a_trained_model_says_so():
    model = network()
    fit(model, new_tssd(), 3)
    tssd = new_tssd()
    with pytest.warns(UserWarning, match=r"trained before \(\d+ steps\).*initial_epoch=2"):
        fit(model, tssd, 3)
    fit(model, tssd, 1)  # the same goes on, and nothing is said


class CutOff(Exception):
    """In place of a kill, within one process."""


class Cut(keras.callbacks.Callback):
    """Ends the training at one place."""

    def __init__(self, epoch, where, how):
        super().__init__()
        self.epoch, self.where, self.how, self.now = epoch, where, how, -1

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.where == "batch" and (self.now, batch) == (self.epoch, 3):
            self.how()

    def on_epoch_end(self, epoch, logs=None):
        if self.where == "end" and epoch == self.epoch:
            self.how()


def raise_cut_off():
    raise CutOff


def cut_off(tmp_path, *, behind=True, before=False, where="batch", again=True):
    """A training of six epochs that is cut off in or after the fifth, and goes on, or not."""
    tssd, model = new_tssd(backup_path=tmp_path / "tssd.npz"), network()
    cut = Cut(4, where, raise_cut_off)
    with pytest.raises(CutOff):
        if before:
            fit(model, tssd, 6, before=[BACKUP(tmp_path / "model"), cut])
        else:
            fit(model, tssd, 6, behind=[cut, BACKUP(tmp_path / "model")])
    if again:
        tssd, model = new_tssd(backup_path=tmp_path / "tssd.npz"), network()
    backup = [BACKUP(tmp_path / "model")]
    fit(model, tssd, 6, before=backup * before, behind=backup * (behind and not before))
    return tssd, model


@pytest.mark.parametrize("where", ["batch", "end"])
def test_a_training_that_was_cut_off_goes_on_as_if_nothing_had_been(whole, tmp_path, where):
    """At an epoch's end, TSSD has written and BackupAndRestore has not."""
    same(whole, cut_off(tmp_path, where=where))
    assert not list(tmp_path.glob("tssd.npz*"))


NO_TENSORS = pytest.mark.skipif(not EAGER, reason="such a layer works on its own backend's tensors")
FEEDS = [pytest.param("tf.data", marks=NO_TENSORS), "pydataset"]


@pytest.mark.long
@pytest.mark.parametrize("kind", FEEDS)
def test_so_does_one_whose_feed_maps_by_a_layer_that_draws(tmp_path, kind):
    def part(seed, behind):
        tssd, model = new_tssd(backup_path=tmp_path / "tssd.npz"), network()
        noise = keras.Sequential([keras.layers.GaussianNoise(1.0, seed=seed)])
        feed = tssd.feed(32, kind=kind, map=noise)
        fit(model, tssd, 6, feed=feed, behind=behind)
        return tssd, model

    uncut, unlike = part(1, []), (new_tssd(), network())
    fit(unlike[1], unlike[0], 6)
    with pytest.raises(CutOff):
        part(2, [Cut(4, "batch", raise_cut_off), BACKUP(tmp_path / "model")])
    same(uncut, part(3, [BACKUP(tmp_path / "model")]))
    with pytest.raises(AssertionError):
        same(uncut, unlike)


def test_so_it_does_in_the_process_that_it_began_in(whole, tmp_path):
    same(whole, cut_off(tmp_path, again=False))


def test_a_state_of_an_epoch_before_the_models_is_said_and_judged_anew(tmp_path):
    """BackupAndRestore wrote first, and then came the end."""
    with pytest.warns(UserWarning, match=r"after epoch 5, TSSD's state after 4.*judged anew"):
        tssd, _ = cut_off(tmp_path, before=True, where="end")
    assert tssd.epochs_trained == 6
    assert [record.epoch for record in tssd.rounds] == [2, 3, 5]


def test_a_model_that_begins_anew_beside_a_state_that_does_not_is_refused(tmp_path):
    with pytest.raises(RuntimeError, match=r"fit begins at epoch 0.*goes on at epoch 4.*delete"):
        cut_off(tmp_path, behind=False)


def test_a_backup_of_another_training_is_refused_by_name(whole, tmp_path):
    Backup(tmp_path / "tssd.npz").write(whole[0], 5)
    with pytest.raises(ValueError, match=r"tssd\.npz: .*warmup_epochs there 2, here 1"):
        fit(network(), new_tssd(warmup_epochs=1, backup_path=tmp_path / "tssd.npz"), 3)


def two_networks(tmp_path, *parts):
    """MixMatch on two networks, saved and loaded between its parts; generators draw its views."""
    tssd = step = None
    for epochs in parts:
        last, tssd = tssd, new_tssd(warmup_epochs=1)
        keras.utils.set_random_seed(1)
        step = mixmatch_step(
            [keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)]) for _ in range(2)]
        )
        step.compile(keras.optimizers.Adam(1e-2), run_eagerly=EAGER)
        if last is not None:
            tssd.load(tmp_path / "tssd.npz")
            step.load_weights(tmp_path / "step.weights.h5")
        feed = tssd.feed(64, model=step)
        fit(step, tssd, epochs, feed=feed, behind=[SemiSupervisedSchedule(1, 4)])
        tssd.save(tmp_path / "tssd.npz")
        step.save_weights(tmp_path / "step.weights.h5")
    return tssd, step


@pytest.mark.long
def test_two_networks_go_on_as_if_nothing_had_been(tmp_path):
    same(two_networks(tmp_path, 4), two_networks(tmp_path, 2, 2))


def test_a_state_of_two_networks_does_not_fit_the_feed_of_one():
    two, one = new_tssd(), new_tssd()
    two.feed(64, model=Several(2))
    one.feed(64)
    with pytest.raises(ValueError, match=r"for 2 networks, .*made for one network"):
        one.set_state(two.get_state())


@pytest.mark.parametrize("path", [3, ""])
def test_a_backup_needs_a_path(path):
    with pytest.raises(TypeError, match="backup_path must be a path, got"):
        new_tssd(backup_path=path)


SCRIPT = """
import os, signal, sys
from builders.small_runs import fit, network, new_tssd
from train.test_resume import BACKUP, Cut
folder, part = sys.argv[1:]
tssd, model = new_tssd(backup_path=f"{folder}/tssd.npz"), network()
kill = Cut(4, "batch", lambda: os.kill(os.getpid(), signal.SIGKILL))
fit(model, tssd, 6, behind=[BACKUP(f"{folder}/model"), *[kill] * (part == "first")])
tssd.save(f"{folder}/end.npz")
model.save_weights(f"{folder}/end.weights.h5")
"""


@pytest.mark.long
def test_a_process_that_is_killed_in_mid_epoch_goes_on_as_if_nothing_had_been(whole, tmp_path):
    tests = Path(__file__).parents[1]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (tests, tests.parent)))}

    def run(part):
        command = [sys.executable, "-c", SCRIPT, str(tmp_path), part]
        return subprocess.run(command, env=env, capture_output=True, text=True)

    assert run("first").returncode == -signal.SIGKILL
    assert (tmp_path / "tssd.npz").exists()
    done = run("second")
    assert done.returncode == 0, done.stderr
    tssd, model = new_tssd(), network()
    tssd.load(tmp_path / "end.npz")
    model.optimizer.build(model.trainable_variables)
    model.load_weights(tmp_path / "end.weights.h5")
    same(whole, (tssd, model))
