"""Runs on several virtual devices, and the same on one.

    python devices_beside_one.py DEVICES OUT NAME SETTING,SETTING,... NAME SETTING,...

OUT/NAME/several and OUT/NAME/one are their folders.
"""

import sys
from pathlib import Path

from tssd_keras.recipe.recipe import DEFAULT
from tssd_keras.recipe.toml import parse_recipe
from tssd_keras.run import experiment
from tssd_keras.train import devices

n, out, *kinds = sys.argv[1:]
for where, chosen in (("several", n), ("one", None)):  # virtual devices are made before Keras runs
    for kind, settings in zip(kinds[::2], kinds[1::2], strict=True):
        place = Path(out, kind, where)
        recipe = parse_recipe(DEFAULT, settings.split(","))
        with devices.chosen(chosen):
            experiment.run(recipe, out=place, say=lambda line: None)
