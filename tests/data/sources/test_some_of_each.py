import dataclasses

import numpy as np
import pytest

from tssd_keras.data import loading
from tssd_keras.data.inputs import ArrayInputs
from tssd_keras.data.labelled_data import LabelledData
from tssd_keras.data.sources.some_of_each import some_of_each
from tssd_keras.recipe.data_sections import DataRecipe

pytestmark = pytest.mark.backend_free

N = 90
TRUTH = np.arange(N) % 3
WHOLE = LabelledData(
    name="ninety samples",
    inputs=ArrayInputs(np.arange(N, dtype=np.uint8)[:, None]),
    labels=(TRUTH + (np.arange(N) % 7 == 0)) % 3,
    true_labels=TRUTH,
    test_inputs=ArrayInputs(np.zeros((3, 1), np.uint8)),
    test_labels=np.arange(3),
    class_names=("a", "b", "c"),
    ids=np.array([f"sample {i}" for i in range(N)]),
    texts=np.array([f"text {i}" for i in range(N)]),
)


def test_as_many_of_each_true_class_are_taken_with_all_that_belongs_to_them():
    part = some_of_each(WHOLE, 10, seed=0)
    index = part.inputs.read(np.arange(30))[:, 0].astype(int)
    np.testing.assert_array_equal(np.bincount(part.true_labels), [10, 10, 10])
    np.testing.assert_array_equal(index, np.sort(index))
    np.testing.assert_array_equal(part.labels, WHOLE.labels[index])
    np.testing.assert_array_equal(part.true_labels, TRUTH[index])
    assert list(part.ids) == [f"sample {i}" for i in index]
    assert list(part.texts) == [f"text {i}" for i in index]
    assert len(part.test_inputs) == 3


def test_the_seed_says_which():
    def taken(seed):
        return some_of_each(WHOLE, 10, seed=seed).inputs.read(np.arange(30))[:, 0].tolist()

    assert taken(0) == taken(0)
    assert taken(0) != taken(1)


def test_classes_are_the_given_ones_where_the_truth_is_unknown():
    part = some_of_each(dataclasses.replace(WHOLE, true_labels=None), 10, seed=0)
    np.testing.assert_array_equal(np.bincount(part.labels), [10, 10, 10])


def test_more_than_there_are_is_refused():
    with pytest.raises(ValueError, match=r"data.per_class = 31 .*\('a'\) with 30 of 90\. Try 30"):
        some_of_each(WHOLE, 31, seed=0)


def test_a_recipe_asks_for_it():
    data = loading.load(DataRecipe(source="digits", per_class=20))
    np.testing.assert_array_equal(np.bincount(data.labels), [20] * 10)
