"""What a user's model says of itself: the networks that judge, and what they need of the feed."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from tssd_keras.train.scoring_model import scoring_model, two_outputs
from tssd_keras.train.settings import Scoring


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
        if isinstance(model, list | tuple | str):
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
                f"the model has {needs}. Make it by tssd.feed(batch_size=..., model=model)."
            )

    def __str__(self) -> str:
        networks = "one network" if self.n_networks == 1 else f"{self.n_networks} networks"
        return f"{networks}, with{'' if self.unlabelled else 'out'} samples of weight 0"


def eval_networks(model: keras.Model) -> list[keras.Model]:
    """The networks that judge: a model's `eval_networks`, its `networks`, its `network`, or itself.

    Network i judges for the weights of network i + 1, the last one for those of the first.
    """
    networks = getattr(model, "eval_networks", getattr(model, "networks", None))
    return [getattr(model, "network", model)] if networks is None else list(networks)


def scoring_models(
    networks: list[keras.Model], scoring: Scoring, shape: tuple[int, ...], n_classes: int
) -> list[keras.Model]:
    """Each network with two outputs, as `score_pass.score_pass` takes it.

    Args:
        networks: of `eval_networks`; a Sequential model without an input layer is built.
        scoring: how they are looked into.
        shape: of one sample.
        n_classes: K.

    Raises:
        ValueError: a network cannot be looked into, or tells fewer than K classes apart.
    """
    scorers = _scorers(networks, scoring, shape)
    for scorer in scorers:
        width = int(scorer.outputs[1].shape[-1])
        if width < n_classes:
            raise ValueError(
                f"the model must tell {n_classes} classes apart (the labels' largest is "
                f"{n_classes - 1}), its output has {width}."
            )
    return scorers


def _scorers(
    networks: list[keras.Model], scoring: Scoring, shape: tuple[int, ...]
) -> list[keras.Model]:
    from_logits = scoring.from_logits
    if scoring.score_model is not None:
        inputs, outputs = scoring.score_model.inputs, scoring.score_model.outputs
        if len(outputs) != 2:
            raise ValueError(
                "score_model must have two outputs, (features, logits or probabilities), got "
                f"{len(outputs)}."
            )
        return [two_outputs(inputs, *outputs, from_logits=from_logits)]
    for network in networks:
        if isinstance(network, keras.Sequential) and not network.built:
            network.build((None, *shape))
    return [
        scoring_model(network, features=scoring.features, from_logits=from_logits)
        for network in networks
    ]


def bring_up_to_date(model: keras.Model) -> None:
    """Give a model's variables their values of now, which JAX's trainer holds apart in an epoch."""
    if hasattr(model, "jax_state_sync"):
        model.jax_state_sync()
