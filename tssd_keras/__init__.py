"""Train Keras classifiers on wrong labels: Two-Stream Sample Distillation (TSSD).

The names below are loaded when they are first used, so that importing the
package loads neither Keras nor a backend.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tssd_keras.auditing.label_audit import LabelAudit
    from tssd_keras.auditing.outputs import audit
    from tssd_keras.data.from_dataset import from_dataset
    from tssd_keras.data.sources.directory import ImageFolder, from_directory
    from tssd_keras.judge.record import RoundRecord
    from tssd_keras.judge.table import SampleTable
    from tssd_keras.labels.golden import Golden
    from tssd_keras.labels.known import Labels
    from tssd_keras.recipe.method_sections import DivideRecipe, PurifyRecipe
    from tssd_keras.recipe.recipe import Recipe
    from tssd_keras.recipe.toml import load_recipe
    from tssd_keras.train.callback import TSSD
    from tssd_keras.train.classifier import TSSDClassifier
    from tssd_keras.train.device_inputs import DeviceInputs
    from tssd_keras.train.settings import Drawing, Scoring

_HOMES = {
    "TSSD": "train.callback",
    "TSSDClassifier": "train.classifier",
    "DeviceInputs": "train.device_inputs",
    "DivideRecipe": "recipe.method_sections",
    "Drawing": "train.settings",
    "Golden": "labels.golden",
    "ImageFolder": "data.sources.directory",
    "LabelAudit": "auditing.label_audit",
    "Labels": "labels.known",
    "PurifyRecipe": "recipe.method_sections",
    "Recipe": "recipe.recipe",
    "RoundRecord": "judge.record",
    "SampleTable": "judge.table",
    "Scoring": "train.settings",
    "audit": "auditing.outputs",
    "from_dataset": "data.from_dataset",
    "from_directory": "data.sources.directory",
    "load_recipe": "recipe.toml",
}

__all__ = [
    "TSSD",
    "DeviceInputs",
    "DivideRecipe",
    "Drawing",
    "Golden",
    "ImageFolder",
    "LabelAudit",
    "Labels",
    "PurifyRecipe",
    "Recipe",
    "RoundRecord",
    "SampleTable",
    "Scoring",
    "TSSDClassifier",
    "audit",
    "from_dataset",
    "from_directory",
    "load_recipe",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version  # setup.cfg is the one place that has it

        return version(__name__)
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
