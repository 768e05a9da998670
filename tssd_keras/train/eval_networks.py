"""What a user's model says of itself: the networks that judge, and what they need of the feed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras

from tssd_keras.train import devices
from tssd_keras.train.checked import CheckedArguments
from tssd_keras.train.devices.layout import Layout
from tssd_keras.train.fed_targets import FedTargets, loss_of
from tssd_keras.train.own_networks import OF_STEPS, own_networks
from tssd_keras.train.scoring_model import (
    SAMPLES,
    ScoringModel,
    given_scoring_model,
    scoring_model,
)


@dataclass(frozen=True)
class FeedNeeds:
    """What a model needs of each batch.

    Attributes:
        n_networks: M, one column of weights for each.
        unlabelled: whether samples that lost their weight must be in it.
    """

    n_networks: int = 1
    unlabelled: bool = False

    @classmethod
    def of(cls, model: keras.Model | None) -> FeedNeeds:
        """What a model needs; of None, and of any plain Keras model, one column and no more."""
        if model is None:
            return cls()
        if not isinstance(model, keras.Model):
            raise TypeError(
                f"model must be the keras.Model that is fitted, got a {type(model).__name__}. "
                "Several networks become one by mixmatch_step or weighted_step."
            )
        return cls(len(eval_networks(model)), getattr(model, "wants_unlabelled", False))

    def check(self, model: keras.Model) -> None:
        """Raise ValueError unless these are the model's needs."""
        needs = FeedNeeds.of(model)
        if needs != self:
            raise ValueError(
                f"the feed must be made for the model that is fitted: it was made for {self}, and "
                f"the model has {needs}. Make it by tssd.feed(batch_size=..., model=model). Where "
                f"{' and '.join(OF_STEPS)} hold parts of one network, call them otherwise."
            )

    def __str__(self) -> str:
        networks = "one network" if self.n_networks == 1 else f"{self.n_networks} networks"
        return f"{networks}, with{'' if self.unlabelled else 'out'} samples of weight 0"


def model_check(
    needs: FeedNeeds, targets: FedTargets, batch_size: int, layout: Layout
) -> Callable[[keras.Model], None]:
    """A function of a compiled model that raises ValueError unless a feed is made for it.

    Args:
        needs: of the feed.
        targets: that it gives.
        batch_size: of all processes together.
        layout: of the devices that the feed was made for.
    """

    def check(model: keras.Model) -> None:
        on = devices.layout_of(model)
        on.check_batch(batch_size)
        on.check_updates_at_once(model.steps_per_execution)
        if model.built and on.n_processes != layout.n_processes:
            raise ValueError(
                f"a feed must be made for the processes that train: it is for {layout.n_processes} "
                f"of them, the model is on {on.n_processes}. Set the distribution first, "
                "keras.distribution.set_distribution(...), then make model and feed."
            )
        needs.check(model)
        targets.check(model)
        for network in eval_networks(model):
            _check_any_batch(network)

    return check


def _check_any_batch(network: keras.Model) -> None:
    """Raise ValueError if a network keeps a state from batch to batch, or takes one batch size."""
    for layer in network._flatten_layers():
        if getattr(layer, "stateful", False) is True:
            kind = type(layer).__name__
            raise ValueError(
                "no layer must carry a state from batch to batch, since each batch has other "
                f"samples in a new order, and all are scored between epochs; {layer.name!r} does. "
                f"Make it layers.{kind}(..., stateful=False), and the inputs "
                "keras.Input(shape=...), without batch_size or batch_shape."
            )
    if isinstance(network, keras.Sequential):  # Keras notes the size of the batch it was built on
        return
    try:
        inputs = keras.tree.flatten(network.inputs)
    except AttributeError:  # subclassed: nobody says
        return
    for tensor in inputs:
        shape = tuple(getattr(tensor, "shape", ()))
        if shape and isinstance(shape[0], int):
            raise ValueError(
                "the model must take batches of any size, since samples are scored in batches of "
                f"another one; its input {tensor.name!r} takes {shape[0]} samples. Make it "
                f"keras.Input(shape={shape[1:]}), without batch_size or batch_shape."
            )


def eval_networks(model: keras.Model) -> list[keras.Model]:
    """The networks that judge: those that a model names (see `own_networks`), or itself.

    Network i judges for the weights of network i + 1, the last one for those of the first.
    """
    networks = own_networks(model)
    return [model] if networks is None else networks


def scoring_models(
    model: keras.Model, networks: list[keras.Model], arguments: CheckedArguments
) -> list[ScoringModel]:
    """Each network with two outputs, as `score_pass.score_pass` takes it.

    Args:
        model: that is fitted; its loss says what the networks give.
        networks: of `eval_networks`; those that are not built are.
        arguments: of the callback.

    Raises:
        ValueError: a network does not take the samples as they are, cannot be looked into, or
            does not tell K classes apart.
    """
    scoring, n_classes = arguments.scoring, arguments.n_classes
    sample = arguments.inputs.read(arguments.index[:SAMPLES])
    for network in networks:
        _check_takes(network, sample)
    if scoring.score_model is not None:
        scorers = [_given(scoring.score_model, networks, arguments.from_logits, sample)]
    else:
        scorers = [
            scoring_model(
                network,
                sample,
                features=scoring.features,
                from_logits=arguments.from_logits,
                loss=loss_of(model, arguments.output),
                output=scoring.output,
            )
            for network in networks
        ]
    for scorer in scorers:
        width = scorer.widths[1]
        if width < n_classes:
            raise ValueError(
                f"the model must tell {n_classes} classes apart (the labels' largest is "
                f"{n_classes - 1}), its output tells {width}."
            )
        if width > n_classes:
            raise ValueError(
                f"the model must tell as many classes apart as there are, {n_classes} by the "
                f"labels, its output tells {width}. If it knows classes that no label names, say "
                f"so: TSSD(x, Labels(y, n_classes={width})), with golden samples of each class or "
                "none."
            )
    return scorers


def _check_takes(network: keras.Model, sample) -> None:
    """Raise ValueError if a network says that it takes samples of another shape."""
    wanted, shape = getattr(network, "input_shape", None), getattr(sample, "shape", ())
    if not isinstance(wanted, tuple) or len(wanted) != len(shape):
        return  # several inputs, or an axis that Keras adds: Keras itself says what does not fit
    if any(isinstance(n, int) and n != m for n, m in zip(wanted[1:], shape[1:], strict=True)):
        raise ValueError(
            f"the model must take samples as they are, of shape {tuple(shape[1:])}, since these "
            f"are scored; it takes {wanted[1:]}. What brings samples to another size belongs into "
            "the model or before the inputs, not into feed(map=...)."
        )


def _given(
    score_model: keras.Model, networks: list[keras.Model], from_logits: bool | None, sample
) -> ScoringModel:
    """The user's own score model; raises ValueError unless it shares the trained variables."""
    outputs = score_model(sample, training=False)
    if not isinstance(outputs, list | tuple) or len(outputs) != 2:
        n = len(outputs) if isinstance(outputs, list | tuple | dict) else 1
        raise ValueError(
            f"score_model must have two outputs, (features, logits or probabilities), got {n}."
        )
    trained = {id(v) for network in networks for v in network.variables}
    foreign = [v.path for v in score_model.trainable_variables if id(v) not in trained]
    if foreign:
        raise ValueError(
            "score_model must share the layers of the model that is trained, or it never learns: "
            f"{len(foreign)} of its {len(score_model.trainable_variables)} trainable variables are "
            f"not the model's, the first is {foreign[0]}. Make it of the model's own tensors: "
            "keras.Model(model.input, [features, model.output])."
        )
    return given_scoring_model(score_model, sample, from_logits=from_logits)


def bring_up_to_date(model: keras.Model) -> None:
    """Give a model's variables their values of now, which JAX's trainer holds apart in an epoch."""
    if hasattr(model, "jax_state_sync"):
        model.jax_state_sync()
