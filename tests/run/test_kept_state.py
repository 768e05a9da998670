"""state.npz of a run, spoilt by hand: what is no state of a run is refused by its name."""

import json

import numpy as np
import pytest
from builders.run_files import edit_arrays

from tssd_keras.recipe.recipe import Recipe
from tssd_keras.recipe.toml import to_toml
from tssd_keras.run.kept_state import Kept, read_kept
from tssd_keras.train.state_file import save_state

pytestmark = pytest.mark.backend_free


@pytest.fixture
def folder(tmp_path):
    kept = Kept(Recipe(), "jax", "ab" * 32, [{"epoch": 1}], [2], "2", 1.5, {"x": np.arange(3)})
    save_state(tmp_path / "state.npz", kept.arrays())
    return tmp_path


def test_what_was_kept_is_read(folder):
    kept = read_kept(folder)
    assert (kept.recipe, kept.backend, kept.seconds) == (Recipe(), "jax", 1.5)
    assert (kept.epochs, kept.resumed) == ([{"epoch": 1}], [2])
    assert list(kept.state) == ["x"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"recipe": np.array("[train]\nepochs = " + "[" * 9999)}, "nest too deeply"),
        ({"recipe": np.array("epochs = = 3")}, "must hold the state of a run"),
        ({"recipe": np.array(to_toml(Recipe()).replace("epochs", "epocs"))}, "must hold the state"),
        ({"epochs": np.array("[" * 100_000)}, "epochs nests too deeply"),
        ({"epochs": np.array("3")}, "epochs must be a list, got 3"),
        ({"epochs": np.array("[3]")}, "epochs must be a list of rows"),
        ({"resumed": np.array("{")}, "must hold the state"),
        ({"resumed": np.array(json.dumps(["x"]))}, "resumed must be a list of whole numbers"),
        ({"seconds": np.array([1.5])}, r"seconds must be float64\[\], got float64\(1,\)"),
        ({"seconds": np.array(np.nan)}, "seconds must be finite"),
        ({"seconds": None}, "it lacks seconds"),
        ({"threads": np.array(["2"])}, "must have format 1, got 1"),
        ({"format": np.arange(2)}, r"must have format 1, got \[0 1\]"),
    ],
)
def test_what_is_no_state_of_a_run_is_refused(folder, change, words):
    edit_arrays(folder / "state.npz", **change)
    with pytest.raises(ValueError, match=rf"(?s)state\.npz must .*{words}|{words}"):
        read_kept(folder)
