"""A network as the score pass takes it: with two outputs, unit features and log-probabilities."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from tssd_keras.train import devices
from tssd_keras.train.fed_targets import called, is_regression
from tssd_keras.train.head import Network, find_head
from tssd_keras.train.looking import Call, every_layer, watched

SUM_TO_ONE = 0.02  # how far from 1 probabilities may sum; half precision rounds
COMMON = 1e15  # a feature of a larger size, or a row below 1 / COMMON, has no length in float32
MIN_LOG_P = -80.0  # keeps half-precision log-probabilities finite
SAMPLES = 8  # that a network is looked at with
OF_PROBABILITIES = {"softmax", "sigmoid"}  # activations
ENDS = (keras.layers.Activation, keras.layers.Softmax)  # that may stand behind the last kernel
NAMED_LOSSES = {
    *("sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy"),
    *("SparseCategoricalCrossentropy", "CategoricalCrossentropy", "BinaryCrossentropy"),
}  # that take probabilities where they are given by their names

# A network, a batch and whether as in training -> features [n, ...] and predictions [n, ...].
Look = Callable[[keras.Model, object, bool], tuple[object, object]]


class ScoringModel(keras.Model):
    """inputs -> unit features float16[n, d], log-probabilities float32[n, K].

    It shares the network's variables. Make it once: each new model is compiled.

    Args:
        network: that is scored.
        look: gives its features and its predictions.
        from_logits: whether these are logits; else they are probabilities. One column is that of
            class 1 of two.
        sample: a few samples [s, ...], by which the widths are told.

    Attributes:
        widths: d and K.
    """

    def __init__(self, network: keras.Model, look: Look, *, from_logits: bool, sample) -> None:
        super().__init__(name="scoring")
        self.network, self._look, self._from_logits = network, look, from_logits
        self.built = True  # the network is
        if any(part.dtype.kind in "SUO" for part in keras.tree.flatten(sample)):
            unit, log_p = self.call(sample)  # Keras has no symbolic text
        else:
            unit, log_p = self.compute_output_spec(keras.tree.map_structure(_symbolic, sample))
        self.widths = int(unit.shape[-1]), int(log_p.shape[-1])

    def call(self, x):
        """See the class."""
        features, prediction = self._look(self.network, x, False)
        return ops.cast(_unit(features), "float16"), self._log_p(ops.cast(prediction, "float32"))

    def predicted_in_training(self, x) -> np.ndarray:
        """The likeliest classes int64[n] as the network trains; none of its variables changes."""
        with keras.StatelessScope(devices.own_values(self.network)):
            _, prediction = self._look(self.network, x, True)
            log_p = self._log_p(ops.cast(prediction, "float32"))
        return ops.convert_to_numpy(log_p).argmax(axis=1)

    def _log_p(self, prediction):
        if prediction.shape[-1] == 1:
            prediction = self._of_two_classes(prediction)
        elif self._from_logits:
            prediction = ops.log_softmax(prediction, axis=-1)
        else:
            prediction = ops.log(ops.maximum(prediction, 1e-30))
        return ops.maximum(prediction, MIN_LOG_P)

    def _of_two_classes(self, prediction):
        if self._from_logits:
            both = ops.concatenate([-prediction, prediction], axis=-1)
            return ops.log_sigmoid(both)
        both = ops.concatenate([1 - prediction, prediction], axis=-1)
        return ops.log(ops.maximum(both, 1e-30))


def _symbolic(part) -> keras.KerasTensor:
    return keras.KerasTensor(part.shape, keras.backend.standardize_dtype(part.dtype))


def scoring_model(
    network: keras.Model,
    sample,
    *,
    features: str | None = None,
    from_logits: bool | None = None,
    loss: object = None,
    output: str | int | None = None,
) -> ScoringModel:
    """Look into a network.

    Args:
        network: inputs -> logits or probabilities [n, K], or [n, 1] of two classes. Any
            keras.Model; one that is not built is built.
        sample: a few samples [s, ...].
        features: path of the layer whose output is the feature vector, like "inner/layer". By
            default features are what the layer reads that gave the prediction (`find_head`),
            averaged over places where there are several.
        from_logits: what the network gives; None: what the loss says, else what the last
            activation or these samples' predictions look like.
        loss: that the output is trained with, if known.
        output: which one is judged, of a network with several: its name or place.

    Raises:
        ValueError: the network has several outputs and none is named, no such layer, or none that
            features could be told from; or `from_logits` contradicts its predictions.
    """
    if not network.built:
        network(sample, training=False)  # its layers are called while it is built, too
    layers = every_layer(network)
    if features is not None and features not in layers:
        raise ValueError(
            f"features must name a layer of the model, got {features!r}. Its layers are "
            f"{', '.join(sorted(layers))}."
        )
    run = Network(
        network, sample, layers, lambda prediction: _selected(network, prediction, output)
    )
    with watched([one for one in layers.values() if isinstance(one, ENDS)]) as ends:
        calls, prediction = run()
    _check_prediction(prediction)
    head = find_head(run, calls, prediction, warn=features is None)
    if features is not None:
        look = _given_by(layers[features], output)
    elif head is not None:
        look = _read_by(head, calls, output)
    else:
        look = _predictions(network, output)
    last = _activation([*ends, *([head] if head else [])], prediction)
    said = _from_logits(prediction, last, claim=from_logits, loss=loss)
    return ScoringModel(network, look, from_logits=said, sample=sample)


def given_scoring_model(
    model: keras.Model, sample, *, from_logits: bool | None = None
) -> ScoringModel:
    """A model that gives (features, logits or probabilities) itself; see `scoring_model`."""
    _, prediction = model(sample, training=False)
    said = _from_logits(prediction, "", claim=from_logits, loss=None)
    return ScoringModel(
        model,
        lambda one, x, training: one(x, training=training),
        from_logits=said,
        sample=sample,
    )


def _selected(network: keras.Model, prediction: Any, output: str | int | None) -> Any:
    """The output that is judged; raises ValueError where there is no such one."""
    if not isinstance(prediction, list | tuple | dict):
        if output is None:
            return prediction
        raise ValueError(
            f"Scoring(output={output!r}) is for a model with several outputs, this one has one. "
            "Leave output out, and give the labels alone."
        )
    names = list(prediction) if isinstance(prediction, dict) else _names(network, len(prediction))
    if isinstance(prediction, dict) and output in prediction:
        return prediction[output]
    if not isinstance(prediction, dict):
        place = names.index(output) if output in names else output
        if isinstance(place, int) and 0 <= place < len(prediction):
            return prediction[place]
    raise ValueError(
        f"the model has {len(prediction)} outputs, {', '.join(map(repr, names))}, and the one that "
        f"is judged must be named, got {output!r}. Give the targets of all as fit takes them, and "
        "TSSD(x, {...}, scoring=Scoring(output=...))."
    )


def _names(network: keras.Model, n: int) -> list:
    """Of outputs in a list: their names where the model is a graph, else their places."""
    names = getattr(network, "output_names", None)
    return list(names) if names and len(names) == n else list(range(n))


def _check_prediction(prediction: Any) -> None:
    if len(prediction.shape) != 2:
        raise ValueError(
            "the model must give one row of numbers a sample, of shape (n, K), got shape "
            f"{tuple(prediction.shape)}. Pass TSSD(scoring=Scoring(score_model=...)), a "
            "keras.Model that shares its layers and gives (features, logits) so."
        )


def _read_by(head: Call, calls: list[Call], output: str | int | None) -> Look:
    layer = head.layer
    which = [call for call in calls if call.layer is layer].index(head)  # a layer may be shared

    def look(network: keras.Model, x, training: bool):
        with watched([layer]) as calls:
            prediction = network(x, training=training)
        return _pooled(layer, calls[which].read), _selected(network, prediction, output)

    return look


def _pooled(layer: keras.Layer, tensor):
    """One vector a sample: the mean over all axes but the channels'."""
    axes = list(range(1, len(tensor.shape)))
    axes.remove(1 if getattr(layer, "data_format", None) == "channels_first" else axes[-1])
    return ops.mean(ops.cast(tensor, "float32"), axis=axes) if axes else tensor


def _given_by(layer: keras.Layer, output: str | int | None) -> Look:
    def look(network: keras.Model, x, training: bool):
        with watched([layer]) as calls:
            prediction = network(x, training=training)
        if not calls:
            raise ValueError(
                f"features must name a layer that is called, and {layer.name} is not when the "
                "model predicts."
            )
        return calls[-1].gave, _selected(network, prediction, output)

    return look


def _predictions(network: keras.Model, output: str | int | None) -> Look:
    """The predictions themselves as features, for want of better ones."""
    if not getattr(network, "inputs", None):
        raise ValueError(
            f"the model must hold a Dense layer or a convolution that gives its predictions, and "
            f"{type(network).__name__} calls none. Name the layer that gives the features: "
            "TSSD(scoring=Scoring(features=...)); or pass Scoring(score_model=...), a keras.Model "
            "that shares its layers and gives (features, logits)."
        )
    warnings.warn(
        "features are the predictions themselves: no Dense layer or convolution gives them. Name "
        "the layer that gives better ones: TSSD(scoring=Scoring(features=...)).",
        UserWarning,
        stacklevel=2,
    )

    def look(network: keras.Model, x, training: bool):
        prediction = _selected(network, network(x, training=training), output)
        return prediction, prediction

    return look


def _unit(features):
    """Rows of length 1, float32[n, d]."""
    flat = ops.reshape(ops.cast(features, "float32"), (-1, int(np.prod(features.shape[1:]))))
    most = ops.max(ops.abs(flat), axis=-1, keepdims=True)
    extreme = ops.logical_or(most > COMMON, ops.logical_and(most < 1 / COMMON, most > 0))
    flat = flat / ops.where(extreme, most, ops.ones_like(most))
    # A length of squares overflows half precision; the division is done before the cast.
    return flat / ops.maximum(ops.sqrt(ops.sum(ops.square(flat), axis=-1, keepdims=True)), 1e-12)


@dataclass(frozen=True)
class _Claim:
    """What somebody says of the predictions."""

    from_logits: bool
    who: str
    remedy: str


def _activation(calls: list[Call], prediction) -> str:
    """Name of the activation that gave a prediction, of some layers' calls; "": none of theirs."""
    for call in calls:
        if call.gave is prediction:
            if isinstance(call.layer, keras.layers.Softmax):
                return "softmax"
            return getattr(getattr(call.layer, "activation", None), "__name__", "")
    return ""


def _from_logits(prediction, last: str, *, claim: bool | None, loss: object) -> bool:
    """Whether predictions are logits; raises ValueError where a claim cannot be true.

    Args:
        prediction: of a few samples [s, K].
        last: name of the activation that gave it, see `_activation`.
        claim, loss: see `scoring_model`.
    """
    p = ops.convert_to_numpy(ops.cast(prediction, "float32"))
    looks_like_probabilities = bool((p >= 0).all() and (p <= 1 + SUM_TO_ONE).all())
    if p.shape[-1] > 1:
        looks_like_probabilities &= bool((abs(p.sum(axis=-1) - 1) < SUM_TO_ONE).all())
    if claim is None and p.shape[-1] == 1 and not looks_like_probabilities and is_regression(loss):
        raise ValueError(
            "one output unit must give a probability or a logit, and trained by the loss "
            f"{called(loss)} it gives neither: of {len(p)} samples it is {p.min():.3g} to "
            f"{p.max():.3g}. Compile with keras.losses.BinaryCrossentropy(from_logits=True), or "
            "end the model in a sigmoid."
        )
    said = None
    if claim is not None:
        said = _Claim(claim, f"from_logits is {claim}", "Leave from_logits out.")
    elif last in OF_PROBABILITIES and _loss_from_logits(loss) and looks_like_probabilities:
        warnings.warn(_SQUASHED_TWICE.format(last), UserWarning, stacklevel=3)
        return False
    elif (by_loss := _loss_from_logits(loss)) is not None:
        said = _Claim(
            by_loss,
            f"the loss has from_logits={by_loss}",
            "Compile with from_logits=True, or end the model in softmax (sigmoid for one unit).",
        )
    elif last in OF_PROBABILITIES:
        return False
    if said is None:
        return not looks_like_probabilities
    if not np.isfinite(p).all():
        raise ValueError(
            f"the model's predictions must be finite, of {len(p)} samples some are NaN or "
            "infinite. Look for NaN, and for entries too large for float32, in the samples and in "
            "the model's weights."
        )
    # Predictions that look like probabilities may be logits where a loss reads them so.
    impossible = not said.from_logits and not looks_like_probabilities
    if impossible and p.shape[-1] > 1 and p.min() >= 0 and p.max() <= 1:
        raise ValueError(
            f"the model must give probabilities whose rows sum to 1, of {len(p)} samples they sum "
            f"to {p.sum(axis=-1).min():.3g} to {p.sum(axis=-1).max():.3g}: these are sigmoid "
            "outputs, one probability each. End the model in softmax and take a categorical "
            "crossentropy, or leave the activation out and compile with from_logits=True."
        )
    if impossible or (claim and looks_like_probabilities):
        raise ValueError(
            f"{said.who}, but the model gives {'' if looks_like_probabilities else 'no '}"
            f"probabilities: of {len(p)} samples they are {p.min():.3g} to {p.max():.3g}, and "
            f"rows sum to {p.sum(axis=-1).min():.3g} to {p.sum(axis=-1).max():.3g}. {said.remedy}"
        )
    return said.from_logits


_SQUASHED_TWICE = (
    "the loss has from_logits=True, but the model ends in {0}: its predictions are judged as the "
    "probabilities that they are. The loss may take them for logits and squash them again, and a "
    "network learns less by it. Compile with from_logits=False, or leave the {0} out."
)


def _loss_from_logits(loss: object) -> bool | None:
    """What a loss says of what it reads; None: nothing."""
    said = getattr(loss, "from_logits", None)
    if isinstance(said, bool):
        return said
    return False if isinstance(loss, str) and loss in NAMED_LOSSES else None
