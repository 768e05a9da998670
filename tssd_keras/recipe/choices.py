"""The names that a recipe can choose from, and the largest image.

The modules that carry a choice out stand below this one; tests/recipe/test_choices.py holds both
together.
"""

from __future__ import annotations

SOURCES = ("clothing1m", "digits", "folder", "npz", "table", "tfds", "tiny_imagenet")
MATRIX_NOISES = ("none", "symmetric", "asymmetric", "pair", "matrix")  # by a transition matrix
NOISES = (*MATRIX_NOISES, "instance", "file")
LOOK_ALIKES = ("cifar10", "cifar100", "digits", "fashion_mnist", "tiny_imagenet")  # asymmetric
ORDERS = ("source", "id")
GOLDEN_SOURCES = ("trusted", "certain", "none")
PADDINGS = ("zero", "reflect")
MODELS = ("mlp", "preact_resnet18", "preact_resnet34", "resnet50", "small_cnn", "wide_resnet16")
OBJECTIVES = ("mixmatch", "plain", "weighted")
STREAMS = ("loss", "feature")
PLACES = ("neighbours", "class_means")
REJECTED = ("auto", "nothing", "q")
REACHES = ("auto", "uncertain", "all")
OPTIMIZERS = ("adam", "sgd")
SCHEDULES = ("constant", "cosine", "step")
PRECISIONS = ("float32", "bfloat16", "float64")
MAX_PIXELS = 64_000_000  # 192 MB when decoded; a larger image is taken for a mistake
