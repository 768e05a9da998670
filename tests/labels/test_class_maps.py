import numpy as np
import pytest

from tssd_keras.labels.class_maps import ASYMMETRIC_MAPS, CIFAR100_SUPERCLASSES, asymmetric_map

pytestmark = pytest.mark.backend_free

CIFAR10 = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
CIFAR100 = tuple(sorted(name for group in CIFAR100_SUPERCLASSES for name in group))
# The coarse label of each fine label, as in the files of CIFAR-100.
CIFAR100_COARSE = (
    *(4, 1, 14, 8, 0, 6, 7, 7, 18, 3, 3, 14, 9, 18, 7, 11, 3, 9, 7, 11, 6, 11, 5, 10, 7),
    *(6, 13, 15, 3, 15, 0, 11, 1, 10, 12, 14, 16, 9, 11, 5, 5, 19, 8, 8, 15, 13, 14, 17, 18, 10),
    *(16, 4, 17, 4, 2, 0, 17, 4, 18, 17, 10, 3, 2, 12, 12, 16, 12, 1, 9, 19, 2, 10, 0, 1, 16),
    *(12, 9, 13, 15, 13, 16, 19, 2, 4, 6, 19, 5, 5, 8, 19, 18, 1, 2, 15, 6, 0, 17, 8, 14, 13),
)


def test_cifar10_is_truck_to_automobile_bird_to_airplane_deer_to_horse_cat_and_dog_swapped():
    assert asymmetric_map("cifar10", CIFAR10).tolist() == [0, 1, 0, 5, 7, 3, 6, 7, 8, 1]


def test_cifar100_is_the_next_fine_label_of_the_same_coarse_label():
    rings = [np.flatnonzero(np.equal(CIFAR100_COARSE, coarse)) for coarse in range(20)]
    expected = np.empty(100, int)
    for ring in rings:
        expected[ring] = np.roll(ring, -1)
    np.testing.assert_array_equal(asymmetric_map("cifar100", CIFAR100), expected)


def test_fashion_mnist_swaps_four_pairs_and_takes_ankle_boots_for_sneakers():
    expected = [6, 3, 4, 1, 2, 7, 0, 5, 8, 7]
    assert asymmetric_map("fashion_mnist", tuple("abcdefghij")).tolist() == expected


def test_tiny_imagenet_is_the_next_wnid_in_sorted_order():
    assert asymmetric_map("tiny_imagenet", ("n03", "n01", "n04", "n02")).tolist() == [2, 3, 1, 0]


@pytest.mark.parametrize(
    ("dataset", "names"),
    [("cifar10", CIFAR10), ("cifar100", CIFAR100), ("tiny_imagenet", CIFAR10)],
)
def test_a_map_by_name_follows_its_classes_when_they_are_renumbered(dataset, names):
    order = np.random.default_rng(0).permutation(len(names))
    renumbered = asymmetric_map(dataset, tuple(names[i] for i in order))
    np.testing.assert_array_equal(order[renumbered], asymmetric_map(dataset, names)[order])


def test_missing_classes_are_named():
    with pytest.raises(ValueError, match="classes cat, truck, which are not among the 8 of"):
        asymmetric_map("cifar10", tuple(set(CIFAR10) - {"cat", "truck"}))


def test_fashion_mnist_with_another_number_of_classes_is_refused():
    with pytest.raises(ValueError, match="10 classes, the data have 3"):
        asymmetric_map("fashion_mnist", ("a", "b", "c"))


def test_an_unknown_data_set_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=f"{', '.join(ASYMMETRIC_MAPS)}, got 'mnist'"):
        asymmetric_map("mnist", tuple("0123456789"))


def test_digits_are_mistaken_as_in_the_paper():
    found = asymmetric_map("digits", tuple("0123456789"))
    assert {i: int(j) for i, j in enumerate(found) if i != j} == {2: 7, 3: 8, 5: 6, 6: 5, 7: 1}
    with pytest.raises(ValueError, match="10 digits, the data have 3"):
        asymmetric_map("digits", tuple("012"))
