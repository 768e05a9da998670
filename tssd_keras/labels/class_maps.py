"""The class that each class is mistaken for: published asymmetric noise of each data set.

Sources: Patrini et al., arXiv 1609.03683 (CIFAR-10, MNIST's pairs for digits, and the next class
within the superclass for CIFAR-100). Tiny-ImageNet takes the next class in sorted wnid order.
Fashion-MNIST's pairs are ours, of garments that look alike.
"""

from __future__ import annotations

import numpy as np

CIFAR10 = {
    "truck": "automobile",
    "bird": "airplane",
    "deer": "horse",
    "cat": "dog",
    "dog": "cat",
}

# By label: 0 T-shirt, 1 trouser, 2 pullover, 3 dress, 4 coat, 5 sandal, 6 shirt, 7 sneaker,
# 8 bag (stays), 9 ankle boot.
FASHION_MNIST = {0: 6, 6: 0, 2: 4, 4: 2, 1: 3, 3: 1, 5: 7, 7: 5, 9: 7}

DIGITS = {2: 7, 3: 8, 5: 6, 6: 5, 7: 1}

CIFAR100_SUPERCLASSES = (
    ("beaver", "dolphin", "otter", "seal", "whale"),
    ("aquarium_fish", "flatfish", "ray", "shark", "trout"),
    ("orchid", "poppy", "rose", "sunflower", "tulip"),
    ("bottle", "bowl", "can", "cup", "plate"),
    ("apple", "mushroom", "orange", "pear", "sweet_pepper"),
    ("clock", "keyboard", "lamp", "telephone", "television"),
    ("bed", "chair", "couch", "table", "wardrobe"),
    ("bee", "beetle", "butterfly", "caterpillar", "cockroach"),
    ("bear", "leopard", "lion", "tiger", "wolf"),
    ("bridge", "castle", "house", "road", "skyscraper"),
    ("cloud", "forest", "mountain", "plain", "sea"),
    ("camel", "cattle", "chimpanzee", "elephant", "kangaroo"),
    ("fox", "porcupine", "possum", "raccoon", "skunk"),
    ("crab", "lobster", "snail", "spider", "worm"),
    ("baby", "boy", "girl", "man", "woman"),
    ("crocodile", "dinosaur", "lizard", "snake", "turtle"),
    ("hamster", "mouse", "rabbit", "shrew", "squirrel"),
    ("maple_tree", "oak_tree", "palm_tree", "pine_tree", "willow_tree"),
    ("bicycle", "bus", "motorcycle", "pickup_truck", "train"),
    ("lawn_mower", "rocket", "streetcar", "tank", "tractor"),
)


def _by_name(pairs: dict[str, str], class_names: tuple[str, ...]) -> np.ndarray:
    index = {name: i for i, name in enumerate(class_names)}
    missing = sorted({*pairs, *pairs.values()} - index.keys())
    if missing:
        raise ValueError(
            f"this asymmetric noise needs the classes {', '.join(missing)}, which are not among "
            f'the {len(class_names)} of the data. Try noise.kind = "pair" or "matrix".'
        )
    target = np.arange(len(class_names))
    for source, to in pairs.items():
        target[index[source]] = index[to]
    return target


def _cifar10(class_names: tuple[str, ...]) -> np.ndarray:
    return _by_name(CIFAR10, class_names)


def _cifar100(class_names: tuple[str, ...]) -> np.ndarray:
    rings = {a: b for group in CIFAR100_SUPERCLASSES for a, b in zip(group, group[1:] + group[:1])}
    return _by_name(rings, class_names)


def _fashion_mnist(class_names: tuple[str, ...]) -> np.ndarray:
    return _by_label(FASHION_MNIST, class_names, "Fashion-MNIST has 10 classes")


def _digits(class_names: tuple[str, ...]) -> np.ndarray:
    return _by_label(DIGITS, class_names, "there are 10 digits")


def _by_label(pairs: dict[int, int], class_names: tuple[str, ...], ten: str) -> np.ndarray:
    if len(class_names) != 10:
        raise ValueError(f"{ten}, the data have {len(class_names)}.")
    target = np.arange(10)
    target[list(pairs)] = list(pairs.values())
    return target


def _next_name(class_names: tuple[str, ...]) -> np.ndarray:
    order = np.argsort(np.asarray(class_names), kind="stable")
    target = np.empty(len(order), np.int64)
    target[order] = np.roll(order, -1)
    return target


ASYMMETRIC_MAPS = {
    "cifar10": _cifar10,
    "cifar100": _cifar100,
    "digits": _digits,
    "fashion_mnist": _fashion_mnist,
    "tiny_imagenet": _next_name,
}


def asymmetric_map(dataset: str, class_names: tuple[str, ...]) -> np.ndarray:
    """The class each class is mistaken for.

    Args:
        dataset: one of `ASYMMETRIC_MAPS`.
        class_names: K names in label order.

    Returns:
        int64[K]; entry i is i itself where class i has no look-alike.

    Raises:
        ValueError: no map is known, or the data lack its classes.
    """
    if dataset not in ASYMMETRIC_MAPS:
        raise ValueError(
            f"asymmetric noise is defined for {', '.join(ASYMMETRIC_MAPS)}, got {dataset!r}. "
            'Try noise.kind = "pair" or "matrix".'
        )
    return ASYMMETRIC_MAPS[dataset](class_names)
