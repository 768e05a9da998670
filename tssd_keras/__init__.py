"""Train Keras classifiers on wrong labels: Two-Stream Sample Distillation (TSSD).

The names below are loaded when they are first used, so that importing the
package loads neither Keras nor a backend.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tssd_keras.auditing.outputs import LabelAudit, audit
    from tssd_keras.data.from_dataset import from_dataset
    from tssd_keras.judge.table import SampleTable
    from tssd_keras.labels.golden import Golden
    from tssd_keras.recipe.method_sections import DivideRecipe, PurifyRecipe
    from tssd_keras.recipe.recipe import Recipe
    from tssd_keras.recipe.toml import load_recipe
    from tssd_keras.train.callback import TSSD
    from tssd_keras.train.device_inputs import DeviceInputs

_HOMES = {
    "TSSD": "train.callback",
    "DeviceInputs": "train.device_inputs",
    "DivideRecipe": "recipe.method_sections",
    "Golden": "labels.golden",
    "LabelAudit": "auditing.outputs",
    "PurifyRecipe": "recipe.method_sections",
    "Recipe": "recipe.recipe",
    "SampleTable": "judge.table",
    "audit": "auditing.outputs",
    "from_dataset": "data.from_dataset",
    "load_recipe": "recipe.toml",
}

__all__ = [
    "TSSD",
    "DeviceInputs",
    "DivideRecipe",
    "Golden",
    "LabelAudit",
    "PurifyRecipe",
    "Recipe",
    "SampleTable",
    "audit",
    "from_dataset",
    "load_recipe",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
