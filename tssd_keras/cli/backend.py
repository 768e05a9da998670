"""The backend of Keras, chosen before Keras is loaded."""

from __future__ import annotations

import importlib.util
import os
import sys

import click

BACKENDS = ("tensorflow", "jax")


def choose_backend(backend: str | None) -> str:
    """Set KERAS_BACKEND before Keras loads: the option, the environment, else one installed.

    Args:
        backend: of `BACKENDS`, or None.

    Returns:
        The backend that was set.

    Raises:
        ClickException: no backend is installed, the name is unknown, or Keras runs on another.
    """
    chosen = backend or os.environ.get("KERAS_BACKEND")
    installed = [name for name in BACKENDS if importlib.util.find_spec(name)]
    if not installed:
        raise click.ClickException(
            "neither TensorFlow nor JAX is installed. Try pip install 'tssd_keras[tensorflow]' "
            "or 'tssd_keras[jax]'."
        )
    chosen = chosen or installed[0]
    if chosen not in BACKENDS:
        raise click.ClickException(
            f"KERAS_BACKEND must be one of {', '.join(BACKENDS)}, got {chosen!r}."
        )
    if chosen not in installed:
        raise click.ClickException(
            f"the backend {chosen} is not installed. Try pip install 'tssd_keras[{chosen}]'."
        )
    os.environ["KERAS_BACKEND"] = chosen
    if "keras" in sys.modules and sys.modules["keras"].backend.backend() != chosen:
        raise click.ClickException(
            f"Keras is loaded already, on {sys.modules['keras'].backend.backend()}, and cannot "
            f"change to {chosen}. Run this in a process of its own."
        )
    return chosen
