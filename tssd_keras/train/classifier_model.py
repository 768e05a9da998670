"""The model that `classifier.TSSDClassifier` trains: the user's, or a perceptron."""

from __future__ import annotations

import contextlib
import inspect
import random
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from tssd_keras import models
from tssd_keras.data.inputs import as_inputs
from tssd_keras.data.moments import moments_of_some
from tssd_keras.train.eval_networks import FeedNeeds
from tssd_keras.train.steps.base_step import BaseStep

LOSS = "keras.losses.SparseCategoricalCrossentropy(reduction='mean_with_sample_weight')"


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Python's and NumPy's shared generators start from a seed, and are put back afterwards.

    Initializers and dropout layers without a seed of their own draw one from Python's.
    """
    states = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


def made_model(
    model: keras.Model | Callable | None,
    X: np.ndarray,
    y: np.ndarray,
    *,
    keep: bool,
    kwargs: dict | None,
    seed: int,
) -> keras.Model:
    """A model ready for `fit`.

    Args:
        model: a compiled model, a function `model(X=, y=, **kwargs)` that gives one, or None:
            a perceptron.
        X: [N, ...], the samples.
        y: int64[N] in 0..K-1.
        keep: whether a given model is used itself, with its weights; else a clone of it is, with
            new ones.
        kwargs: of the function.
        seed: of initial weights and of dropout, where the model does not set them.

    Raises:
        TypeError, ValueError: what comes is no such model.
    """
    if model is None:
        return perceptron(X, y, seed=seed)
    with seeded(seed):
        if not isinstance(model, keras.Model):
            made = _called(model, kwargs or {}, X=X, y=y) if callable(model) else model
        else:
            made = model if keep else _clone(model)
        check_model(made)
        if not made.built:
            made(X[:1])
    return made


def _called(function: Callable, kwargs: Any, **data: np.ndarray) -> Any:
    """What a user's function gives; raises TypeError where it cannot be called so."""
    if not isinstance(kwargs, dict):
        raise TypeError(
            f"model_kwargs must be a dict of arguments for model, got {kwargs!r:.100} of type "
            f"{type(kwargs).__name__}."
        )
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # of some functions nobody knows what they take
        return function(**data, **kwargs)
    _check_call(signature, function, {**data, **kwargs})
    return function(**data, **kwargs)


def _check_call(signature: inspect.Signature, function: Callable, arguments: dict) -> None:
    """Raise TypeError where a function does not take these arguments."""
    try:
        signature.bind(**arguments)
    except TypeError as error:
        raise TypeError(
            "model must be a function that is called as model(X=, y=, **model_kwargs), got "
            f"{function!r:.100} ({error}). Let it take X and y, or **others."
        ) from error


def _clone(model: keras.Model) -> keras.Model:
    """The same model with new weights, compiled alike."""
    try:
        return keras.models.clone_model(model)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise ValueError(
            f"a model that is given must be one that Keras can clone, and {model.name} of type "
            f"{type(model).__name__} is not. Give a function that makes and compiles it: "
            f"TSSDClassifier(lambda X, y: ...). Keras says: {error}"
        ) from error


def perceptron(X: np.ndarray, y: np.ndarray, *, seed: int) -> keras.Model:
    """Two hidden layers of 256 units; columns (channels of images) come to mean 0, deviation 1.

    Args:
        X, y, seed: of `made_model`.

    Returns:
        keras.Model: [n, ...] -> logits float32[n, K], compiled with Adam.
    """
    dtype = "uint8" if X.dtype == np.uint8 else "float32"
    moments = moments_of_some(as_inputs(X), np.arange(len(X)), seed=seed)
    network = models.build("mlp", X.shape[1:], dtype, 1 + int(y.max()), seed=seed, moments=moments)
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="mean_with_sample_weight"
    )
    network.compile(optimizer="adam", loss=loss)
    return network


def check_model(model: object) -> None:
    """Raise TypeError or ValueError unless this is one compiled network."""
    if not isinstance(model, keras.Model):
        raise TypeError(
            "model must be a keras.Model, a function of X and y that returns one, or None, got "
            f"{model!r} of type {type(model).__name__}."
        )
    if isinstance(model, BaseStep) or FeedNeeds.of(model) != FeedNeeds():
        raise ValueError(
            f"the model must be one plain network, got {model.name}, with {FeedNeeds.of(model)}. "
            "Train such a step by the callback tssd_keras.TSSD itself."
        )
    if not model.compiled or not model.loss:
        raise ValueError(
            f"the model must be compiled, with an optimizer and a loss, and {model.name} is not. "
            f"Call model.compile(optimizer='adam', loss={LOSS})."
        )
