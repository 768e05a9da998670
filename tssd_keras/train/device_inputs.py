"""Samples that live on the device that trains, so that a batch is picked there and never sent."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from tssd_keras.data.inputs import Inputs, as_inputs

BLOCK = 8192  # samples read at once


class DeviceInputs:
    """Samples in the memory of JAX's device; see `data.inputs.Inputs`.

    For sets that fit there beside the network: a batch is then a gather on the
    device, and only its sample numbers are sent. The feed (kind "pydataset") and
    the score pass hand on the tensor that `read` gives.

    Args:
        inputs: N samples, an array [N, ...] or `Inputs`; all are read once, now.

    Attributes:
        shape: as given.
        dtype: on the device, where JAX keeps 64-bit numbers in 32 bits.

    Raises:
        ValueError: Keras does not run on JAX. (TensorFlow's pipeline would take
            every batch back to the host.)
    """

    on_device = True

    def __init__(self, inputs: Inputs | np.ndarray) -> None:
        if keras.backend.backend() != "jax":
            raise ValueError(
                "samples can live on the device (train.on_device) where Keras runs on JAX, it "
                f"runs on {keras.backend.backend()}. Set KERAS_BACKEND=jax, or leave it out."
            )
        inputs = as_inputs(inputs)
        self.shape = tuple(inputs.shape)
        whole = np.empty(self.shape, np.dtype(inputs.dtype).newbyteorder("="))
        for start in range(0, len(inputs), BLOCK):
            rows = np.arange(start, min(start + BLOCK, len(inputs)))
            whole[rows] = inputs.read(rows)
        self._samples = ops.convert_to_tensor(whole)
        self.dtype = np.dtype(keras.backend.standardize_dtype(self._samples.dtype))

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, index: np.ndarray):
        """Samples of the given indices, in their order: a tensor [len(index), ...]."""
        return ops.take(self._samples, index, axis=0)
