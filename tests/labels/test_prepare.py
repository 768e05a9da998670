import dataclasses

import numpy as np
import pytest

from tssd_keras.data.inputs import ArrayInputs
from tssd_keras.data.sources import digits
from tssd_keras.labels.prepare import prepare
from tssd_keras.recipe.data_sections import DataRecipe, GoldenRecipe, NoiseRecipe
from tssd_keras.recipe.method_sections import ObjectiveRecipe, TrainRecipe
from tssd_keras.recipe.recipe import Recipe
from tssd_keras.run.describe import describe

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
    assert found.evaluated_on == "validation"
    held_out = np.setdiff1d(np.arange(N), np.union1d(found.stream, found.golden_index))
    assert len(held_out) == len(found.eval_labels) > 300
    np.testing.assert_array_equal(found.eval_labels, DIGITS.labels[held_out])


def test_validation_takes_a_share_of_a_rare_class_too():
    count = np.bincount(DIGITS.labels)
    few = np.flatnonzero(DIGITS.labels == 8)[11:]  # eleven of the class stay
    stays = np.setdiff1d(np.arange(N), few)
    columns = {
        name: column[stays]
        for name in ("labels", "true_labels", "ids", "digests")
        if (column := getattr(DIGITS, name)) is not None
    }
    inputs = ArrayInputs(DIGITS.inputs.read(stays))
    rare = dataclasses.replace(DIGITS, inputs=inputs, **columns)
    settings = recipe(data=DataRecipe(validation_share=0.2), golden=GoldenRecipe(per_class=3))
    held_out = np.bincount(prepare(settings, rare).eval_labels)
    assert held_out[8] == 2
    np.testing.assert_array_equal(np.delete(held_out, 8), np.delete((0.2 * count).astype(int), 8))


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
        np.testing.assert_array_equal(found.eval_labels, DIGITS.test_labels)
        assert (found.given != DIGITS.labels).mean() > 0.4


def ids_of(tmp_path, index):
    (tmp_path / "golden.txt").write_text("".join(f"d{i}\n" for i in index))
    return GoldenRecipe(ids=str(tmp_path / "golden.txt"))


NAMED = dataclasses.replace(DIGITS, ids=np.array([f"d{i}" for i in range(N)]))


def test_too_few_golden_samples_are_refused_with_their_class(tmp_path):
    of_one_class = np.flatnonzero(DIGITS.labels == 3)[:20]
    golden = ids_of(tmp_path, of_one_class)
    with pytest.raises(
        ValueError, match=r"9 of 10 classes have fewer, .* class 0 \('0'\) with 0 of"
    ):
        prepare(recipe(golden=golden), NAMED)
    plain = recipe(golden=golden, objective=ObjectiveRecipe(kind="plain"))
    assert len(prepare(plain, NAMED).golden_index) == 20  # nothing is learned from them


def test_a_class_that_a_label_file_lacks_is_refused(tmp_path):
    np.save(tmp_path / "l.npy", np.where(DIGITS.labels == 7, 1, DIGITS.labels))
    noise = NoiseRecipe(kind="file", labels=str(tmp_path / "l.npy"))
    with pytest.raises(ValueError, match=r"occur among the labels of .*l\.npy: 1 of 10 .* class 7"):
        prepare(recipe(noise=noise), DIGITS)
    labels = np.where(DIGITS.labels == 7, 1, DIGITS.labels)
    labels[42] = 7
    np.save(tmp_path / "l.npy", labels)
    with pytest.raises(
        ValueError, match=r"at least 2 training samples .*class 7 .* sample d42 alo"
    ):
        prepare(recipe(noise=noise), NAMED)


def test_a_class_that_a_matrix_maps_away_is_refused():
    matrix = np.eye(10)
    matrix[7] = matrix[1]
    noise = NoiseRecipe(kind="matrix", matrix=tuple(map(tuple, matrix.tolist())))
    with pytest.raises(ValueError, match=r'noise\.kind = "matrix": 1 of 10 do not.* class 7'):
        prepare(recipe(noise=noise), DIGITS)


def test_a_class_that_golden_samples_leave_without_any_is_refused(tmp_path):
    two = [np.flatnonzero(DIGITS.labels == k)[:2] for k in range(9)]
    golden = ids_of(tmp_path, np.concatenate([*two, np.flatnonzero(DIGITS.labels == 9)]))
    with pytest.raises(
        ValueError, match=r"once \d+ golden and 0 validation .* class 9 \('9'\)\. Add"
    ):
        prepare(recipe(golden=golden, noise=NoiseRecipe(kind="none")), NAMED)


def test_no_golden_sample_equals_a_validation_sample(tmp_path):
    pixels = DIGITS.inputs.read(np.arange(N))
    pixels[1::2] = pixels[: N - 1 : 2]  # every sample has a twin
    twins = dataclasses.replace(NAMED, inputs=ArrayInputs(pixels))
    marked = ids_of(
        tmp_path, np.concatenate([np.flatnonzero(DIGITS.labels == k)[:9] for k in range(10)])
    )
    for golden in (marked, GoldenRecipe(per_class=9)):
        found = prepare(recipe(data=DataRecipe(validation_share=0.2), golden=golden), twins)
        assert len(found.golden_index) == 90
        held_out = np.setdiff1d(np.arange(N), np.union1d(found.stream, found.golden_index))
        assert len(held_out) > 200
        assert not np.isin(found.golden_index // 2, held_out // 2).any()


def test_trusted_samples_that_test_holds_too_are_counted_where_others_are_drawn():
    trusted = np.zeros(N, bool)
    trusted[:300] = True
    data = dataclasses.replace(with_twins(), trusted=trusted, ids=NAMED.ids)
    with pytest.raises(ValueError, match=r"1 of 300 are equal to a test sample .* the first d0\."):
        prepare(recipe(), data)
    settings = recipe(golden=GoldenRecipe(at_most_per_class=5))
    found = prepare(settings, data)
    assert "1 trusted samples equal a test sample byte by byte and are not drawn, the first d0" in (
        describe(settings, found)
    )


def test_where_nobody_looked_for_equal_samples_it_is_said():
    class Elsewhere:
        """Samples that do not lie in memory, as images that are neither checked nor cached."""

        def __init__(self, inputs):
            self.shape, self.dtype, self.read = inputs.shape, inputs.dtype, inputs.read

        def __len__(self):
            return self.shape[0]

    data = dataclasses.replace(DIGITS, inputs=Elsewhere(DIGITS.inputs))
    assert "golden samples may be test samples too" in describe(recipe(), prepare(recipe(), data))


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


def test_golden_samples_that_were_chosen_by_their_labels_are_no_random_pairs(tmp_path):
    assert prepare(recipe(), DIGITS).golden.at_random.all()
    marked = ids_of(
        tmp_path, np.concatenate([np.flatnonzero(DIGITS.labels == k)[:9] for k in range(10)])
    )
    assert not prepare(recipe(golden=marked), NAMED).golden.at_random.any()
    truth = np.where(np.arange(N) < 300, DIGITS.labels, -1)  # known in part, nobody can say why
    in_part = dataclasses.replace(DIGITS, true_labels=truth)
    assert not prepare(recipe(), in_part).golden.at_random.any()
