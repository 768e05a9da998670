"""The objective "mixmatch": samples that lost their weight are learned from without their label."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
from keras import ops

from tssd_keras.train.epoch_count import EpochCount
from tssd_keras.train.steps import mixmatch, objective
from tssd_keras.train.steps.base_step import BaseStep


@dataclass(frozen=True, kw_only=True)
class Mixmatch:
    """Settings of the objective; published ones by default.

    Attributes:
        temperature: of the targets; below 1 sharpens them.
        alpha: of mixup's Beta distribution, 0.5 or a whole number.
        lambda_u: weight of the unlabelled loss once it has risen.
        lambda_r: weight of the penalty on mean predictions unlike the classes' shares.
        penalty: whether the warm-up adds the negative entropy, for asymmetric noise.
        weak_guesses: whether guesses are made on weak views, those of `Augment.weak`, and
            only the views to learn from are strong (Nishi et al., "AugDesc", arXiv 2103.02130).
    """

    temperature: float = 0.5
    alpha: float = 4.0
    lambda_u: float = 25.0
    lambda_r: float = 1.0
    penalty: bool = False
    weak_guesses: bool = False


class SemiSupervised(BaseStep):
    """See `BaseStep`; begins in the warm-up, on all labels, until `SemiSupervisedSchedule` ends it.

    Args:
        networks, augment, weight_decay, seed: of `BaseStep`.
        settings: of the objective.

    Attributes:
        warming_up: whether all labels are trusted still.
        epoch_count: of TSSD, over every `fit`; None where none takes part.
        lambda_u: variable; the weight of the unlabelled loss now.
        class_shares: variable float32[K]; how often each class should be predicted, by TSSD's
            last round (`class_shares.shares_to_predict`). Even where no round was.
        wants_unlabelled: True; batches must hold the samples without weight too.
    """

    wants_unlabelled = True

    def __init__(self, networks: list[keras.Model], *, settings: Mixmatch, **base) -> None:
        super().__init__(networks, **base)
        self.settings = settings
        self.warming_up = True
        self.epoch_count: EpochCount | None = None
        self.lambda_u = keras.Variable(0.0, dtype="float32", trainable=False, name="lambda_u")
        k = networks[0].outputs[0].shape[-1]
        self.class_shares = keras.Variable(
            [1 / k] * k, dtype="float32", trainable=False, name="class_shares"
        )
        self._parts = [mixable_parts(network) for network in networks]
        self._n_uniforms = mixmatch.n_uniforms(settings.alpha)

    def warm_up(self, on: bool) -> None:
        """Begin the warm-up or end it: the step is traced once for each change."""
        if self.warming_up != on:
            self.warming_up = on
            self.make_train_function(force=True)

    def step_loss(self, data):
        """See `BaseStep.step_loss`."""
        x, y, weight = self.whole_batch(data)
        if self.warming_up:
            return self._warm_up(x, y, weight)
        return self._main(x, y, weight)

    def _warm_up(self, x, y, weight):
        """Cross-entropy on all labels, with the negative entropy where asked for."""
        if self.augment:
            x = self.augment(x, self.seeds)
        logits = self.logits_in_training(x)
        loss = 0.0
        for network_logits, column in zip(logits, self.weights_of(weight, y), strict=True):
            loss += objective.weighted_cross_entropy(network_logits, y, column)
            if self.settings.penalty:
                loss += mixmatch.negative_entropy(_log_p(network_logits))
        loss /= len(logits)
        return self.total(loss), (loss, y, objective.mean_prediction(logits), weight)

    def _main(self, x, y, weight):
        """Two views of each sample, guessed, mixed and learned from."""
        n = ops.shape(y)[0]
        ready, cores = zip(*self._parts, strict=True)
        views = self._two_views(x, self.augment)
        inputs = guess_inputs = [prepare(views) for prepare in ready]
        if self.settings.weak_guesses and self.augment:
            views = self._two_views(x, self.augment.weak)
            guess_inputs = [prepare(views) for prepare in ready]
        guesses = [
            self._guess(core, part, n) for core, part in zip(cores, guess_inputs, strict=True)
        ]
        mean_guess = sum(guesses) / len(guesses)
        uniforms = keras.random.uniform((self._n_uniforms,), seed=self.seeds)
        share = mixmatch.mixup_lambda(uniforms, self.settings.alpha)
        partner = ops.argsort(keras.random.uniform((2 * n,), seed=self.seeds))
        loss = 0.0
        weights = self.weights_of(weight, y)
        for guess, core, part, column in zip(guesses, cores, inputs, weights, strict=True):
            labelled = ops.cast(column > 0, guess.dtype)
            guess = ops.where(labelled[:, None] > 0, guess, mean_guess)
            target = mixmatch.targets(y, column, guess, self.settings.temperature)
            target, labelled = ops.tile(target, (2, 1)), ops.tile(labelled, (2,))
            mixed = self.own(mixmatch.mix(part, partner, share))
            log_p = _log_p(self.whole(core(mixed, training=True)))
            loss += self._loss(log_p, mixmatch.mix(target, partner, share), labelled)
        loss /= len(cores)
        return self.total(loss), (loss, y, ops.log(ops.maximum(mean_guess, 1e-12)), weight)

    def _two_views(self, x, augment):
        """Two views of each of n samples, the first ones first: [2 n, ...]."""
        views = [augment(x, self.seeds) if augment else x for _ in range(2)]
        return ops.concatenate(views, axis=0)

    def _guess(self, core, inputs, n):
        """Mean probabilities over both views of n samples, without a slope: float32[n, K].

        Evaluated as in testing, so that BatchNorm's statistics stay.
        """
        p = ops.exp(_log_p(self.whole(ops.stop_gradient(core(self.own(inputs), training=False)))))
        return ops.stop_gradient((p[:n] + p[n:]) / 2)

    def _loss(self, log_p, target, labelled):
        """L_C + lambda_u L_U + lambda_r L_reg of one network."""
        return (
            mixmatch.supervised(log_p, target, labelled)
            + ops.cast(self.lambda_u, log_p.dtype) * mixmatch.consistency(log_p, target, labelled)
            + self.settings.lambda_r * mixmatch.share_divergence(log_p, self.class_shares)
        )


def _log_p(logits):
    return ops.log_softmax(objective.in_full(logits), axis=-1)


def mixable_parts(network: keras.Model):
    """A function that makes a batch ready to be mixed, and the network from there on.

    Bytes cannot be mixed; the layer "rescaled" of our networks turns them to numbers.

    Raises:
        ValueError: the network takes whole numbers and has no such layer.
    """
    if "rescaled" in {layer.name for layer in network.layers}:
        rescaled = network.get_layer("rescaled")
        return rescaled, keras.Model(rescaled.output, network.outputs[0])
    if "float" not in str(network.inputs[0].dtype):
        raise ValueError(
            "mixmatch mixes samples, so the network must take floats, or have a layer named "
            f'"rescaled" that makes them; it takes {network.inputs[0].dtype}. Try objective.kind = '
            '"weighted".'
        )
    return (lambda x: x), network


class SemiSupervisedSchedule(keras.callbacks.Callback):
    """Ends the warm-up, and lets the weight of the unlabelled loss rise.

    Args:
        warmup_epochs: on all labels.
        ramp_epochs: after the warm-up, in which lambda_u rises from 0 to its full value.
        lambda_u: gives the full value at each epoch's begin; by default the settings' one.
    """

    def __init__(
        self, warmup_epochs: int, ramp_epochs: int, lambda_u: Callable[[], float] | None = None
    ) -> None:
        super().__init__()
        self.warmup_epochs, self.ramp_epochs = warmup_epochs, ramp_epochs
        self._lambda_u = lambda_u
        self._count = EpochCount()

    def on_epoch_end(self, epoch, logs=None):
        """Count the epochs, where TSSD does not."""
        self._count.end()

    def on_epoch_begin(self, epoch, logs=None):
        """Set the objective of the epoch, counted over every `fit`, and its lambda_u."""
        epoch = (self.model.epoch_count or self._count).begin(epoch)
        self.model.warm_up(epoch < self.warmup_epochs)
        if epoch < self.warmup_epochs:
            return
        risen = 1.0
        if self.ramp_epochs:
            risen = min(1.0, (epoch - self.warmup_epochs) / self.ramp_epochs)
        full = self._lambda_u() if self._lambda_u else self.model.settings.lambda_u
        self.model.lambda_u.assign(full * risen)
