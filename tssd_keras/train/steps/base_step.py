"""The part of a training step that all backends and objectives share."""

from __future__ import annotations

import keras
from keras import ops

from tssd_keras.train.augment import Augment
from tssd_keras.train.steps import objective


class BaseStep(keras.Model):
    """One network or several, trained on weighted samples in one compiled step.

    Args:
        networks: each inputs -> logits float[n, K]. They stay plain Keras models
            and can be saved and used without this library.
        weight_decay: coupled, see `objective.l2_penalty`.
        augment: changes the images of an update; evaluation and scoring see them as they are.
        ema: momentum in [0, 1) of a running mean of all weights, BatchNorm's statistics
            included. The mean is evaluated and scored; with 0 the weights themselves are.
            The first updates have a lower momentum, (1 + t) / (10 + t) at update t.
        seed: of all random numbers of an update.

    Attributes:
        networks: as given, their variables are the trained ones.
        averaged: copies of them that hold the running means; empty without `ema`.
        augment: as given.
        seeds: a SeedGenerator; part of the model's state, so that draws go on under any compiler.
        n_traces: how often the training step was traced (once a compilation).
    """

    def __init__(
        self,
        networks: list[keras.Model],
        *,
        weight_decay: float = 0.0,
        augment: Augment | None = None,
        ema: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(name="weighted_step")
        self.networks = list(networks)
        if not self.networks:
            raise ValueError("a step must train at least one network, got none.")
        for network in self.networks:
            check_gives_logits(network)
        self.ema = ema
        self.averaged = [_copy(network) for network in self.networks] if ema else []
        self.n_updates = keras.Variable(0.0, dtype="float32", trainable=False, name="n_updates")
        self.weight_decay = weight_decay
        self.augment = augment
        self.seeds = keras.random.SeedGenerator(seed)
        self.n_traces = 0
        self.built = True

    @property
    def eval_networks(self) -> list[keras.Model]:
        """The networks to evaluate, score and save: the running means, if there are any."""
        return self.averaged or self.networks

    def compile(self, optimizer, **kwargs):
        """As Keras' `compile`; makes the optimizer's slots now, which saves a second trace."""
        super().compile(optimizer, **kwargs)
        self.optimizer.build(self.trainable_variables)

    def call(self, x, training=None):
        """Logits of a batch; of several networks the logarithm of their mean probabilities."""
        return objective.mean_prediction([one(x, training=training) for one in self.eval_networks])

    def step_loss(self, data):
        """The whole forward pass of one update; moves BatchNorm's statistics and seeds.

        Args:
            data: (x, y, weight) of a batch.

        Returns:
            The scalar to minimise, and (loss, y, logits, weight) as `update_metrics` takes
            them.
        """
        x, y, weight = self.whole_batch(data)
        if self.augment:
            x = self.augment(x, self.seeds)
        logits = self.logits_in_training(x)
        loss = sum(
            objective.weighted_cross_entropy(network_logits, y, column)
            for network_logits, column in zip(logits, self.weights_of(weight, y), strict=True)
        ) / len(logits)
        return self.total(loss), (loss, y, objective.mean_prediction(logits), weight)

    def whole(self, rows):
        """Rows of all devices, where a step runs on each by itself, from those of this one."""
        return rows

    def own(self, rows):
        """This device's share of the rows of all; what `whole` puts together."""
        return rows

    def whole_batch(self, data):
        """(x, y, weight) of all devices' rows: what is drawn and mixed is then the same."""
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        return keras.tree.map_structure(self.whole, (x, y, weight))

    def logits_in_training(self, x) -> list:
        """Each network's logits float[n, K] of a whole batch; each device computes its share."""
        return [self.whole(network(self.own(x), training=True)) for network in self.networks]

    def weights_of(self, weight, y) -> list:
        """Each network's own column of the weights, float[n] or float[n, M]; ones if None."""
        if weight is None:
            weight = ops.ones(ops.shape(y)[:1])
        if len(weight.shape) == 1:
            return [weight] * len(self.networks)
        return [weight[:, i] for i in range(len(self.networks))]

    def total(self, loss):
        """The networks' summed losses and penalties, of the losses' mean: what is minimised."""
        return len(self.networks) * loss + ops.cast(self.penalty(), loss.dtype)

    def follow(self):
        """Move the running means towards the weights; called after every update."""
        if not self.averaged:
            return
        t = self.n_updates + 1.0
        self.n_updates.assign(t)
        keep = ops.minimum(self.ema, (1.0 + t) / (10.0 + t))
        for mean, network in zip(self.averaged, self.networks, strict=True):
            for slow, fast in zip(mean.variables, network.variables, strict=True):
                if keras.backend.is_float_dtype(slow.dtype):
                    share = ops.cast(keep, slow.dtype)
                    slow.assign(share * slow + (1 - share) * fast)
                else:
                    slow.assign(fast)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The weighted objective without the penalty; also what `evaluate` reports."""
        del x, training
        weight = sum(self.weights_of(sample_weight, y)) / len(self.networks)
        return objective.weighted_cross_entropy(y_pred, y, weight)

    def penalty(self):
        """The L2 term that training adds to the objective."""
        if not self.weight_decay:
            return 0.0
        return objective.l2_penalty(self.trainable_variables, self.weight_decay)

    def update_metrics(self, loss, y, logits, weight):
        """Bring every metric up to date by one batch; returns their results."""
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
        return self.compute_metrics(None, y, logits, sample_weight=weight)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """As Keras', by the mean of the networks' weights."""
        if sample_weight is not None and len(sample_weight.shape) == 2:
            sample_weight = ops.mean(sample_weight, axis=1)
        return super().compute_metrics(x, y, y_pred, sample_weight=sample_weight)


def _copy(network: keras.Model) -> keras.Model:
    """A network of the same layers and weights, which no optimizer moves."""
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    copy.trainable = False
    return copy


def check_gives_logits(network: keras.Model) -> None:
    """Raise ValueError if a network's last layer gives probabilities."""
    last = network.layers[-1] if network.layers else network
    activation = getattr(last, "activation", None)
    gives = isinstance(last, keras.layers.Softmax) or activation in (
        keras.activations.softmax,
        keras.activations.sigmoid,
    )
    if gives:
        raise ValueError(
            f"a step's networks must give logits, and {network.name} ends in probabilities (its "
            f"layer {last.name}). Leave the activation out; "
            "keras.Sequential([network, keras.layers.Softmax()]) gives probabilities afterwards."
        )
