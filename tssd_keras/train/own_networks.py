"""Does a model train several networks, each by weights of its own, or is it one plain model?"""

from __future__ import annotations

from typing import Any

OF_STEPS = ("eval_networks", "networks")  # attributes; the first one there names who judges


def own_networks(model: Any) -> list[Any] | None:
    """The networks of a model that says so and trains them by itself; None: it is one plain model.

    A model whose `train_step` and `compute_loss` are Keras' own takes one weight a sample. It is
    judged as it predicts, whatever its attributes are called.
    """
    if not any(hasattr(model, name) for name in OF_STEPS):
        return None
    if all(_is_of_keras(getattr(model, name, None)) for name in ("train_step", "compute_loss")):
        return None
    return list(next(getattr(model, name) for name in OF_STEPS if hasattr(model, name)))


def _is_of_keras(function: Any) -> bool:
    return str(getattr(function, "__module__", "")).partition(".")[0] == "keras"
