"""Train Keras classifiers on wrong labels: Two-Stream Sample Distillation (TSSD).

The names below are loaded when they are first used, so that importing the
package loads neither Keras nor a backend.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tssd_keras.callback import TSSD
    from tssd_keras.dataset_reading import from_dataset
    from tssd_keras.device_inputs import DeviceInputs
    from tssd_keras.golden import Golden
    from tssd_keras.outputs_audit import LabelAudit, audit
    from tssd_keras.recipe import DivideRecipe, PurifyRecipe, Recipe
    from tssd_keras.recipe_file import load_recipe
    from tssd_keras.table import SampleTable

_HOMES = {
    "TSSD": "callback",
    "DeviceInputs": "device_inputs",
    "DivideRecipe": "recipe",
    "Golden": "golden",
    "LabelAudit": "outputs_audit",
    "PurifyRecipe": "recipe",
    "Recipe": "recipe",
    "SampleTable": "table",
    "audit": "outputs_audit",
    "from_dataset": "dataset_reading",
    "load_recipe": "recipe_file",
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
