"""The backend of Keras, chosen before Keras is loaded."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
import tempfile

import click

from tssd_keras.train.settings import COORDINATOR, N_PROCESSES

BACKENDS = ("tensorflow", "jax")
# TensorFlow 2.21 says these as it loads, whatever TF_CPP_MIN_LOG_LEVEL is.
NOTE = re.compile(r"WARNING: All log messages before absl::|I\d{4} ")


def several_processes() -> str:
    """The variable that says that this is one of several processes, "" where none does.

    See docs/scale.md.
    """
    if os.environ.get(COORDINATOR):
        return COORDINATOR
    return N_PROCESSES if os.environ.get(N_PROCESSES, "") not in ("", "1") else ""


def check_alone(command: str) -> None:
    """Raises UsageError where several processes would each do all that a command does."""
    if variable := several_processes():
        raise click.UsageError(
            f"{variable} is set, so this is one of several processes, and {command} runs in "
            "one. Unset the variable."
        )


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


def load_tensorflow_quietly() -> None:
    """Import TensorFlow, if it is installed: it feeds samples, under JAX too.

    Of what it prints to stderr as it loads, by C++ too, all but `NOTE`s is shown.
    """
    if "tensorflow" in sys.modules or not importlib.util.find_spec("tensorflow"):
        return
    try:
        stderr = os.dup(2)
    except OSError:  # it is closed, so nothing would be seen
        return
    sys.stderr.flush()
    with tempfile.TemporaryFile() as printed:
        os.dup2(printed.fileno(), 2)
        try:
            importlib.import_module("tensorflow")
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            printed.seek(0)
            lines = printed.read().decode(errors="replace").splitlines(keepends=True)
            sys.stderr.write("".join(line for line in lines if not NOTE.match(line)))
