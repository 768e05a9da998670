"""Arrays with holes: NumPy would take them for something else, or without the holes."""

from __future__ import annotations

from typing import Any

import numpy as np

_REMEDIES = {
    ("tensorflow", "RaggedTensor"): "Pad the rows to one length: x.to_tensor(), and "
    "layers.Masking() or Embedding(mask_zero=True) where the model should not see the padding.",
    ("tensorflow", "SparseTensor"): "Make it dense, tf.sparse.to_dense(x), or, where that takes too"
    " much memory, a SciPy matrix, whose rows are made dense a batch at a time: "
    "scipy.sparse.csr_matrix((x.values, x.indices.numpy().T), x.dense_shape.numpy()).",
    ("tensorflow", "RaggedTensorSpec"): "Pad the rows to one length in the dataset: "
    "dataset.map(lambda x, y: (x.to_tensor(), y)), or .to_tensor(shape=[None, n]) where batches "
    "are to be alike.",
    ("tensorflow", "SparseTensorSpec"): "Make it dense in the dataset: "
    "dataset.map(lambda x, y: (tf.sparse.to_dense(x), y)).",
    ("jax", "BCOO"): "Make it dense: x.todense().",
    ("jax", "BCSR"): "Make it dense: x.todense().",
}


def check_dense(name: str, array: Any) -> None:
    """Raise unless an array, if it is one, has an entry at each place.

    Args:
        name: of the array, for messages.
        array: anything.

    Raises:
        TypeError: it is a ragged or a sparse tensor, or what a dataset says of one.
        ValueError: entries are masked, which no network would notice.
    """
    kind = type(array)
    remedy = _REMEDIES.get((kind.__module__.partition(".")[0], kind.__name__))
    if remedy is not None:
        raise TypeError(
            f"{name} must be dense, with rows of one shape, got a "
            f"{kind.__name__.removesuffix('Spec')}. {remedy}"
        )
    if isinstance(array, np.ma.MaskedArray) and (n := int(np.ma.count_masked(array))):
        raise ValueError(
            f"{name} must have no masked entries, {n} of {array.size} are. Fill them in, "
            "x.filled(value), or leave those samples out."
        )
