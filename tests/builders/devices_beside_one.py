"""One recipe on several virtual devices, and the same on one.

    python devices_beside_one.py DEVICES OUT SETTING SETTING ...

OUT/several and OUT/one are the run folders.
"""

import sys
from pathlib import Path

from tssd_keras.recipe.recipe import DEFAULT
from tssd_keras.recipe.toml import parse_recipe
from tssd_keras.run import experiment
from tssd_keras.train import devices

n, out, *settings = sys.argv[1:]
recipe = parse_recipe(DEFAULT, settings)
for name, chosen in (("several", n), ("one", None)):  # virtual devices are made before Keras runs
    with devices.chosen(chosen):
        experiment.run(recipe, out=Path(out, name), say=lambda line: None)
