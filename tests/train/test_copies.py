"""Copies of a TSSD: KerasTuner makes one for each trial."""

import copy

import numpy as np
import pytest
from builders.small_runs import fit, network, new_tssd, same_tables


@pytest.fixture(scope="module")
def trained():
    tssd, model = new_tssd(), network()
    fit(model, tssd, 3)
    return tssd, model


def test_a_copy_of_a_new_tssd_trains_as_the_first_one_does(trained):
    twin = copy.deepcopy(new_tssd())
    fit(network(), twin, 3)
    same_tables(trained[0].table, twin.table)


def test_a_copy_among_callbacks_is_independent(trained):
    tssd, _ = trained
    before = tssd.get_state()
    first, (second,) = copy.deepcopy((tssd, [tssd]))
    assert first is second is not tssd
    assert first.inputs is tssd.inputs
    fit(network(), first, 1, initial_epoch=0)
    assert (first.epochs_trained, len(first.rounds)) == (4, 2)
    assert (tssd.epochs_trained, len(tssd.rounds)) == (3, 1)
    for name, value in tssd.get_state().items():
        np.testing.assert_array_equal(value, before[name])


def test_a_copy_goes_on_as_the_first_one_does(trained):
    twin = copy.deepcopy(trained[0])
    likewise = network()
    fit(likewise, new_tssd(), 3)
    fit(likewise, twin, 1)
    whole = new_tssd()
    fit(network(), whole, 4)
    np.testing.assert_array_equal(twin.table.role, whole.table.role)
    np.testing.assert_array_equal(twin.table.q, whole.table.q)


def test_a_copy_needs_a_feed_of_its_own(trained):
    tssd, _ = trained
    feed = tssd.feed(32)
    with pytest.raises(RuntimeError, match="a copy of a TSSD makes a feed of its own"):
        fit(network(), copy.deepcopy(tssd), 1, feed=feed)


def test_a_copy_writes_no_backup(tmp_path):
    twin = copy.deepcopy(new_tssd(backup_path=tmp_path / "tssd.npz"))
    with pytest.warns(UserWarning, match="every epoch was warm-up"):
        fit(network(), twin, 1)
    assert not list(tmp_path.iterdir())
