"""Two updates on several virtual devices, and on one: prints how far each objective's are apart.

    python updates_beside_one.py DEVICES [PRECISION]

A line an objective: its name, the largest difference of a loss, and of a variable.
"""

import sys

import keras
import numpy as np

from tssd_keras import models
from tssd_keras.train import devices
from tssd_keras.train.augment import Augment
from tssd_keras.train.steps import accuracy, mixmatch_step, weighted_step

N = 64
# Of small_cnn under "weighted" on TensorFlow one of three batches left variables 1e-3 apart, the
# others 7e-7 and 2e-5: rounding that carried a ReLU over its kink, as it seems.
NETWORKS = {"weighted": "mlp", "mixmatch": "small_cnn"}
PRECISION = sys.argv[2] if len(sys.argv) > 2 else "float32"
if PRECISION == "float64" and keras.backend.backend() == "jax":
    NETWORKS["mixmatch"] = "mlp"  # Keras' batch normalisation computes in float32 there


def batch():
    """x, y, and weights of two networks."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 255, (N, 8, 8, 1), dtype=np.uint8)
    weight = rng.random((N, 2)) * (rng.random((N, 2)) < 0.6)
    return x, rng.integers(0, 10, N), weight.astype("float32")


def updated(objective, chosen):
    """Losses and variables of two networks after two updates."""
    with devices.chosen(chosen), devices.made_here():
        networks = [
            models.build(
                NETWORKS[objective], (8, 8, 1), "uint8", 10, width=4, seed=i, precision=PRECISION
            )
            for i in range(2)
        ]
        for network in networks:
            devices.normalise_together(network, on=True)
        settings = {"weight_decay": 0.02, "ema": 0.9, "seed": 1, "augment": Augment(crop=1)}
        if objective == "mixmatch":
            step = mixmatch_step(networks, **settings)
            step.warming_up = False
            step.lambda_u.assign(5.0)
        else:
            step = weighted_step(networks, **settings)
        step.compile(keras.optimizers.SGD(0.02, momentum=0.9), weighted_metrics=[accuracy()])
        x, y, weight = batch()
        fitted = step.fit(
            x, y, sample_weight=weight, batch_size=N, epochs=2, shuffle=False, verbose=0
        )
        values = [keras.ops.convert_to_numpy(v).astype("float64") for v in step.variables]
    return np.array(fitted.history["loss"]), values


for name in NETWORKS:
    several, one = updated(name, sys.argv[1]), updated(name, None)
    apart = max(np.abs(a - b).max() for a, b in zip(several[1], one[1], strict=True))
    print(name, np.abs(several[0] / one[0] - 1).max(), apart, flush=True)
