"""The semi-supervised objective of MixMatch and DivideMix, in keras.ops: one copy for all backends.

Samples of weight 0 are unlabelled: their targets are guessed. Random numbers are
arguments, so that backends can be compared. Where a network gives float64, what is called float32
here is that, but for random numbers. Source: Berthelot et al., "MixMatch",
arXiv 1905.02249; Li, Socher and Hoi, "DivideMix", arXiv 2002.07394.
"""

from __future__ import annotations

import math

from keras import ops

# The weight of the unlabelled loss at noise of 0.45 and more: DivideMix, table 6, has 25 for
# CIFAR-10 and 150 for CIFAR-100; 10^0.75 is 5.6, near their ratio of 6. It has 0 up to 0.2.
FULL_LAMBDA_U, FULL_LAMBDA_U_CLASSES, LAMBDA_U_POWER = 25.0, 10, 0.75
NOISE_WITHOUT_LAMBDA_U, NOISE_UP_TO_FULL = 0.2, 0.25  # 0 up to the first; full that much later


def sharpen(p, temperature: float):
    """p^(1/T), brought back to sum 1: float32[n, K] -> float32[n, K]. T below 1 sharpens.

    Source: MixMatch, equation 7.
    """
    log_p = ops.log(ops.maximum(p, 1e-12)) / temperature
    return ops.softmax(log_p, axis=-1)


def targets(labels, weight, guess, temperature: float):
    """Targets: the given label as far as it is trusted, and the guess for the rest.

    Args:
        labels: int[n], given.
        weight: float[n] in [0, 1], probability that the given label is right; 0: unlabelled.
        guess: float32[n, K], probabilities.
        temperature: of `sharpen`.

    Returns:
        float32[n, K], sharpened weight * onehot(label) + (1 - weight) * guess.

    Source: DivideMix, equations 3 to 5.
    """
    weight = ops.cast(weight, guess.dtype)[:, None]
    given = ops.one_hot(labels, guess.shape[-1], dtype=guess.dtype)
    return sharpen(weight * given + (1 - weight) * guess, temperature)


def n_uniforms(alpha: float) -> int:
    """How many uniform numbers `mixup_lambda` takes.

    Raises:
        ValueError: alpha is neither a whole number nor 0.5.
    """
    if alpha == 0.5:
        return 1
    if alpha >= 1 and float(alpha).is_integer():
        return 2 * int(alpha) - 1
    raise ValueError(
        f"alpha must be 0.5 or a whole number from 1 on, got {alpha}: Beta(alpha, alpha) is drawn "
        "from uniform numbers, since TensorFlow's XLA has no gamma distribution."
    )


def mixup_lambda(uniforms, alpha: float):
    """lambda' = max(lambda, 1 - lambda), lambda ~ Beta(alpha, alpha): float32[...].

    Args:
        uniforms: float32[..., n_uniforms(alpha)] in [0, 1).
        alpha: 0.5, by the arcsine law; or whole, by the middle of 2 alpha - 1
            sorted uniform numbers. Both are exact.
    """
    if alpha == 0.5:
        drawn = ops.square(ops.sin(0.5 * math.pi * uniforms[..., 0]))
    else:
        drawn = ops.sort(uniforms, axis=-1)[..., int(alpha) - 1]
    return ops.maximum(drawn, 1 - drawn)


def mix(values, partner, share):
    """share * values + (1 - share) * values[partner], by row: float[n, ...], int[n] -> the same."""
    share = ops.cast(share, values.dtype)
    return share * values + (1 - share) * ops.take(values, partner, axis=0)


def supervised(log_p, target, labelled):
    """L_C, cross-entropy in nats, a mean over labelled rows; 0 without any: float32 scalar.

    Args:
        log_p: float32[n, K].
        target: float32[n, K].
        labelled: float32[n], 1 or 0.
    """
    each = -ops.sum(target * log_p, axis=-1)
    return ops.sum(labelled * each) / ops.maximum(ops.sum(labelled), 1.0)


def consistency(log_p, target, labelled):
    """L_U, squared difference meaned over classes and unlabelled rows; 0 without any.

    Args:
        log_p: float32[n, K].
        target: float32[n, K].
        labelled: float32[n], 1 or 0.
    """
    each = ops.mean(ops.square(ops.exp(log_p) - target), axis=-1)
    unlabelled = 1 - labelled
    return ops.sum(unlabelled * each) / ops.maximum(ops.sum(unlabelled), 1.0)


def share_divergence(log_p, class_shares):
    """L_reg, KL(class shares || mean prediction) in nats: a scalar.

    Args:
        log_p: float32[n, K].
        class_shares: float32[K] above 0, of sum 1; what the mean prediction should be.

    Source: DivideMix, equation 11, where every class has the same share.
    """
    mean = ops.maximum(ops.mean(ops.exp(log_p), axis=0), 1e-12)
    shares = ops.cast(class_shares, log_p.dtype)
    return ops.sum(shares * (ops.log(shares) - ops.log(mean)))


def negative_entropy(log_p):
    """Mean sum of p log p in nats: at most 0, lowest where the network is least sure.

    It joins the warm-up's loss under asymmetric noise and keeps the network from growing
    sure of wrong labels. Source: DivideMix, equation 12.
    """
    return ops.mean(ops.sum(ops.exp(log_p) * log_p, axis=-1))


def lambda_u_by_noise(noise_rate: float, n_classes: int) -> float:
    """A weight of the unlabelled loss for data with so many wrong labels.

    The published weights rise with the noise, here linearly from 0 at a rate of 0.2 to the
    full weight at 0.45. The full weight rises with the number of classes, since the loss is
    a mean over them. Two published weights do not fit: 50 at 0.81 of 10 classes (here 25),
    and 25 at 0.2 of 100 (here 0).

    Args:
        noise_rate: estimated share of wrong labels, in [0, 1].
        n_classes: K.

    Source:
        DivideMix, table 6, for its CIFAR-10 and CIFAR-100.
    """
    full = FULL_LAMBDA_U * (n_classes / FULL_LAMBDA_U_CLASSES) ** LAMBDA_U_POWER
    risen = (noise_rate - NOISE_WITHOUT_LAMBDA_U) / NOISE_UP_TO_FULL
    return full * min(1.0, max(0.0, risen))
