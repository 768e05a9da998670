"""Peers train on the library's data, in its order and under its schedule, and see no true label."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from builders.runs import train

from tssd_keras.recipe.toml import load_recipe

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
DIGITS = BENCHMARKS.parent / "recipes" / "digits.toml"
SHORT = ("train.epochs=3", "train.warmup_epochs=1", "model.name=mlp", "model.width=32")
SHORT += ("train.batch_size=16",)  # so that an epoch teaches something
PEERS = ("label-smoothing", "gce", "elr", "co-teaching", "simifeat", "glc", "dividemix", "ssr")
CHANGED = {"dividemix": {"ramp_epochs": 1}}


@pytest.fixture(scope="module", autouse=True)
def importable():
    sys.path.insert(0, str(BENCHMARKS))
    yield
    sys.path.remove(str(BENCHMARKS))


def recipe(method, *settings):
    from peers import METHODS

    return load_recipe(DIGITS, (*SHORT, *settings, *METHODS[method].settings))


def figures(method, *settings):
    from peers import METHODS
    from peers.one import figures

    own = METHODS[method].own | CHANGED.get(method, {})
    return figures(method, recipe(method, *settings), own)


@pytest.mark.on_both
def test_cross_entropy_is_the_librarys_plain_training(tmp_path):
    settings = ("train.weight_decay=0.02", "noise.rate=0.3", "train.seed=4")
    settings += ("train.batch_size=32", "train.schedule=constant")
    of_peer = figures("cross-entropy", *settings)
    out = train(tmp_path / "run", *settings, "objective.kind=plain", "golden.source=none")
    summary = json.loads((out / "summary.json").read_text())
    with open(out / "epochs.csv", newline="", encoding="utf-8") as file:
        accuracy = [float(row["accuracy"]) for row in csv.DictReader(file)]
    np.testing.assert_allclose(of_peer["accuracy_by_epoch"], accuracy, atol=1.5 / 360)
    for name in ("labels_sha256", "effective_noise_rate"):
        assert of_peer[name] == summary[name]
    assert of_peer["accuracy"]["evaluated_on"] == summary["accuracy"]["evaluated_on"]


@pytest.mark.parametrize("method", PEERS)
def test_a_method_learns_and_judges_better_than_chance(method):
    found = figures(method)
    assert len(found["accuracy_by_epoch"]) == 3
    assert found["accuracy"]["last"] == found["accuracy_by_epoch"][-1] > 0.25
    if method in ("co-teaching", "simifeat", "dividemix", "ssr"):
        assert found["label_error_auroc"] > 0.8
        assert found["kept"]["precision"] > 0.7  # 0.6 of all are right
    else:
        assert found["label_error_auroc"] is None
    assert 0 < found["peak_gib"] < 100


def test_a_problem_holds_no_true_label_of_the_stream():
    from peers.problem import of_recipe

    problem = of_recipe(recipe("glc"))
    prepared = problem.prepared
    assert (problem.labels[: problem.n] == prepared.given[prepared.stream]).all()
    assert (problem.labels[: problem.n] != prepared.truth[prepared.stream]).mean() > 0.3
    assert (problem.labels[problem.n :] == prepared.truth[prepared.golden_index]).all()
    np.testing.assert_array_equal(
        problem.inputs.read(problem.golden), prepared.data.inputs.read(prepared.golden_index)
    )


@pytest.mark.backend_free
@pytest.mark.parametrize("name", ["peers", "peers.rows", "peers.tables"])
def test_what_waits_for_runs_loads_no_keras(name):
    import os
    import subprocess

    code = f"import sys, {name}; print([m for m in ('keras', 'sklearn') if m in sys.modules])"
    path = os.pathsep.join([str(BENCHMARKS), str(BENCHMARKS.parent)])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == "[]"


def test_every_epoch_takes_what_it_is_told_to_and_each_sample_once():
    from peers.problem import of_recipe
    from peers.training import PeerStep, Taken, fit, step

    class Seen(PeerStep):
        def loss_of(self, logits, labels, rows, weight):
            import keras

            counted = keras.ops.scatter_update(
                self.seen.value, rows[:, None], keras.ops.take(self.seen.value, rows) + weight
            )
            self.seen.assign(counted)
            return super().loss_of(logits, labels, rows, weight)

    import keras

    problem = of_recipe(recipe("cross-entropy"))
    one = step(problem, Seen, problem.networks())
    one.seen = keras.Variable(np.zeros(problem.n), trainable=False, dtype="float32")
    even = problem.stream[::2]
    fit(problem, one, lambda epoch: Taken(even, problem.labels[even]), evaluate=False)
    np.testing.assert_array_equal(np.asarray(one.seen)[even], 3)
    assert np.asarray(one.seen).sum() == 3 * len(even)


def test_an_infinite_loss_ends_a_run_with_a_reason():
    with pytest.raises(ValueError, match=r"loss must be finite, in epoch \d of 3 it is"):
        figures("cross-entropy", "train.learning_rate=1e30")


def test_what_only_the_library_does_is_refused():
    from peers.problem import of_recipe

    with pytest.raises(ValueError, match=r"train\.balanced_batches and golden\.decisions must not"):
        of_recipe(recipe("gce", "train.balanced_batches=5"))


def test_cleanlab_is_given_predictions_by_networks_that_did_not_train_on_the_sample(monkeypatch):
    from peers import cleanlab_issues
    from peers.problem import of_recipe

    problem, trained, predicted = of_recipe(recipe("cleanlab")), [], []
    fit, log_probabilities = cleanlab_issues.fit, cleanlab_issues.log_probabilities

    def noted_fit(problem, step, take, **settings):
        trained.append(set(take(0).rows))
        return fit(problem, step, take, **settings)

    def noted(problem, network, rows):
        predicted.append(set(rows))
        return log_probabilities(problem, network, rows)

    monkeypatch.setattr(cleanlab_issues, "fit", noted_fit)
    monkeypatch.setattr(cleanlab_issues, "log_probabilities", noted)
    p = cleanlab_issues.out_of_fold(problem, folds=3, epochs=2)
    assert [len(a & b) for a, b in zip(trained, predicted, strict=True)] == [0, 0, 0]
    assert set.union(*predicted) == set(problem.stream)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    truth = problem.prepared.truth[problem.prepared.stream]
    assert (p.argmax(axis=1) == truth).mean() > 0.5


def test_cleanlab_prunes_what_it_finds():
    pytest.importorskip("cleanlab", reason="no cleanlab: pip install -e '.[peers]'")
    found = figures("cleanlab", "train.epochs=4")
    assert found["label_error_auroc"] > 0.8
    assert found["kept"]["precision"] > 0.7


def test_dividemix_networks_judge_for_each_other():
    from peers import dividemix
    from peers.problem import of_recipe
    from peers.training import given_losses

    problem = of_recipe(recipe("dividemix"))
    networks = problem.networks(2)
    columns = dividemix._judged_by_each_other(problem, networks)
    by = [dividemix.p_clean(given_losses(problem, one), problem.seed) for one in networks]
    assert not np.allclose(by[0], by[1])
    np.testing.assert_allclose(columns, np.stack([by[1], by[0]], axis=1), atol=1e-6)
