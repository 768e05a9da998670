"""A run folder, written without training and read back; and folders that were tampered with."""

import json
import os
import shutil
import sys

import numpy as np
import pytest
from builders.audit_samples import some_streams
from builders.run_files import edit_arrays, write_run

from tssd_keras.judge.roles import POSITIVE
from tssd_keras.judge.streams import save_streams
from tssd_keras.labels.noise import labels_sha256
from tssd_keras.recipe.recipe import Recipe
from tssd_keras.run.folder import RunFolder
from tssd_keras.run.read import read_labels, read_run
from tssd_keras.run.saved_recipe import saved_recipe

pytestmark = pytest.mark.backend_free

GIVEN = np.arange(60) % 3
STREAM = np.arange(3, 60)
NAMES = ("cat", "dog\nbig", "caf\udce9\0")
IDS = [f"img {i}\0\udcff" for i in range(60)]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A run of 57 samples that a round has judged; sample 5 was decided on before."""
    path = tmp_path_factory.mktemp("runs") / "run"
    write_run(path, GIVEN, NAMES, stream=STREAM, ids=IDS, decided=[(1, 2, "other"), (5, 0, "keep")])
    folder = RunFolder(path)
    folder.write_recipe(saved_recipe(Recipe(), "jax"))
    folder.append_epoch({"epoch": 1, "accuracy": 0.123456789, "loss": float("nan")})
    folder.append_round({"epoch": 1, "kept": 3, "kept_precision": None})
    streams = some_streams(GIVEN[STREAM], STREAM % 4 == 0, 3)
    streams = type(streams)(**{**vars(streams), "index": STREAM})
    save_streams(path / "streams.npz", [streams], NAMES)
    folder.write_summary({"rounds": 1, "epochs": 1})
    return path


@pytest.fixture
def run(written, tmp_path):
    return shutil.copytree(written, tmp_path / "run")


def test_what_was_written_is_read_back(written):
    found, recipe = read_run(written)
    assert recipe.dataset == Recipe().dataset == found.name
    assert found.class_names == NAMES
    assert found.labels_sha256 == labels_sha256(GIVEN)
    assert found.index.tolist() == STREAM.tolist()
    assert found.given.tolist() == GIVEN[STREAM].tolist()
    assert found.ids.tolist() == IDS[3:]
    assert found.truth is None
    assert found.paths is None
    assert set(found.role.tolist()) == {POSITIVE}
    assert set(found.changed.tolist()) == {1}
    assert found.q.dtype == found.weight.dtype == np.float64
    assert found.streams[0].index.tolist() == STREAM.tolist()
    assert found.epochs == [{"epoch": "1", "accuracy": "0.123457", "loss": "nan"}]
    assert found.rounds == [{"epoch": "1", "kept": "3", "kept_precision": ""}]
    assert found.summary["rounds"] == 1


def test_labels_are_of_the_whole_split_and_ids_of_what_can_be_decided_on(written):
    labels = read_labels(written)
    assert labels.given.tolist() == GIVEN.tolist()
    assert labels.class_names == NAMES
    assert labels.ids == {i: IDS[i] for i in STREAM.tolist() if i != 5}
    assert labels.decided.index.tolist() == [1, 5]
    assert labels.decided.label.tolist() == [2, 0]
    assert labels.decided.action == ("other", "keep")
    assert labels.decided.ids == (IDS[1], IDS[5])


def test_labels_need_no_round_and_what_has_no_ids_has_empty_ones(tmp_path):
    labels = read_labels(write_run(tmp_path / "run", GIVEN, NAMES, stream=STREAM))
    assert labels.ids == dict.fromkeys(STREAM.tolist(), "")
    assert labels.decided is None


def test_what_a_person_edits_in_the_csv_is_not_noticed(run):
    (run / "samples.csv").write_text("a,b\n1,2\n")
    assert len(read_run(run)[0]) == len(STREAM)


def samples(**changes):
    return lambda run: edit_arrays(run / "samples.npz", **changes)


def streams(**changes):
    return lambda run: edit_arrays(run / "streams.npz", **{f"0/{k}": v for k, v in changes.items()})


N = len(STREAM)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (samples(format=np.array(1)), r"samples\.npz must hold the samples of .* known is 2"),
        (samples(q=None), "it lacks q"),
        (samples(q=np.ones(N)), r"q must be float32\[57\], got float64"),
        (samples(q=np.ones(N - 1, np.float32)), r"q must be float32\[57\], got float32\(56,\)"),
        (samples(weight=np.full(N, 2, np.float32)), "weight must lie in"),
        (samples(weight=np.full(N, np.nan, np.float32)), "weight must be finite, got nan"),
        (samples(p_suggested=np.full(N, np.nan, np.float32)), "p_suggested must be a number where"),
        (samples(given=np.full(N, 3)), "given must lie in 0..2, got 3"),
        (samples(suggested=np.full(N, -2)), "suggested must lie in -1..2, got -2"),
        (samples(role=np.full(N, 99, np.int8)), "role must lie in"),
        (samples(index=STREAM[::-1].copy()), "index must rise"),
        (samples(index=STREAM - 4), "index must lie in 0..inf, got -1"),
        (samples(id_lengths=np.ones(N, np.int64)), "id_lengths must add up"),
        (samples(decided_label=np.array([0, 3])), "decided_label must lie in -1..2"),
        (samples(decided_index=np.array([5, 5])), "decided_index must rise"),
        (samples(decided_label=np.array([0, -1])), "decided_label must be -1 of what is unusable"),
        (samples(decided_label=np.array([0])), r"decided_label must be int64\[2\]"),
        (
            samples(decided_action_bytes=np.frombuffer(b"Otherkeep", np.uint8)),
            "decided_action must be one of confirm, keep, other, unusable, got 'Other'",
        ),
        (samples(class_lengths=np.array([0, 0, 17])), "class names must differ"),
        (samples(p_meta=np.ones(N), z=np.ones(1)), "arrays that are not known: p_meta, z"),
        (samples(q=np.full(N, 1.1, np.float32)), r"q must lie in 0..1.001, got 1.1"),
        (samples(index=STREAM + 1), "names sample 60, labels.npy has 60"),
        (samples(given=np.roll(GIVEN[STREAM], 1)), "sample 3 has another label in samples.npz"),
        (lambda run: np.save(run / "labels.npy", np.roll(GIVEN, 1)), "labels.npy has not the hash"),
        (lambda run: (run / "labels.sha256").write_text("0" * 2000), "at most 1,000 bytes"),
        (samples(given=np.full(N, {}, object)), "samples.npz must hold the samples"),
        (
            samples(labels_sha256_bytes=np.full(64, 48, np.uint8)),
            "has not the hash that labels.sha256 says",
        ),
        (lambda run: (run / "labels.sha256").write_bytes(b"\xff"), r"labels\.sha256 must hold"),
    ],
)
def test_samples_that_are_not_what_a_run_writes_are_refused_by_both(run, spoil, words):
    spoil(run)
    for read in (read_run, read_labels):
        with pytest.raises(ValueError, match=rf"(?s){words}"):
            read(run)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (streams(index=np.arange(N)), "streams.npz has samples that samples.npz has not"),
        (streams(given=np.roll(GIVEN[STREAM], 1)), "have other given labels"),
        (streams(loss=np.zeros(N - 1, np.float32)), r"0/loss must be float32\[57\]"),
        (streams(loss=np.full(N, np.inf, np.float32)), "0/loss must be finite, got inf"),
        (streams(given=np.full(N, 3)), "0/given must lie in 0..2"),
        (streams(feature_abstains=np.zeros(4, bool)), r"0/feature_abstains must be bool\[3\]"),
        (streams(transition=np.zeros((3, 4))), r"0/transition must be float64\[3, 3\]"),
        (
            lambda run: edit_arrays(run / "streams.npz", **{"0/feature_mixture/mean": np.ones(3)}),
            r"0/feature_mixture/mean must be float64\[3, 2\]",
        ),
        (lambda run: edit_arrays(run / "streams.npz", networks=np.array(0)), "networks must lie"),
        (lambda run: edit_arrays(run / "streams.npz", networks=np.array(2)), "it lacks 1/index"),
        (
            lambda run: edit_arrays(run / "streams.npz", class_bytes=np.full(17, 65, np.uint8)),
            "name other classes",
        ),
        (streams(extra=np.arange(3)), "arrays that are not known: 0/extra"),
        (lambda run: (run / "epochs.csv").write_bytes(b"\xff\xfe"), r"epochs\.csv must be"),
        (
            lambda run: (run / "rounds.csv").write_text("a\n1\n"),
            r"rounds\.csv must be the table .* no whole number in a column named epoch",
        ),
        (lambda run: (run / "summary.json").write_text("[1]"), "must be the summary"),
        (
            lambda run: (run / "summary.json").write_text('{"rounds": "many"}'),
            "rounds must be a whole number, got 'many'",
        ),
        (
            lambda run: (run / "summary.json").write_text('{"rounds": true}'),
            "rounds must be a whole number, got True",
        ),
        (
            lambda run: (run / "summary.json").write_text('{"rounds": 1, "accuracy": 3}'),
            "accuracy must be an object, got 3",
        ),
        (
            lambda run: (run / "summary.json").write_text(
                '{"rounds": 1, "accuracy": {"last": "x"}}'
            ),
            "accuracy.last must be a number, got 'x'",
        ),
        (
            lambda run: (run / "summary.json").write_text("[" * 100_000),
            "must be the summary that a run writes",
        ),
    ],
)
def test_streams_and_tables_of_another_run_are_refused(run, spoil, words):
    spoil(run)
    with pytest.raises(ValueError, match=words):
        read_run(run)


def table(name, text):
    return lambda run: (run / name).write_text(text)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (table("epochs.csv", "epoch,accuracy\n1,high\n"), "accuracy in row 2 must be a number"),
        (
            table("epochs.csv", "epoch,accuracy\n1,1.2\n"),
            r"accuracy in row 2 must lie in 0..1, got",
        ),
        (table("epochs.csv", "epoch,accuracy\n1,-1e5\n"), "must lie in 0..1, got '-1e5'"),
        (table("epochs.csv", "epoch,loss\n1,2,3\n"), "row 2 has more or fewer cells"),
        (table("epochs.csv", "epoch,loss\n1\n"), "row 2 has more or fewer cells"),
        (table("epochs.csv", "epoch,loss\n\u00b2,1\n"), "no whole number in a column named epoch"),
        (table("epochs.csv", f"epoch\n{'9' * 5000}\n"), "no whole number in a column named epoch"),
        (table("epochs.csv", "epoch\n1\n2\n"), "says that there are 1 rows, there are 2"),
        (table("epochs.csv", "epoch\n"), "says that there are 1 rows, there are 0"),
        (table("rounds.csv", "epoch\n1\n1\n"), "its epochs must rise"),
        (table("rounds.csv", "epoch,kept\n1,many\n"), "kept in row 2 must be a number, got 'many'"),
        (table("rounds.csv", "epoch,kept_recall\n1,0.5 / x\n"), "kept_recall in row 2 must be"),
        (lambda run: ((run / "rounds.csv").unlink(), os.mkfifo(run / "rounds.csv")), "no file"),
    ],
)
def test_tables_with_rows_that_no_run_writes_are_refused(run, spoil, words):
    spoil(run)
    with pytest.raises(ValueError, match=words):
        read_run(run)


def test_a_table_may_have_fewer_rows_where_an_error_ended_the_run(run):
    (run / "summary.json").write_text('{"rounds": 1, "epochs": 2, "error": "no room"}')
    assert len(read_run(run)[0].epochs) == 1
    (run / "summary.json").write_text('{"rounds": 1, "epochs": 0, "error": "no room"}')
    with pytest.raises(ValueError, match="there are 0 rows, there are 1"):
        read_run(run)


def test_figures_of_networks_that_differ_and_empty_ones_are_read(run):
    (run / "rounds.csv").write_text("epoch,kept_recall,reach\n1,0.5 / 0.25,all / '-x\n")
    (run / "epochs.csv").write_text("epoch,accuracy,loss\n1,,nan\n")
    found = read_run(run)[0]
    assert found.rounds == [{"epoch": "1", "kept_recall": "0.5 / 0.25", "reach": "all / '-x"}]
    assert found.epochs == [{"epoch": "1", "accuracy": "", "loss": "nan"}]


def test_tables_of_a_run_that_a_spreadsheet_saved_are_read(run):
    table = "sep=;\r\nepoch;accuracy;loss;\r\n1;0.5;2;\r\n;;;\r\n"
    (run / "epochs.csv").write_text(table, encoding="utf-16")
    assert read_run(run)[0].epochs == [{"epoch": "1", "accuracy": "0.5", "loss": "2"}]
    (run / "epochs.csv").write_bytes(b"epoch,accuracy,x\n1,0.5,\xff\n")
    with pytest.raises(ValueError, match="row 2, or the first, is no text in UTF-8"):
        read_run(run)


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ('"accuracy": {"last": NaN}', "it says NaN, where a run writes null"),
        ('"accuracy": {"last": 1e999}', "accuracy.last must lie in 0..1, got inf"),
        ('"accuracy": {"last": 1.5}', "accuracy.last must lie in 0..1, got 1.5"),
        ('"accuracy": {"last": true}', "accuracy.last must be a number, got True"),
        ('"accuracy": {"evaluated_on": 3}', "accuracy.evaluated_on must be text, got 3"),
        ('"epochs": 10000000000', "epochs must be a whole number, got 10000000000"),
        (f'"epochs": {"1" * 5000}', "must be the summary"),
        (f'"epochs": "{"1" * 5000}"', "got '1{199}[.]{3}"),
        ('"decisions": {"trained": "all"}', "decisions.trained must be a whole number, got 'all'"),
        ('"samples": 5', "samples must be an object, got 5"),
        ('"samples": {"stream": 58}', "58 samples were in the stream, samples.npz has 57"),
        ('"label_error_auroc": -1', "label_error_auroc must lie in 0..1"),
        ('"error": 3', "error must be text, got 3"),
        (f'"note": "{"x" * 10_000_000}"', "at most 10,000,000 bytes"),
    ],
)
def test_figures_that_no_run_writes_are_refused(run, figures, words):
    (run / "summary.json").write_text(f'{{"rounds": 1, "epochs": 1, {figures}}}')
    with pytest.raises(ValueError, match=words):
        read_run(run)


def test_a_recipe_that_is_a_pipe_is_lacking_and_a_hostile_one_is_refused(run):
    (run / "recipe.toml").write_text("[train]\nepochs = " + "[" * 10_000)
    with pytest.raises(ValueError, match=r"recipe\.toml: not TOML"):
        read_run(run)
    (run / "recipe.toml").unlink()
    os.mkfifo(run / "recipe.toml")
    with pytest.raises(FileNotFoundError, match=r"lacks recipe\.toml"):
        read_run(run)


def npy_head(text):
    """Spoils labels.npy: a head of that text, and nothing behind it."""
    head = text.encode().ljust(117) + b"\n"
    start = b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little")
    return lambda run: (run / "labels.npy").write_bytes(start + head + bytes(80))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda run: np.save(run / "labels.npy", GIVEN * 1.0), r"labels\.npy must be int64\[n\]"),
        (lambda run: np.save(run / "labels.npy", GIVEN + 9), r"labels\.npy must lie in -1..2"),
        (lambda run: (run / "labels.npy").write_bytes(b""), "must hold the given labels"),
        (lambda run: (run / "labels.npy").write_text("0,1,2\n" * 9), "the magic string is not"),
        (npy_head("{'descr': '<i8', ("), "it is no whole .npy file"),
        (npy_head("{'descr': '<i8', 'fortran_order': False, 'shape': (True,), }"), "no whole .npy"),
        (
            npy_head(f"{{'descr': '<i8', 'fortran_order': False, 'shape': ({10**30},), }}"),
            "it is no whole .npy file",
        ),
        (samples(decided_index=np.array([5, 60])), "names sample 60, labels.npy has 60"),
    ],
)
def test_labels_of_another_run_are_refused(run, spoil, words):
    spoil(run)
    with pytest.raises(ValueError, match=words):
        read_labels(run)


def test_a_folder_that_lacks_files_is_told_which(run, tmp_path):
    (tmp_path / "other").mkdir()
    for read in (read_run, read_labels):
        with pytest.raises(FileNotFoundError, match=r"lacks .*samples\.npz.*\. Give the folder"):
            read(tmp_path / "other")
    (run / "samples.npz").unlink()
    for read in (read_run, read_labels):
        with pytest.raises(FileNotFoundError, match=r"of an older version\. Run the recipe again"):
            read(run)


def test_a_run_without_a_round_has_nothing_to_audit(run):
    (run / "summary.json").write_text(json.dumps({"rounds": 0, "epochs": 1}))
    with pytest.raises(ValueError, match="stopped before its first round, after 1 of"):
        read_run(run)
    error = "ValueError: the loss must be finite"  # going on would only end so again
    (run / "summary.json").write_text(json.dumps({"rounds": 0, "epochs": 1, "error": error}))
    with pytest.raises(ValueError, match=f"ended by an error before .* was: {error}$"):
        read_run(run)
    (run / "summary.json").write_text(json.dumps({"rounds": 1}))
    (run / "streams.npz").unlink()
    with pytest.raises(ValueError, match=r"must hold streams\.npz"):
        read_run(run)


def test_a_pyarrow_that_cannot_be_loaded_costs_a_run_no_other_file(tmp_path, monkeypatch):
    """Such as one built for another NumPy: it is there, and fails as it is imported."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyarrow"]:
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / "pyarrow").mkdir()
    (tmp_path / "pyarrow" / "__init__.py").write_text("raise ImportError('built for NumPy 1')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match=r"loadable, it is not \(built for NumPy 1\)"):
        write_run(tmp_path / "run", GIVEN, NAMES, stream=STREAM)
    assert read_labels(tmp_path / "run").given.tolist() == GIVEN.tolist()
    assert (tmp_path / "run" / "samples.csv").exists()


def test_other_programs_read_the_same_as_parquet(written):
    """Where pyarrow is installed; names that are no text have the sign for that."""
    parquet = pytest.importorskip("pyarrow.parquet")
    found = parquet.read_table(written / "samples.parquet").to_pydict()
    assert found["index"] == STREAM.tolist()
    shown = [name.encode("utf-8", "replace").decode() for name in NAMES]
    assert found["given"] == [shown[label] for label in GIVEN[STREAM]]
    assert found["id"][0] == "img 3\0?"
    assert set(found["role"]) == {"positive"}
    assert set(found["true"]) == {None}
