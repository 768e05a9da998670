"""Where TFDS data sets are looked for."""

from __future__ import annotations

import os
from pathlib import Path

from tssd_keras.recipe.data_sections import DataRecipe


def default_data_dir(recipe: DataRecipe) -> Path:
    """data.data_dir, else TFDS_DATA_DIR, else data/tfds in the working folder."""
    return Path(recipe.data_dir or os.environ.get("TFDS_DATA_DIR") or "data/tfds").expanduser()
