import dataclasses

import numpy as np
import pytest

from tssd_keras.describe import describe
from tssd_keras.inputs import ArrayInputs
from tssd_keras.prepare import prepare
from tssd_keras.recipe import DataRecipe, GoldenRecipe, NoiseRecipe, Recipe, TrainRecipe
from tssd_keras.sources import digits

pytestmark = pytest.mark.backend_free

DIGITS = digits.load(DataRecipe())
N = len(DIGITS.labels)


def recipe(**sections):
    return dataclasses.replace(Recipe(), **sections)


def with_twins():
    """Training sample 0 is also a test sample; 5 is sample 7 once more."""
    pixels, test = DIGITS.inputs.read(np.arange(N)), DIGITS.test_inputs.read(np.arange(360))
    pixels[0], pixels[5] = test[11], pixels[7]
    return dataclasses.replace(DIGITS, inputs=ArrayInputs(pixels))


def test_equal_samples_are_found_under_the_labels_that_are_trained_on():
    found = prepare(recipe(), with_twins())
    assert found.duplicates.n_train_in_test == 1
    assert found.duplicates.n_train_copies == 2
    different = found.given[5] != found.given[7]
    assert found.duplicates.n_conflicting == (2 if different else 0)
    text = describe(recipe(), found)
    assert "equal samples: 1 training samples equal a test sample" in text


def test_nobody_looks_for_equal_samples_when_told_so():
    found = prepare(recipe(data=DataRecipe(find_duplicates=False)), with_twins())
    assert found.duplicates is None


def test_samples_that_all_differ_are_not_spoken_of():
    found = prepare(recipe(), DIGITS)
    assert len(found.duplicates) == 0
    assert "equal samples" not in describe(recipe(), found)


def test_golden_samples_that_are_drawn_are_not_test_samples():
    for seed in range(30):
        settings = recipe(golden=GoldenRecipe(per_class=40, seed=seed))
        assert 0 not in prepare(settings, with_twins()).golden_index


def test_validation_leaves_marked_samples_alone():
    trusted = np.zeros(N, bool)
    trusted[:200] = True
    data = dataclasses.replace(DIGITS, trusted=trusted)
    found = prepare(recipe(data=DataRecipe(validation_share=0.3)), data)
    assert found.golden_index.tolist() == list(range(200))
    assert found.judged_on == "validation"
    held_out = np.setdiff1d(np.arange(N), np.union1d(found.stream, found.golden_index))
    assert len(held_out) == len(found.judge_labels) > 300
    np.testing.assert_array_equal(found.judge_labels, DIGITS.labels[held_out])


def test_truth_that_is_known_in_part_gives_the_rate_of_that_part():
    truth = np.where(np.arange(N) < 300, DIGITS.labels, -1)
    truth[:30] = (truth[:30] + 1) % 10
    data = dataclasses.replace(DIGITS, true_labels=truth)
    found = prepare(recipe(), data)
    assert found.effective_noise_rate == pytest.approx(0.1)
    assert found.golden_index.max() < 300
    np.testing.assert_array_equal(found.golden.labels, truth[found.golden_index])
    assert "10.00% of the 300 whose true label is known" in describe(recipe(), found)


def test_test_labels_are_never_changed():
    for kind in ("symmetric", "pair", "instance"):
        found = prepare(recipe(noise=NoiseRecipe(kind=kind, rate=0.5)), DIGITS)
        np.testing.assert_array_equal(found.judge_labels, DIGITS.test_labels)
        assert (found.given != DIGITS.labels).mean() > 0.4


def test_a_draw_too_small_for_the_classes_is_refused_before_anything_is_made():
    train = TrainRecipe(balanced_batches=1, batch_size=16)
    with pytest.raises(ValueError, match=r"2 samples of each of 10 .*balanced_batches = 2 or more"):
        prepare(recipe(train=train), DIGITS)


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        ({"data": DataRecipe(test_share=0.2)}, "data.test_share (the data have a test split)"),
        ({"data": DataRecipe(split_seed=1)}, "data.split_seed (nothing is held out)"),
        ({"data": DataRecipe(split_seed=1, validation_share=0.1)}, None),
        ({"golden": GoldenRecipe(at_most_per_class=3)}, "golden.at_most_per_class (no samples are"),
        ({}, None),
    ],
)
def test_settings_without_effect_on_these_data_are_told(sections, told):
    text = describe(recipe(**sections), prepare(recipe(**sections), DIGITS))
    assert text.count("without effect here: ") == (told is not None)
    assert told is None or f"without effect here: {told}" in text
