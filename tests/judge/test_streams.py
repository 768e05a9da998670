import io
import zipfile

import numpy as np
import pytest
from builders.audit_samples import some_streams

from tssd_keras.judge.divide import divide
from tssd_keras.judge.streams import Streams, load_streams, save_streams

pytestmark = pytest.mark.backend_free
GIVEN = np.arange(60) % 3
WRONG = np.arange(60) % 4 == 0


def two():
    return [
        some_streams(GIVEN, WRONG, 3),
        some_streams(GIVEN, WRONG, 3, seed=1, transition=False),
    ]


def test_what_is_saved_is_loaded_again(tmp_path):
    names = ("cat", "", "\0\n\u202e" + "long" * 3000)
    save_streams(tmp_path / "streams.npz", two(), names)
    found, classes = load_streams(tmp_path / "streams.npz")
    assert classes == names
    assert len(found) == 2
    for ours, theirs in zip(two(), found, strict=True):
        for name in ("index", "given", "loss", "similarity", "feature_abstains"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
        for mixtures in ("loss_mixture", "feature_mixture"):
            for name, value in vars(getattr(ours, mixtures)).items():
                np.testing.assert_array_equal(value, getattr(getattr(theirs, mixtures), name))
        assert ours.loss_abstains is theirs.loss_abstains
        for name in ("label", "p"):
            np.testing.assert_array_equal(getattr(ours.top, name), getattr(theirs.top, name))
        np.testing.assert_array_equal(ours.place, theirs.place)
    np.testing.assert_array_equal(found[0].transition, two()[0].transition)
    assert found[1].transition is None


def test_log_odds_among_neighbours_have_no_mixtures_a_class(tmp_path):
    loss, log_odds = two()[0].loss, np.where(WRONG, -2.0, 2.0).astype(np.float32)
    division = divide(loss, log_odds, GIVEN, 3, silent=np.array([False, True, False]))
    assert division.feature_mixture is None
    streams = Streams.of(
        division,
        loss,
        log_odds,
        index=np.arange(60),
        given=GIVEN,
        transition=None,
        top=two()[0].top,
        place=two()[0].place,
    )
    save_streams(tmp_path / "streams.npz", [streams, two()[1]], ("a", "b", "c"))
    (found, other), _ = load_streams(tmp_path / "streams.npz")
    assert found.feature_mixture is None
    assert found.feature_abstains.tolist() == [False, True, False]
    np.testing.assert_array_equal(found.similarity, log_odds)
    assert other.feature_mixture is not None


def test_the_file_holds_no_python_objects(tmp_path):
    save_streams(tmp_path / "streams.npz", two(), ("a", "b", "c"))
    with zipfile.ZipFile(tmp_path / "streams.npz") as file:
        assert file.namelist()
        for name in file.namelist():
            np.load(io.BytesIO(file.read(name)), allow_pickle=False)


@pytest.mark.parametrize("spoil", ["short", "pickle", "other", "format"])
def test_another_file_is_refused_by_name(tmp_path, spoil):
    path = tmp_path / "streams.npz"
    save_streams(path, two(), ("a", "b", "c"))
    if spoil == "short":
        path.write_bytes(path.read_bytes()[:2000])
    elif spoil == "pickle":
        np.savez(path, format=np.array([{}], object))
    elif spoil == "other":
        np.savez(path, a=np.zeros(3))
    else:
        np.savez(path, format=np.array(99))
    with pytest.raises(ValueError, match=r"streams\.npz must hold a round's streams"):
        load_streams(path)


def test_a_file_that_is_not_there_is_told_so(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_streams(tmp_path / "streams.npz")
