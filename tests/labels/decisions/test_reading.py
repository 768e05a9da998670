import csv

import numpy as np
import pytest
from builders.run_files import HEADER, edit_arrays, read_csv, write_csv, write_run
from click.testing import CliRunner

from tssd_keras.auditing.relabel import BEFORE
from tssd_keras.cli.main import main
from tssd_keras.labels.decisions.checks import Fit
from tssd_keras.labels.decisions.reading import in_golden_half, read_decisions
from tssd_keras.labels.decisions.table import DecisionError
from tssd_keras.labels.decisions.uses import GOLDEN, LEFT_OUT, NOT_USED, TRAIN, split_decisions
from tssd_keras.labels.decisions.weights import stands_for
from tssd_keras.labels.noise import labels_sha256

pytestmark = pytest.mark.backend_free

GIVEN = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2])
NAMES = ("cat", "dog", "owl")
IDS = [f"img/{i}.png" for i in range(12)]
STREAM = [0, 1, 2, 3, 4, 5, 6, 7, 8]  # 9, 10, 11 are golden or held out
SHA = labels_sha256(GIVEN)


def decision(index, decided, action, stratum="", *, given=None, id=None, sha=SHA):
    given = NAMES[GIVEN[index]] if given is None else given
    return (IDS[index] if id is None else id, index, given, decided, action, stratum, sha)


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "run", GIVEN, NAMES, stream=STREAM, ids=IDS)


def relabel(run, rows, out=None, header=HEADER):
    decisions = write_csv(run.parent / "decisions.csv", header, rows)
    out = out or run.parent / "labels.csv"
    words = ["relabel", run, decisions, "--out", out]
    return CliRunner().invoke(main, [str(word) for word in words]), out


def refused(run, rows, **options):
    result, out = relabel(run, rows, **options)
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    assert not out.exists()
    assert not list(out.parent.glob(".*part"))
    return result.output


GOOD = [
    decision(0, "dog", "confirm", "suspects-1-4"),
    decision(1, "dog", "keep", "suspects-1-4"),
    decision(2, "dog", "other", "suspects-1-4"),
    decision(5, "owl", "keep", "kept"),
    decision(6, "owl", "other"),
]


def test_decisions_are_applied_to_the_labels_and_nothing_else_is_changed(run):
    result, out = relabel(run, GOOD)
    assert result.exit_code == 0, result.output
    assert (
        "5 decisions applied (1 confirm, 2 keep, 2 other, 0 unusable); 3 labels changed"
        in result.output
    )
    rows = read_csv(out)
    expected = [NAMES[k] for k in GIVEN]
    expected[0], expected[2], expected[6] = "dog", "dog", "owl"
    assert [row["label"] for row in rows] == expected
    assert [row["given"] for row in rows] == [NAMES[k] for k in GIVEN]
    assert [row["index"] for row in rows] == [str(i) for i in range(12)]
    decided = {int(row["index"]): row for row in rows if row["action"]}
    assert sorted(decided) == [0, 1, 2, 5, 6]
    sizes = {index: row["stratum_size"] for index, row in decided.items()}
    assert sizes == {0: "4", 1: "4", 2: "4", 5: "5", 6: "1"}
    assert {row["labels_sha256"] for row in decided.values()} == {SHA}


def test_the_written_file_is_read_back_as_decided(run):
    _, out = relabel(run, GOOD)
    found = read_decisions(
        out, given=GIVEN, class_names=NAMES, ids=np.array(IDS, object), labels_sha256=SHA
    )
    assert found.index.tolist() == [0, 1, 2, 5, 6]
    assert found.label.tolist() == [1, 1, 1, 2, 2]
    assert found.stratum.tolist() == ["suspects-1-4"] * 3 + ["kept", ""]
    assert found.stratum_size.tolist() == [4, 4, 4, 5, 1]
    assert found.golden.tolist() == in_golden_half([IDS[i] for i in found.index]).tolist()


def test_the_same_decision_twice_counts_once(run):
    result, out = relabel(run, [GOOD[0], GOOD[0]])
    assert result.exit_code == 0, result.output
    assert sum(row["action"] != "" for row in read_csv(out)) == 1


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (decision(0, "dog", "confirm", id="img/1.png"), ("id must be", "img/1.png", "img/0.png")),
        (decision(0, "dog", "confirm", id=""), ("id must be", "img/0.png")),
        (("x", 12, "cat", "dog", "confirm", "", SHA), ("index must be", "0..11", "'12'")),
        (("x", -1, "cat", "dog", "confirm", "", SHA), ("index must be", "'-1'")),
        (("x", "1e3", "cat", "dog", "confirm", "", SHA), ("index must be", "'1e3'")),
        (("x", "9" * 40, "cat", "dog", "confirm", "", SHA), ("index must be",)),
        (decision(0, "horse", "other"), ("class must be one of", "horse", "cat")),
        (decision(0, "", "other"), ("class must be one of",)),
        (decision(0, "dog", "confirm", sha="0" * 64), ("labels_sha256", "another run")),
        (decision(0, "dog", "confirm", sha=""), ("labels_sha256",)),
        (decision(0, "dog", "confirm", given="owl"), ("given must be", "owl", "cat")),
        (decision(9, "dog", "confirm"), ("golden or held out", "sample 9")),
        (decision(0, "dog", "skip"), ("action must be", "skip")),
        (decision(0, "dog", "keep"), ("keep must decide on the given class",)),
        (decision(0, "cat", "other"), ("other on another",)),
        (decision(0, "dog", "confirm", "kept"), ("stratum must be the sample's own", "kept")),
        (decision(0, "dog", "confirm", "no"), ("stratum must be the sample's own", "'no'")),
        (("img/0.png", 0, "cat"), ("7 cells", "line 3 has 3")),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(run, row, words):
    output = refused(run, [GOOD[1], row])
    for word in words:
        assert word in output
    assert "1 mistake." in output


def test_a_sample_with_two_different_decisions_is_refused(run):
    output = refused(run, [decision(0, "dog", "confirm"), decision(0, "cat", "keep")])
    assert "sample 0 is 'dog' in line 2 and 'cat' in line 3" in output


def test_all_mistakes_are_reported_together_and_many_are_counted(run):
    rows = [decision(i, "horse", "other", sha="f" * 64) for i in range(6)]
    output = refused(run, [*rows, decision(9, "dog", "confirm"), decision(1, "dog", "skip")])
    assert "14 mistakes" in output
    assert "and 3 more" in output
    for words in ("labels_sha256 must be", "class must be one of", "golden or held out", "skip"):
        assert words in output


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "row of column names"),
        (b"\n\n", "row of column names"),
        (b"id,index\n", "columns must be"),
        (",".join(HEADER).encode() + b"\n", "there is none"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "columns must be"),
        (",".join([*HEADER, "id"]).encode() + b"\nx\n", "id twice"),
        (",".join(HEADER).encode() + b'\n"never closed,1,2', "CSV"),
        (";".join(HEADER).encode() + b"\n", "there is none"),
        (",".join(HEADER).encode() + b"\n" + b"x" * 200_000, "7 cells"),
        (",".join(HEADER).encode() + b"\n\xff\xfe,0,cat,dog,confirm,,\n", "id must be"),
    ],
)
def test_a_malformed_file_is_refused(run, content, words):
    (run.parent / "bad.csv").write_bytes(content)
    out = run.parent / "labels.csv"
    arguments = ["relabel", run, run.parent / "bad.csv", "--out", out]
    result = CliRunner().invoke(main, [str(word) for word in arguments])
    assert result.exit_code == 1, result.output
    assert words in result.output
    assert not out.exists()


def test_a_file_that_is_there_is_not_written_over(run):
    (run.parent / "labels.csv").write_text("mine")
    result, out = relabel(run, GOOD)
    assert result.exit_code == 1
    assert "not written over" in result.output
    assert out.read_text() == "mine"


@pytest.mark.parametrize("name", ["labels.npy", "LABELS.NPY"])
def test_labels_alone_are_an_array_and_no_decisions_to_train_with(run, name):
    (run / "recipe.toml").touch()  # it was trained here
    result, out = relabel(run, GOOD, out=run.parent / name)
    assert result.exit_code == 0, result.output
    expected = GIVEN.copy()
    expected[[0, 2, 6]] = 1, 1, 2
    np.testing.assert_array_equal(np.load(out, allow_pickle=False), expected)
    assert "golden.decisions takes a .csv" in result.output
    assert "--set golden.decisions" not in result.output


def test_a_file_that_would_be_no_csv_by_its_name_is_refused(run):
    assert "must end in .csv" in refused(run, GOOD, out=run.parent / "labels.npz")


def test_what_is_no_run_folder_and_a_folder_that_is_not_there_are_named(run, tmp_path):
    (tmp_path / "other").mkdir()
    result, _ = relabel(tmp_path / "other", GOOD)
    assert "lacks labels.npy" in result.output
    result, _ = relabel(run, GOOD, out=tmp_path / "nowhere" / "labels.csv")
    assert "nowhere" in result.output
    (run / "labels.sha256").write_text("0" * 64)
    assert "has not the hash" in refused(run, GOOD)


def test_strata_without_an_audit_are_refused_and_decisions_without_strata_are_not(tmp_path):
    run = write_run(tmp_path / "run", GIVEN, NAMES, stream=STREAM, ids=IDS, audit=False)
    assert "python cli.py audit RUN" in refused(run, GOOD)
    result, out = relabel(run, [decision(0, "dog", "confirm"), decision(1, "dog", "keep")])
    assert result.exit_code == 0, result.output
    sizes = [row["stratum_size"] for row in read_csv(out) if row["action"]]
    assert sizes == ["2", "2"]  # they stand for themselves


HOSTILE = (
    "<script>alert(1)</script>",
    'quote " and, comma',
    "line\nbreak\r\nand\u2028more",
    "\u202eright to left",
    "=cmd()|' /C calc'!A0",
    "x" * 200_000,
    "",
)


def test_hostile_class_names_and_ids_come_back_as_they_were(tmp_path):
    given = np.tile(np.arange(7), 2)
    ids = [f"{HOSTILE[i % 7]}/{i}" for i in range(14)]
    run = write_run(tmp_path / "run", given, HOSTILE, stream=np.arange(14), ids=ids)
    sha = labels_sha256(given)
    rows = [(ids[i], i, HOSTILE[i % 7], HOSTILE[(i + 1) % 7], "confirm", "", sha) for i in range(7)]
    result, out = relabel(run, rows)
    assert result.exit_code == 0, result.output
    found = read_decisions(
        out, given=given, class_names=HOSTILE, ids=np.array(ids, object), labels_sha256=sha
    )
    assert found.label.tolist() == [1, 2, 3, 4, 5, 6, 0]


def test_an_id_that_is_no_text_fits_as_a_browser_writes_it(tmp_path):
    ids = ["caf\udce9.png", *IDS[1:]]  # a file name that is not UTF-8
    run = write_run(tmp_path / "run", GIVEN, NAMES, stream=STREAM, ids=ids)
    result, out = relabel(run, [decision(0, "dog", "confirm", id="caf\ufffd.png")])
    assert result.exit_code == 0, result.output
    assert b"caf\xe9.png" in out.read_bytes()


def test_a_sample_table_with_other_labels_than_the_run_s_is_refused(run):
    given = GIVEN[STREAM]
    given[3] = 1
    edit_arrays(run / "samples.npz", given=given)
    assert "sample 3 has another label in samples.npz" in refused(run, GOOD)


def test_the_limit_of_csv_fields_is_put_back(run):
    before = csv.field_size_limit()
    relabel(run, GOOD)
    assert csv.field_size_limit() == before
    refused(run, GOOD, out=run.parent / "other.csv", header=HEADER[:-1])
    assert csv.field_size_limit() == before


def test_classes_that_are_no_text_fit_as_a_browser_writes_them_where_one_only_can_be_meant():
    names = ("caf\udce9", "cat", "x\udce8", "x\udce9")
    fit = Fit(np.arange(4), names, lambda i: "", SHA)
    assert [fit.label(name) for name in names] == [0, 1, 2, 3]
    assert fit.label("caf\ufffd") == 0
    assert fit.label("x\ufffd") is None
    assert fit.label("dog") is None


def test_unusable_samples_have_no_label_and_unsure_ones_keep_theirs(run):
    rows = [GOOD[0], decision(3, "", "unusable", "suspects-1-4"), decision(5, "", "unsure", "kept")]
    result, out = relabel(run, rows)
    assert result.exit_code == 0, result.output
    assert "(1 confirm, 0 keep, 0 other, 1 unusable)" in result.output
    assert "1 samples of which somebody was not sure keep their label" in result.output
    written = read_csv(out)
    assert [written[i]["label"] for i in (0, 3, 5)] == ["dog", "", NAMES[GIVEN[5]]]
    assert [written[i]["action"] for i in (0, 3, 5)] == ["confirm", "unusable", ""]
    found = read_decisions(
        out, given=GIVEN, class_names=NAMES, ids=np.array(IDS, object), labels_sha256=SHA
    )
    assert found.label.tolist() == [1, -1]
    assert found.unusable.tolist() == [3]
    none = np.zeros(12, bool)
    decided = split_decisions(found, teaches=True, taken=none, in_test=none)
    assert decided.of(LEFT_OUT).tolist() == [1]
    assert decided.labels(12)[3] == -1
    assert decided.summary(GIVEN, GIVEN)["left_out"] == 1
    assert decided.summary(GIVEN, GIVEN)["given_found_wrong"] == 1
    assert any("1 unusable samples are left out" in note for note in decided.notes)


@pytest.mark.parametrize("action", ["unusable", "unsure"])
def test_what_decides_on_no_class_must_name_none(run, action):
    assert f"{action} must name no class" in refused(run, [decision(0, "dog", action)])


def test_a_file_in_which_nobody_was_sure_is_refused(run):
    said = refused(run, [decision(0, "", "unsure"), decision(1, "", "unsure")])
    assert "somebody was not sure of any of the 2" in said


def test_an_unusable_sample_and_a_class_for_it_are_two_decisions(run):
    said = refused(run, [GOOD[0], decision(0, "", "unusable", "suspects-1-4")])
    assert "twice with different decisions" in said


def test_what_was_unusable_before_a_run_stays_so(tmp_path):
    stream = [i for i in STREAM if i != 4]
    run = write_run(
        tmp_path / "told", GIVEN, NAMES, stream=stream, ids=IDS, decided=[(4, -1, "unusable")]
    )
    result, out = relabel(run, [decision(2, "dog", "other", "suspects-1-4")])
    assert result.exit_code == 0, result.output
    assert [(r["label"], r["action"]) for r in read_csv(out) if r["action"]] == [
        ("dog", "other"),
        ("", "unusable"),
    ]


@pytest.fixture
def told(tmp_path):
    """A run that was itself told what GOOD says of two samples."""
    decided = [(0, 1, "confirm"), (1, 1, "keep")]
    return write_run(tmp_path / "told", GIVEN, NAMES, stream=STREAM, ids=IDS, decided=decided)


def test_what_the_run_was_told_itself_stays_decided_as_a_stratum_of_its_own(told):
    result, out = relabel(told, [decision(2, "dog", "other", "suspects-1-4")])
    assert result.exit_code == 0, result.output
    assert "2 earlier decisions of the run stay" in result.output
    rows = [row for row in read_csv(out) if row["action"]]
    assert [row["label"] for row in rows] == ["dog", "dog", "dog"]
    assert [row["stratum"] for row in rows] == [BEFORE, BEFORE, "suspects-1-4"]
    assert [row["stratum_size"] for row in rows] == ["2", "2", "4"]


def test_a_sample_is_not_decided_a_second_time(told):
    assert "was decided before" in refused(told, [decision(0, "cat", "keep")])


def labels_file(run):
    _, out = relabel(run, GOOD)
    return out, read_csv(out)


@pytest.mark.parametrize(
    ("index", "change", "words"),
    [
        (0, {"label": "horse"}, "class must be one of"),
        (0, {"stratum_size": "0"}, "stratum_size"),
        (0, {"stratum_size": "9"}, "one stratum_size"),
        (6, {"stratum_size": "many"}, "stratum_size"),
        (0, {"id": "img/7.png"}, "id must be"),
        (0, {"labels_sha256": "0"}, "labels_sha256"),
        (3, {"label": "owl"}, "without an action"),
        (0, {"given": "owl"}, "given must be"),
    ],
)
def test_an_edited_file_of_labels_is_refused(run, index, change, words):
    out, rows = labels_file(run)
    rows[index] |= change
    write_csv(out, rows[0], [row.values() for row in rows])
    with pytest.raises(DecisionError, match=words):
        read_decisions(
            out, given=GIVEN, class_names=NAMES, ids=np.array(IDS, object), labels_sha256=SHA
        )


def test_decisions_on_other_labels_are_refused(run):
    out, _ = labels_file(run)
    other = np.roll(GIVEN, 1)
    with pytest.raises(DecisionError, match="labels_sha256 must be"):
        read_decisions(
            out, given=other, class_names=NAMES, ids=None, labels_sha256=labels_sha256(other)
        )


def test_the_page_s_own_export_is_refused_as_a_file_of_labels_and_says_what_to_do(run):
    decisions = write_csv(run / "decisions.csv", HEADER, GOOD)
    with pytest.raises(DecisionError, match=r"python cli.py relabel RUN decisions.csv"):
        read_decisions(decisions, given=GIVEN, class_names=NAMES, ids=None, labels_sha256=SHA)


def test_halves_depend_on_the_name_alone_and_are_about_as_large():
    names = [f"{i}" for i in range(2000)]
    half = in_golden_half(names)
    assert 900 < half.sum() < 1100
    assert half[::-1].tolist() == in_golden_half(names[::-1]).tolist()
    # sha256 of "0", "1" and "2" begins with the bytes 5f and 6b, which are odd, and d4.
    assert half[:3].tolist() == [True, True, False]


def test_weights_of_a_fair_sample_are_all_the_same():
    # Two strata, each decided in proportion: no different from more drawn samples.
    stratum = np.array(["a"] * 10 + ["b"] * 30, object)
    size = np.where(stratum == "a", 100, 300)
    weight = stands_for(stratum, size, n_uniform=20, n_stream=400)
    assert len(weight) == 60
    np.testing.assert_allclose(weight, weight[0])


def test_weights_stand_for_the_stream_before_they_are_flattened(monkeypatch):
    monkeypatch.setattr("tssd_keras.labels.decisions.weights.FLATTENED", 1.0)
    stratum = np.array(["top"] * 50 + ["next"] * 5, object)
    size = np.where(stratum == "top", 100, 400)
    weight = stands_for(stratum, size, n_uniform=20, n_stream=10_000)
    assert weight.sum() == pytest.approx(10_000)
    # 100 suspects: 50 are decided and 0.2 of the drawn are expected among them.
    assert weight[20] == pytest.approx(100 / 50.2)
    assert weight[-1] == pytest.approx(400 / 5.8)
    assert weight[0] == pytest.approx((9_500 + 0.2 * 100 / 50.2 + 0.8 * 400 / 5.8) / 20)


def test_flattened_weights_keep_the_order():
    stratum = np.array(["top"] * 50 + ["next"] * 5, object)
    size = np.where(stratum == "top", 100, 400)
    weight = stands_for(stratum, size, n_uniform=20, n_stream=10_000)
    assert weight[20] < weight[-1] < weight[0]
    assert weight[0] / weight[20] < 10


def test_weights_without_drawn_samples_stand_for_the_strata_alone():
    weight = stands_for(np.array(["a", "a"], object), np.array([8, 8]), n_uniform=0, n_stream=99)
    np.testing.assert_allclose(weight, weight[0])
    assert len(weight) == 2


def test_each_decided_sample_has_one_use(run):
    out, _ = labels_file(run)
    found = read_decisions(
        out, given=GIVEN, class_names=NAMES, ids=np.array(IDS, object), labels_sha256=SHA
    )
    none = np.zeros(12, bool)
    decided = split_decisions(found, teaches=True, taken=none, in_test=none)
    assert (decided.use == np.where(found.golden, GOLDEN, TRAIN)).all()
    assert 0 < found.golden.sum() < len(found)
    everything = split_decisions(found, teaches=False, taken=none, in_test=none)
    assert (everything.use == TRAIN).all()
    in_test = split_decisions(found, teaches=True, taken=none, in_test=~none)
    assert (in_test.use == TRAIN).all()
    taken = split_decisions(found, teaches=True, taken=~none, in_test=none)
    assert (taken.use == NOT_USED).all()
    assert "not used" in taken.notes[1]
    labels = everything.labels(12)
    assert labels[found.index].tolist() == found.label.tolist()
    assert (np.delete(labels, found.index) == -1).all()


def test_decided_csv_has_a_row_a_decision(run, tmp_path):
    out, _ = labels_file(run)
    ids = np.array(IDS, object)
    found = read_decisions(out, given=GIVEN, class_names=NAMES, ids=ids, labels_sha256=SHA)
    none = np.zeros(12, bool)
    decided = split_decisions(found, teaches=True, taken=none, in_test=none)
    decided.write_csv(tmp_path / "decided.csv", GIVEN, NAMES, ids)
    with open(tmp_path / "decided.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["decided"] for row in rows] == ["dog", "dog", "dog", "owl", "owl"]
    assert {row["use"] for row in rows} == {"train", "golden"}
    summary = decided.summary(GIVEN, None)
    assert summary["given_found_wrong"] == 3
    assert summary["agree_with_truth"] is None


def as_saved(run, rows, delimiter=",", encoding="utf-8", more=()):
    path = run.parent / "saved.csv"
    with open(path, "w", newline="", encoding=encoding) as file:
        csv.writer(file, delimiter=delimiter).writerows([HEADER, *rows, *more])
    return path


@pytest.mark.parametrize(
    ("delimiter", "encoding"), [(",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-16")]
)
def test_decisions_come_back_from_a_spreadsheet(run, delimiter, encoding):
    path = as_saved(run, GOOD, delimiter, encoding, more=[[""] * 7, [" "] * 7])
    out = run.parent / "labels.csv"
    result = CliRunner().invoke(main, ["relabel", str(run), str(path), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("5 decisions applied")


def test_cells_that_a_spreadsheet_or_pandas_changed_are_the_run_s_own(tmp_path):
    names, ids = ("007", "true"), ["01", "2", "e\u0301", "x"]
    given = np.array([0, 1, 0, 1])
    run = write_run(tmp_path / "run", given, names, stream=[0, 1, 2, 3], ids=ids)
    sha = labels_sha256(given)
    rows = [
        ("1", "0.0", "7.0", "TRUE", "confirm", "", sha),
        ("2.0", "1.0", "TRUE", "TRUE", "keep", "", sha),
        ("\u00e9", "2", "7", "007", "keep", "", sha),
    ]
    out = tmp_path / "labels.csv"
    path = as_saved(run, rows)
    result = CliRunner().invoke(main, ["relabel", str(run), str(path), "--out", str(out)])
    assert result.exit_code == 0, result.output
    written = read_csv(out)
    assert [row["label"] for row in written] == ["true", "true", "007", "true"]
    assert [row["id"] for row in written[:3]] == ids[:3]
