import dataclasses

import numpy as np
import pytest

from tssd_keras.data.sources import digits
from tssd_keras.labels.given import given_labels
from tssd_keras.recipe.data_sections import DataRecipe, NoiseRecipe
from tssd_keras.recipe.recipe import Recipe

pytestmark = pytest.mark.backend_free

DIGITS = digits.load(DataRecipe())


def recipe(**noise):
    return Recipe(noise=NoiseRecipe(**noise))


def test_without_noise_labels_and_truth_are_the_datas_own():
    given, truth = given_labels(recipe(kind="none"), DIGITS)
    np.testing.assert_array_equal(given, DIGITS.labels)
    np.testing.assert_array_equal(truth, DIGITS.true_labels)
    assert given_labels(recipe(), dataclasses.replace(DIGITS, true_labels=None))[1] is None


def test_instance_noise_is_drawn_on_the_pixels():
    given, truth = given_labels(recipe(kind="instance", rate=0.4), DIGITS)
    assert (given != truth).mean() == pytest.approx(0.4, abs=0.03)
    shuffled = np.random.default_rng(0).permutation(len(truth))
    pixels = DIGITS.inputs.read(shuffled)
    other = dataclasses.replace(DIGITS, inputs=type(DIGITS.inputs)(pixels))
    assert not np.array_equal(given_labels(recipe(kind="instance", rate=0.4), other)[0], given)


def test_labels_of_a_file_are_given_and_the_datas_own_are_true(tmp_path):
    labels = DIGITS.labels.copy()
    labels[:100] = (labels[:100] + 1) % 10
    np.save(tmp_path / "l.npy", labels)
    given, truth = given_labels(recipe(kind="file", labels=str(tmp_path / "l.npy")), DIGITS)
    np.testing.assert_array_equal(given, labels)
    assert (given != truth).sum() == 100


def test_noise_on_truth_that_is_known_in_part_is_refused():
    partly = DIGITS.true_labels.copy()
    partly[[4, 9]] = -1
    data = dataclasses.replace(DIGITS, true_labels=partly)
    with pytest.raises(ValueError, match="2 of 1,437 are unknown, the first is sample 4"):
        given_labels(recipe(kind="symmetric"), data)
    assert (given_labels(recipe(), data)[1] < 0).sum() == 2


def test_labels_of_a_file_say_nothing_of_a_truth_that_the_data_do_not_know(tmp_path):
    labels = DIGITS.labels.copy()
    labels[:500] = (labels[:500] + 1) % 10
    np.save(tmp_path / "l.npy", labels)
    kind_file = recipe(kind="file", labels=str(tmp_path / "l.npy"))
    typed = dataclasses.replace(DIGITS, true_labels=None)
    given, truth = given_labels(kind_file, typed)
    np.testing.assert_array_equal(given, labels)
    assert truth is None
    partly = np.where(np.arange(len(labels)) < 300, DIGITS.labels, -1)
    given, truth = given_labels(kind_file, dataclasses.replace(DIGITS, true_labels=partly))
    np.testing.assert_array_equal(truth, partly)
