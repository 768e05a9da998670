"""What a state belongs to: samples, labels and settings, as short texts that can be compared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import numpy as np

from tssd_keras.data.inputs import as_inputs
from tssd_keras.train.checked import CheckedArguments

LOOKED_AT = 16  # samples whose values are compared; reading all could take long


def fingerprint(arguments: CheckedArguments) -> dict[str, str]:
    """A text of each argument that the rounds' results rest on.

    Inputs are told by their shape, their type and a few samples.
    """
    golden = arguments.golden
    trusted = arguments.golden_source
    if golden is not None:
        parts = (golden.labels, golden.given, golden.stands_for, golden.at_random)
        inputs = as_inputs(golden.inputs)
        trusted = digest(*parts, _some(inputs, np.arange(len(golden))))
    source, names = arguments.inputs, arguments.class_names
    return {
        "labels": digest(arguments.given, arguments.index, arguments.decided, arguments.weight),
        "inputs": f"{len(source)} of {source.shape[1:]} {source.dtype} "
        + digest(_some(source, arguments.index)),
        "golden": trusted,
        "warmup_epochs": str(arguments.warmup_epochs),
        "n_classes": str(arguments.n_classes),
        "class_names": "none" if names is None else f"{', '.join(names[:3])}, ... {digest(names)}",
        "features": str(arguments.scoring.features),
        "output": str(arguments.scoring.output),
        "drawing": str(arguments.drawing),
        "divide": str(arguments.divide),
        "purify": str(arguments.purify),
    }


def differences(there: Mapping[str, str], here: Mapping[str, str]) -> str:
    """What differs, in words; empty where nothing does."""
    return "; ".join(
        f"{name} there {there.get(name, 'missing')}, here {here[name]}"
        for name in here
        if there.get(name) != here[name]
    )


def _some(inputs, index: np.ndarray):
    """A few samples, evenly spaced."""
    rows = np.linspace(0, len(index) - 1, min(LOOKED_AT, len(index))).astype(int)
    return inputs.read(index[rows])


def digest(*values) -> str:
    """The first digits of the SHA-256 of arrays, nested or not, as text."""
    sha = hashlib.sha256()
    for value in values:
        for leaf in _leaves(value):
            sha.update(f"{leaf.shape} {leaf.dtype}".encode())
            plain = np.array(leaf.tolist(), dtype=str) if leaf.dtype == object else leaf
            sha.update(np.ascontiguousarray(plain).tobytes())
    return sha.hexdigest()[:16]


def _leaves(value) -> Iterator[np.ndarray]:
    if isinstance(value, Mapping):
        for name in sorted(value):
            yield from _leaves(value[name])
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _leaves(one)
    else:
        yield np.asarray("none" if value is None else value)
