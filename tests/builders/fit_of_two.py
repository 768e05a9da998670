"""Two processes on loopback train with TSSD, on other data in each; they must not wait for ever.

python fit_of_two.py PORT PROCESS samples|golden|settings|seed|state|batches
"""

import os
import sys

import keras
import numpy as np

from tssd_keras import TSSD, Drawing
from tssd_keras.recipe.method_sections import DivideRecipe
from tssd_keras.train import devices

N, K = 400, 4


def main():
    port, process, other = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    several = {"JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{port}", "JAX_NUM_PROCESSES": "2"}
    os.environ |= {**several, "JAX_PROCESS_ID": str(process)}
    rng = np.random.default_rng(0)
    x, y = rng.random((N, 6), np.float32), rng.integers(0, K, N)
    golden = rng.random((20, 6), np.float32), np.arange(20) % K
    if process == 1 and other == "samples":
        x, y = x[:-40], y[:-40]
    if process == 1 and other == "golden":
        golden = tuple(part[:-4] for part in golden)
    with devices.chosen("all"), devices.made_here():
        dense = [keras.layers.Dense(n, kernel_initializer="zeros") for n in (8, K)]
        model = keras.Sequential([keras.layers.Input((6,)), *dense])
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        own = process if other == "seed" else 0
        divide = DivideRecipe(place_every=2 if process and other == "settings" else 1)
        tssd = TSSD(x, y, golden=golden, drawing=Drawing(seed=own), divide=divide)
        if process and other == "state":
            tssd.set_state(tssd.get_state() | {"epochs": np.array(3)})
        size = 20 if process and other == "batches" else 40
        model.fit(tssd.feed(size), epochs=2, callbacks=[tssd], shuffle=False, verbose=0)


if __name__ == "__main__":
    main()
