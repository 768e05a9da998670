"""Makes step_curve.npz: 20 steps of weighted training, worked out in NumPy in float64.

    python tests/reference/make_step_curve.py

Independent of Keras: forward pass, slopes, momentum, L2 penalty and BatchNorm
statistics are written out by hand for dense -> BatchNorm -> ReLU -> dense.
tests/test_steps.py holds every backend against it.
"""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

STEPS, BATCH, HIDDEN, CLASSES = 20, 32, 24, 10
LEARNING_RATE, MOMENTUM, WEIGHT_DECAY = 0.05, 0.9, 1e-3
BN_MOMENTUM, BN_EPSILON = 0.9, 1e-5


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def main():
    rng = np.random.default_rng(0)
    digits = load_digits()
    x = digits.data[: STEPS * BATCH] / 16.0
    y = digits.target[: STEPS * BATCH].astype(np.int64)
    weight = rng.random(STEPS * BATCH) * (rng.random(STEPS * BATCH) > 0.3)
    x, weight = x.astype(np.float32), weight.astype(np.float32)
    w1 = rng.normal(0, 0.2, (64, HIDDEN)).astype(np.float32)
    gamma = rng.uniform(0.5, 1.5, HIDDEN).astype(np.float32)
    beta = rng.normal(0, 0.1, HIDDEN).astype(np.float32)
    w2 = rng.normal(0, 0.3, (HIDDEN, CLASSES)).astype(np.float32)
    b2 = np.zeros(CLASSES, np.float32)
    initial = [w1, gamma, beta, w2, b2]

    parameters = [p.astype(np.float64) for p in initial]
    velocity = [np.zeros_like(p) for p in parameters]
    moving_mean, moving_variance = np.zeros(HIDDEN), np.ones(HIDDEN)
    losses = []
    for step in range(STEPS):
        rows = slice(step * BATCH, (step + 1) * BATCH)
        xb, yb, wb = x[rows].astype(np.float64), y[rows], weight[rows].astype(np.float64)
        w1, gamma, beta, w2, b2 = parameters
        h = xb @ w1
        mean, variance = h.mean(axis=0), h.var(axis=0)
        deviation = np.sqrt(variance + BN_EPSILON)
        normed = (h - mean) / deviation
        scaled = gamma * normed + beta
        a = np.maximum(scaled, 0)
        p = softmax(a @ w2 + b2)
        losses.append(-(wb * np.log(p[np.arange(BATCH), yb])).sum() / wb.sum())

        d_logits = p.copy()
        d_logits[np.arange(BATCH), yb] -= 1
        d_logits *= (wb / wb.sum())[:, None]
        d_scaled = (d_logits @ w2.T) * (scaled > 0)
        d_normed = d_scaled * gamma
        d_h = (
            d_normed - d_normed.mean(axis=0) - normed * (d_normed * normed).mean(axis=0)
        ) / deviation
        slopes = [
            xb.T @ d_h,
            (d_scaled * normed).sum(axis=0),
            d_scaled.sum(axis=0),
            a.T @ d_logits,
            d_logits.sum(axis=0),
        ]
        for i, slope in enumerate(slopes):
            slope = slope + WEIGHT_DECAY * parameters[i]
            velocity[i] = MOMENTUM * velocity[i] - LEARNING_RATE * slope
            parameters[i] = parameters[i] + velocity[i]
        moving_mean = BN_MOMENTUM * moving_mean + (1 - BN_MOMENTUM) * mean
        moving_variance = BN_MOMENTUM * moving_variance + (1 - BN_MOMENTUM) * variance

    names = ("w1", "gamma", "beta", "w2", "b2")
    np.savez_compressed(
        Path(__file__).with_name("step_curve.npz"),
        x=x,
        y=y,
        weight=weight,
        loss=np.array(losses),
        moving_mean=moving_mean,
        moving_variance=moving_variance,
        **{f"initial_{n}": v for n, v in zip(names, initial, strict=True)},
        **{f"final_{n}": v for n, v in zip(names, parameters, strict=True)},
        **{f"velocity_{n}": v for n, v in zip(names, velocity, strict=True)},
    )
    print("loss, first and last step:", losses[0], losses[-1])


if __name__ == "__main__":
    main()
