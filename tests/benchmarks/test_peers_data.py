"""The text and the table of `peers`: what the scripts write is read as a recipe's data."""

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tssd_keras.data.sources import arrays
from tssd_keras.recipe.data_sections import DataRecipe

pytestmark = pytest.mark.backend_free


@pytest.fixture(scope="module")
def peers_data():
    """The script of benchmarks/."""
    folder = str(Path(__file__).parents[2] / "benchmarks")
    sys.path.insert(0, folder)
    try:
        import peers_data
    finally:
        sys.path.remove(folder)
    return peers_data


def test_a_table_is_standardised_by_its_training_rows_and_split_without_overlap(
    peers_data, tmp_path, monkeypatch
):
    monkeypatch.setattr(peers_data, "DATA", tmp_path)
    monkeypatch.setattr(peers_data, "TRAINED", 60)
    monkeypatch.setattr(peers_data, "TESTED", 30)
    rng = np.random.default_rng(0)
    columns = [*peers_data.NUMBERS, "color", "clarity", "cut"]
    with (tmp_path / "diamonds.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(columns)
        for i in range(100):
            words = rng.choice(list("DEFGHIJ")), rng.choice(peers_data.CLARITIES)
            rows.writerow([i, *rng.normal(5, 2, 6), *words, peers_data.CUTS[i % 5]])
    peers_data.write_table(tmp_path / "diamonds.csv", tmp_path / "diamonds.npz")
    data = arrays.load(DataRecipe(source="npz", path=str(tmp_path / "diamonds.npz")))
    x, test = (part.read(np.arange(len(part))) for part in (data.inputs, data.test_inputs))
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(x.std(axis=0), 1, atol=1e-5)
    assert (len(x), len(test), data.class_names) == (60, 30, peers_data.CUTS)
    assert not np.isin(x[:, 0], test[:, 0]).any()  # the first column numbers the rows
    number = np.rint((x[:, 0] - x[:, 0].min()) / np.diff(np.sort(x[:, 0])).min()).astype(int)
    assert len(set((data.labels - number) % 5)) == 1  # labels stay with their rows


def test_lines_of_packages_are_numbers_that_tell_sections_apart(peers_data, tmp_path, monkeypatch):
    if shutil.which("apt-cache") is None:
        pytest.skip("no Debian: no apt-cache")
    listed = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, text=True)
    if listed.stdout.count("\nSection: games") < 100:
        pytest.skip("no package lists: apt-get update")
    monkeypatch.setattr(peers_data, "DATA", tmp_path)
    monkeypatch.setattr(peers_data, "MOST", 100)
    peers_data.write_text(tmp_path / "debian_sections.npz")
    data = arrays.load(DataRecipe(source="npz", path=str(tmp_path / "debian_sections.npz")))
    assert data.class_names == tuple(peers_data.SECTIONS)
    assert len(set(data.texts)) == len(data.texts) == len(data.inputs) > 600
    x = data.inputs.read(np.arange(len(data.inputs)))
    means = np.stack([x[data.labels == k].mean(axis=0) for k in range(10)])
    test = data.test_inputs.read(np.arange(len(data.test_inputs)))
    assert ((test @ means.T).argmax(axis=1) == data.test_labels).mean() > 0.3
