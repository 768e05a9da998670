"""The backends of Keras that are tested; the others are refused by name."""

from __future__ import annotations

import keras

BACKENDS = ("tensorflow", "jax")


def check_backend() -> str:
    """The backend that Keras runs on.

    Raises:
        RuntimeError: it is another than TensorFlow and JAX.
    """
    backend = keras.backend.backend()
    if backend not in BACKENDS:
        raise RuntimeError(
            f"Keras must run on {' or '.join(BACKENDS)}, it runs on {backend}. Set "
            "KERAS_BACKEND=tensorflow or KERAS_BACKEND=jax before Keras is imported."
        )
    return backend
