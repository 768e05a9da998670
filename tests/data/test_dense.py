"""Ragged, sparse and masked arrays are refused at every door, with what to do."""

import keras
import numpy as np
import pytest

from tssd_keras import TSSD
from tssd_keras.data.inputs import as_inputs

EYE = np.eye(4, dtype="float32")
Y = np.array([0, 1, 0, 1])


def test_ragged_and_sparse_tensors_are_refused_with_the_mended_line():
    tf = pytest.importorskip("tensorflow")
    ragged, holes = tf.ragged.constant([[1.0, 2.0], [3.0]] * 2), tf.sparse.from_dense(EYE)
    for x, remedy in ((ragged, r"x\.to_tensor\(\)"), (holes, r"tf\.sparse\.to_dense\(x\)")):
        with pytest.raises(TypeError, match=f"inputs must be dense.*{remedy}"):
            TSSD(x, Y)
        with pytest.raises(TypeError, match=f"part 'a': inputs must be dense.*{remedy}"):
            TSSD({"a": x, "b": EYE}, Y)
        in_dataset = remedy.replace("tf", r"map.*tf")
        dataset = tf.data.Dataset.from_tensor_slices((x, Y))
        for several in (dataset, dataset.batch(2)):
            with pytest.raises(TypeError, match=f"part 0 of the dataset must be.*{in_dataset}"):
                TSSD(several)
    with pytest.raises(TypeError, match="labels must be dense"):
        TSSD(EYE, holes)


def test_the_mended_lines_do_what_they_say():
    tf = pytest.importorskip("tensorflow")
    scipy_sparse = pytest.importorskip("scipy.sparse")
    ragged, x = tf.ragged.constant([[1.0, 2.0], [3.0]]), tf.sparse.from_dense(EYE)
    padded = as_inputs(ragged.to_tensor()).read(np.arange(2))
    np.testing.assert_array_equal(padded, [[1, 2], [3, 0]])
    matrix = scipy_sparse.csr_matrix((x.values, x.indices.numpy().T), x.dense_shape.numpy())
    np.testing.assert_array_equal(as_inputs(matrix).read(np.arange(4)), EYE)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="of JAX")
def test_sparse_arrays_of_jax_are_refused():
    from jax.experimental import sparse

    with pytest.raises(TypeError, match=r"must be dense.*BCOO.*x\.todense\(\)"):
        as_inputs(sparse.BCOO.fromdense(EYE))


def test_masked_entries_are_refused_and_a_mask_without_any_is_none():
    masked = np.ma.masked_equal(EYE, 1)
    with pytest.raises(ValueError, match=r"no masked entries, 4 of 16 are.*x\.filled\(value\)"):
        TSSD(masked, Y)
    with pytest.raises(ValueError, match="labels must have no masked entries, 2 of 4"):
        TSSD(EYE, np.ma.masked_equal(Y, 1))
    np.testing.assert_array_equal(as_inputs(np.ma.masked_equal(EYE, 7)).read([0]), EYE[:1])
