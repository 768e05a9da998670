"""What rounds find reaches Keras' logs and a person's screen."""

import csv
import math

import keras
import numpy as np
import pytest
from builders.small_runs import fit, network, new_tssd

from tssd_keras import DivideRecipe

KEYS = ["tssd_kept_share", "tssd_wrong_share", "tssd_golden_auroc", "tssd_seconds"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Five epochs, of which the second and the fourth after the warm-up have no round."""
    path = tmp_path_factory.mktemp("logs") / "log.csv"
    tssd, model = new_tssd(divide=DivideRecipe(every=2), warmup_epochs=1), network()
    history = fit(model, tssd, 5, behind=[keras.callbacks.CSVLogger(path)])
    with open(path, newline="") as file:
        return tssd, history.history, list(csv.DictReader(file))


def test_history_has_the_newest_rounds_figures(run):
    tssd, history, _ = run
    assert [record.epoch for record in tssd.rounds] == [1, 3]
    newest = [None, *(record for record in tssd.rounds for _ in range(2))]
    for epoch, record in enumerate(newest):
        kept, wrong, auroc, seconds = (history[key][epoch] for key in KEYS)
        if record is None:
            assert all(map(math.isnan, (kept, wrong, auroc)))
            assert seconds == 0
            continue
        assert kept == record.roles.kept / len(tssd.table)
        assert wrong == 1 - record.purification.estimated_clean_share
        assert auroc == record.purification.golden_auroc_q
        assert seconds == (record.seconds.total if record.epoch == epoch else 0)
    assert history["tssd_wrong_share"][-1] == pytest.approx(0.3, abs=0.05)


def test_csv_logger_writes_the_same_figures(run):
    _, history, rows = run
    for key in KEYS:
        np.testing.assert_array_equal([float(row[key]) for row in rows], history[key])


def test_figures_that_do_not_exist_are_nan_in_every_epoch():
    history = fit(network(), new_tssd(golden=0), 3).history
    assert np.isnan(history["tssd_golden_auroc"]).all()
    assert np.isfinite(history["tssd_kept_share"]).tolist() == [False, False, True]


def test_early_stopping_goes_by_the_kept_share():
    """It stands behind TSSD, and begins with the first round: NaN is no best value."""
    tssd = new_tssd(warmup_epochs=1)
    stop = keras.callbacks.EarlyStopping(
        monitor="tssd_kept_share", mode="max", min_delta=0.5, patience=2, start_from_epoch=1
    )
    history = fit(network(), tssd, 9, behind=[stop])
    assert history.epoch == [0, 1, 2, 3]
    assert stop.best == history.history["tssd_kept_share"][1]


def test_tensorboard_writes_them(tmp_path):
    pytest.importorskip("tensorboard")
    pytest.importorskip("tensorflow")
    fit(network(), new_tssd(), 3, behind=[keras.callbacks.TensorBoard(tmp_path)])
    (events,) = (tmp_path / "train").iterdir()
    written = events.read_bytes()
    assert all(f"epoch_{key}".encode() in written for key in KEYS)


def test_without_rounds_to_come_nothing_is_logged():
    history = fit(network(), new_tssd(warmup_epochs=None), 1).history
    assert list(history) == ["loss"]


def test_verbose_prints_a_line_a_round(capsys):
    tssd = new_tssd(verbose=1)
    fit(network(), tssd, 4)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "round before epoch 3",
        "round before epoch 4",
    ]
    assert f"kept {tssd.rounds[-1].roles.kept:,}" in lines[-1]


def test_the_default_prints_nothing(capsys):
    fit(network(), new_tssd(), 3)
    assert not capsys.readouterr().out


def test_repr_says_what_it_is():
    tssd = new_tssd()
    assert repr(tssd) == (
        "TSSD(320 samples, 4 classes, golden: 40 samples, warm-up: 2 epochs; 0 epochs trained, "
        "0 rounds)"
    )
    fit(network(), tssd, 3)
    kept = tssd.rounds[0].roles.kept
    assert repr(tssd).endswith(f"3 epochs trained, 1 rounds, kept {kept} of 320)")
    assert "golden: none, warm-up: no division" in repr(new_tssd(golden=0, warmup_epochs=None))
