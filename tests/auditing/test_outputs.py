import csv
import itertools
import json
import pickle
import subprocess
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from click.testing import CliRunner
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.preprocessing import normalize

import tssd_keras
from tssd_keras import DivideRecipe
from tssd_keras.auditing.outputs_page import findings_of
from tssd_keras.cli.main import main
from tssd_keras.labels import noise

ROOT = Path(__file__).parents[2]
K = 10


@pytest.fixture(scope="module")
def digits():
    """Cross-validated probabilities, given labels (30 % wrong), features, true labels."""
    x, truth = load_digits(return_X_y=True)
    x = x / 16
    given = noise.draw_labels(truth, noise.symmetric(K, 0.3), seed=0)
    model = LogisticRegression(C=0.05, max_iter=2000)
    p = cross_val_predict(model, x, given, cv=3, method="predict_proba")
    return p, given, x.astype(np.float32), truth


def some_known(truth, per_class=5):
    """Golden labels as the option takes them: -1 but for a few of each class."""
    golden = np.full(len(truth), -1)
    for k in range(K):
        golden[np.flatnonzero(truth == k)[:per_class]] = k
    return golden


@pytest.mark.backend_free
def test_wrong_labels_are_found_from_predictions_alone(digits):
    p, given, _, truth = digits
    found = tssd_keras.audit(p, given)
    clean = given == truth
    assert roc_auc_score(clean, found.score) > 0.97
    assert (~clean)[found.order[:200]].mean() > 0.95
    assert found.suspect[~clean].mean() > 0.9
    assert found.feature_abstains.all()
    assert "no features were given" in found.notes[0]
    assert set(found.role) <= {"positive", "negative", "uncertain"}
    assert (found.suggested == p.argmax(axis=1)).all()


@pytest.mark.backend_free
def test_sparse_features_say_what_dense_ones_do(digits):
    p, given, x, truth = digits
    dense = tssd_keras.audit(p, given, x)
    found = tssd_keras.audit(p, given, sparse.csr_array(x))
    np.testing.assert_array_equal(found.score, dense.score)
    wide = sparse.hstack([sparse.coo_matrix(x), sparse.coo_matrix((len(x), 20_000))])
    assert roc_auc_score(given == truth, tssd_keras.audit(p, given, wide).score) > 0.97
    with pytest.raises(ValueError, match=r"one row for each of 1797 .* got \(10, 64\)"):
        tssd_keras.audit(p, given, sparse.csr_array(x[:10]))
    x = x.copy()
    x[7, 3] = np.nan
    with pytest.raises(ValueError, match=r"features must be finite: .* first of sample 7"):
        tssd_keras.audit(p, given, sparse.csr_array(x))


@pytest.mark.backend_free
@pytest.mark.parametrize("by", ["neighbours", "class_means"])
def test_the_streams_are_those_of_training(digits, by):
    from tssd_keras.judge.divide import divide
    from tssd_keras.judge.place import place

    p, given, features, truth = digits
    found = tssd_keras.audit(p, given, features, divide=DivideRecipe(threshold=0.9, place=by))
    unit = normalize(features).astype(np.float16)
    loss = -np.log(p[np.arange(len(given)), given]).astype(np.float32)
    where = place(by, unit, given, K, seed=0)
    similarity = where.scores()
    division = divide(loss, similarity, given, K, threshold=0.9, silent=where.silent)
    assert roc_auc_score(given == truth, found.p_feature) > 0.85
    np.testing.assert_allclose(found.p_loss, division.p_loss, atol=1e-4)
    np.testing.assert_allclose(found.p_feature, division.p_feature, atol=2e-2)
    assert np.isnan(found.q).all()


@pytest.mark.backend_free
def test_neighbours_and_predictions_together_score_labels_without_golden_ones(digits):
    from tssd_keras.judge.place import place

    p, given, features, truth = digits
    found = tssd_keras.audit(p, given, features)
    clean = given == truth
    where = place("neighbours", normalize(features).astype(np.float16), given, K, seed=0)
    both = np.exp(where.class_log_p(where.similarity(slice(None)), np.log(p)))
    np.testing.assert_array_equal(found.suggested, both.argmax(axis=1))
    own = both[np.arange(len(given)), given]
    both[np.arange(len(given)), given] = 0
    np.testing.assert_allclose(found.score, own / (own + both.max(axis=1)), atol=5e-3)
    assert np.isnan(found.q).all()
    by_streams = tssd_keras.audit(p, given, features, divide=DivideRecipe(place="class_means"))
    assert roc_auc_score(clean, found.score) > roc_auc_score(clean, by_streams.score) + 0.005
    assert (found.suggested == truth).mean() > (p.argmax(axis=1) == truth).mean() + 0.02


@pytest.mark.backend_free
def test_logits_and_probabilities_say_the_same(digits):
    p, given, _, _ = digits
    logits = np.log(p) + np.random.default_rng(0).normal(0, 5, (len(p), 1))
    one = tssd_keras.audit(p, given)
    other = tssd_keras.audit(logits, given, from_logits=True)
    np.testing.assert_allclose(one.score, other.score, atol=1e-3)
    half = tssd_keras.audit(p.astype(np.float16), given)
    np.testing.assert_allclose(one.score, half.score, atol=2e-2)


@pytest.mark.backend_free
def test_probabilities_that_rounding_moved_are_still_probabilities(digits):
    p, given, _, _ = digits
    one = tssd_keras.audit(p, given)
    other = tssd_keras.audit(1.015 * p, given)
    np.testing.assert_allclose(one.score, other.score, atol=1e-6)
    assert other.p_suggested.max() <= 1


@pytest.mark.backend_free
def test_predictions_that_agree_with_nearly_every_label_are_spoken_of(digits):
    _, given, _, _ = digits
    learned = np.full((len(given), K), 0.01)
    learned[np.arange(len(given)), given] = 0.91
    found = tssd_keras.audit(learned, given)
    assert any("learned these very labels" in note for note in found.notes)
    assert found.loss_abstains
    assert not found.suspect.any()  # nobody says anything, so nobody is accused
    assert np.isnan(found.score).all()


def test_golden_labels_purify_and_are_not_judged(digits):
    p, given, features, truth = digits
    golden = some_known(truth)
    found = tssd_keras.audit(p, given, features, golden)
    known, clean = golden >= 0, given == truth
    assert (found.role[known] == "golden").all()
    assert not (found.role[~known] == "golden").any()
    assert np.isnan(found.q[known]).all() and not np.isnan(found.q[~known]).any()
    assert (found.suggested[known] == golden[known]).all()
    assert sorted(found.order.tolist()) == np.flatnonzero(~known).tolist()
    assert roc_auc_score(clean[~known], found.q[~known]) > 0.98
    assert (~clean)[found.suspect].mean() > 0.85
    assert np.mean(1 - found.q[~known]) == pytest.approx((~clean)[~known].mean(), abs=0.06)
    on_page = findings_of(found, tuple(map(str, range(K))))
    assert on_page.index.tolist() == np.flatnonzero(~known).tolist()
    assert on_page.last_round["golden_pairs"] == "50"
    np.testing.assert_array_equal(on_page.suspect, found.suspect[~known])
    np.testing.assert_allclose(on_page.p_wrong, 1 - found.score[~known])


def test_golden_labels_need_no_features(digits):
    p, given, _, truth = digits
    found = tssd_keras.audit(p, given, golden=some_known(truth))
    known = some_known(truth) >= 0
    assert roc_auc_score((given == truth)[~known], found.q[~known]) > 0.97


@pytest.mark.backend_free
@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"predictions": np.ones((30, 3))}, ValueError, "rows that sum to 1: sample 0"),
        ({"predictions": np.eye(3)[[0] * 30] * 2 - 0.5}, ValueError, "--logits"),
        ({"predictions": np.full((30, 3), np.nan)}, ValueError, "finite"),
        ({"predictions": np.full(30, 0.5)}, ValueError, r"shape \(N, K\)"),
        ({"predictions": np.full((30, 1), 1.0)}, ValueError, "at least two"),
        ({"predictions": np.full((30, 3), "a")}, TypeError, "must be numbers"),
        ({"labels": np.eye(3, dtype=int)[[0] * 30]}, ValueError, "argmax"),
        ({"labels": np.zeros(30)}, ValueError, r"whole numbers.*Try .astype"),
        ({"predictions": [[0.5, 0.5], [1.0]]}, ValueError, "predictions must have rows of one len"),
        ({"from_logits": "no"}, TypeError, "from_logits must be True or False, got 'no'"),
        ({"labels": np.zeros(29, int)}, ValueError, "one entry for each of 30"),
        ({"labels": np.full(30, 3)}, ValueError, "0..2"),
        ({"labels": np.full(30, -1)}, ValueError, "0..2"),
        ({"features": np.zeros((29, 4))}, ValueError, "one row for each of 30"),
        ({"features": np.zeros(30)}, ValueError, "one row for each"),
        ({"features": np.zeros((30, 0))}, ValueError, "d at least 1"),
        ({"features": np.full((30, 2), np.inf)}, ValueError, "features must be finite"),
        ({"golden": np.full(30, -2)}, ValueError, "0..2"),
        ({"golden": np.r_[np.full(29, -1), 7]}, ValueError, "first is sample 29 with 7"),
        ({"golden": np.full(30, -1)}, ValueError, "each class must have at least 2 golden samples"),
        ({"golden": np.arange(30) % 3}, ValueError, "all are golden"),
        ({"divide": DivideRecipe(streams=("feature",))}, ValueError, "features must be given"),
        ({"divide": DivideRecipe(threshold=2)}, ValueError, "threshold"),
    ],
)
def test_what_cannot_be_judged_is_refused(change, error, words):
    arguments = {"predictions": np.full((30, 3), 1 / 3), "labels": np.arange(30) % 3} | change
    with pytest.raises(error, match=words):
        tssd_keras.audit(**arguments)


@pytest.mark.backend_free
@pytest.mark.parametrize(
    ("path", "names", "error", "words"),
    [
        (1, None, TypeError, "path must be a path, got 1 of type int"),
        ("out.csv", "abc", TypeError, "class_names must be a list of 3 names, got 'abc'"),
        ("out.csv", ["a", "b"], ValueError, "class_names must be 3 names, got 2"),
    ],
)
def test_a_table_goes_to_a_path_with_a_name_for_each_class(path, names, error, words, tmp_path):
    found = tssd_keras.audit(np.full((30, 3), 1 / 3), np.arange(30) % 3)
    path = tmp_path / path if isinstance(path, str) else path
    with pytest.raises(error, match=words):
        found.write_csv(path, names)
    assert not list(tmp_path.iterdir())
    found.write_csv(tmp_path / "out.csv", ["ant", "bee", "cow"])
    assert "bee" in (tmp_path / "out.csv").read_text()


@pytest.fixture
def files(digits, tmp_path):
    p, given, features, truth = digits
    arrays = {
        "predictions": p.astype(np.float32),
        "labels": given,
        "features": features,
        "golden": some_known(truth),
    }
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
    return tmp_path


def audit(folder, *names, out="out", extra=()):
    words = ["audit"]
    for name in names:
        words += [f"--{name}", str(folder / f"{name}.npy")]
    return CliRunner().invoke(main, [*words, "--out", str(folder / out), *map(str, extra)])


def table(folder):
    with open(folder / "out" / "samples.csv", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.backend_free
def test_the_command_writes_a_row_a_sample_and_a_summary(files, digits):
    (files / "names.txt").write_text("".join(f"digit {k}\n" for k in range(K)))
    result = audit(
        files, "predictions", "labels", "features", extra=("--classes", files / "names.txt")
    )
    assert result.exit_code == 0, result.output
    rows = table(files)
    assert len(rows) == len(digits[1])
    assert rows[0]["given"] == f"digit {digits[1][0]}"
    assert sorted(int(row["rank"]) for row in rows) == list(range(1, len(rows) + 1))
    summary = json.loads((files / "out" / "summary.json").read_text())
    assert summary["judged"] == len(rows)
    assert summary["suspects"] == sum(float(row["score"]) <= 0.5 for row in rows)
    again = audit(files, "predictions", "labels")
    assert again.exit_code == 1
    assert "new or empty" in again.output


def test_the_command_takes_golden_labels(files):
    result = audit(files, "predictions", "labels", "golden")
    assert result.exit_code == 0, result.output
    rows = table(files)
    assert sum(row["role"] == "golden" for row in rows) == 50
    assert all((row["q"] == "") == (row["role"] == "golden") for row in rows)


@pytest.mark.backend_free
def test_without_golden_labels_no_keras_is_loaded(files):
    code = (
        "import sys; from tssd_keras.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print([n for n in ('keras', 'tensorflow', 'jax') if n in sys.modules])"
    )
    words = ["audit", "--predictions", "predictions.npy", "--labels", "labels.npy"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words, "--features", "features.npy"],
        cwd=files,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("[]")
    assert (files / "audit-outputs" / "samples.csv").exists()


class Evil:
    def __reduce__(self):
        return (exec, ("raise SystemExit('it ran')",))


@pytest.mark.backend_free
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "must be a .npy file"),
        (b"\x93NUMPY\x01\x00", "must be a .npy file"),
        (pickle.dumps(Evil()), "must be a .npy file"),
        (b"PK\x03\x04", "must be a .npy file"),
        (None, "holds Python objects"),
    ],
)
def test_files_that_are_no_plain_arrays_are_refused_and_never_unpickled(files, content, words):
    path = files / "predictions.npy"
    if content is None:
        np.save(path, np.array([Evil()], object), allow_pickle=True)
    else:
        path.write_bytes(content)
    result = audit(files, "predictions", "labels")
    assert result.exit_code == 1
    assert words in result.output
    assert not (files / "out").exists()


@pytest.mark.backend_free
def test_options_that_miss_each_other_are_refused(files):
    assert "go together" in audit(files, "predictions").output
    (files / "golden.npy").unlink()
    assert "not there" in audit(files, "predictions", "labels", "golden").output
    (files / "names.txt").write_text("a\nb\n")
    extra = ("--classes", files / "names.txt")
    assert "10 different classes" in audit(files, "predictions", "labels", extra=extra).output
    (files / "names.txt").write_text("a\0b\n" + "".join(f"{i}\n" for i in range(9)))
    said = audit(files, "predictions", "labels", extra=extra).output
    assert "without NUL characters: 1 of 10 are not, the first is class 0" in said


@pytest.mark.backend_free
def test_options_without_effect_are_refused(files):
    result = audit(files, "predictions", "labels", extra=("--without-samples",))
    assert result.exit_code == 2
    assert "--without-samples is for the folder of a run" in result.output
    result = audit(files, "predictions", "labels", extra=("--backend", "jax"))
    assert "--backend needs --golden" in result.output
    assert not (files / "out").exists()


@pytest.mark.backend_free
def test_audit_is_a_function_of_the_package():
    assert callable(tssd_keras.audit)
    assert "audit" in tssd_keras.__all__


def test_sigmoid_outputs_are_told_to_be_normalised_and_other_rows_to_be_logits():
    p = np.random.default_rng(0).random((6, 3))
    labels = np.arange(6) % 3
    with pytest.raises(ValueError, match=r"All lie in 0..1, as sigmoid outputs do: normalise"):
        tssd_keras.audit(p, labels)
    with pytest.raises(ValueError, match=r"Logits take from_logits=True"):
        tssd_keras.audit(p * 9, labels)


def test_probabilities_are_not_taken_for_logits():
    p = np.random.default_rng(0).dirichlet(np.ones(3), 6)
    with pytest.raises(ValueError, match=r"each of 6 rows holds probabilities.*Leave it out"):
        tssd_keras.audit(p, np.arange(6) % 3, from_logits=True)


def test_predictions_and_features_in_bfloat16_are_numbers(digits):
    p, given, features, _ = digits
    few, rounded = p.astype(ml_dtypes.bfloat16), features.astype(ml_dtypes.bfloat16)
    audited = tssd_keras.audit(few, given, rounded)
    same = tssd_keras.audit(few.astype(np.float32), given, rounded.astype(np.float32))
    np.testing.assert_array_equal(audited.score, same.score)


def test_what_np_save_made_of_bfloat16_and_a_generator_are_told_what_to_do(digits):
    p, given = digits[:2]
    with pytest.raises(TypeError, match=r"type \|V2\. np\.save keeps no bfloat16: save"):
        tssd_keras.audit(p.astype(ml_dtypes.bfloat16).view("V2"), given)
    with pytest.raises(TypeError, match="must be an array, got a repeat, which may have no end"):
        tssd_keras.audit(itertools.repeat(p[0]), given)
