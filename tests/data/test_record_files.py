"""Record files by the ways that docs/own_model.md names: ArrayRecord by index, TFRecord once."""

import numpy as np
import pytest

from tssd_keras import from_dataset
from tssd_keras.data.read_by_rows import RowsInputs

pytestmark = pytest.mark.backend_free

SAMPLES = np.random.default_rng(0).integers(0, 256, (50, 8, 8), np.uint8)
LABELS = np.arange(50) % 3


class Records:
    """As in the document."""

    def __init__(self, paths, shape, dtype):
        from array_record.python.array_record_data_source import ArrayRecordDataSource

        self._records = ArrayRecordDataSource(paths)
        self.shape, self.dtype = (len(self._records), *shape), np.dtype(dtype)

    def __getitem__(self, rows):
        if isinstance(rows, slice):
            rows = range(*rows.indices(len(self._records)))
        found = self._records.__getitems__([int(row) for row in rows])
        return np.stack([np.frombuffer(one, self.dtype).reshape(self.shape[1:]) for one in found])


def test_array_records_are_read_by_index_from_where_they_lie(tmp_path):
    module = pytest.importorskip("array_record.python.array_record_module")
    paths = [str(tmp_path / f"part-{i}.array_record") for i in range(2)]
    for path, part in zip(paths, np.split(SAMPLES, [20]), strict=True):
        writer = module.ArrayRecordWriter(path, "group_size:1")
        for sample in part:
            writer.write(sample.tobytes())
        writer.close()
    inputs = RowsInputs(Records(paths, (8, 8), np.uint8), "inputs")
    assert inputs.shape == SAMPLES.shape
    for rows in ([3, 19, 20, 49], [7], [30, 2, 2]):
        np.testing.assert_array_equal(inputs.read(np.array(rows)), SAMPLES[rows])


def test_tfrecord_files_are_read_once_and_by_index_from_then_on(tmp_path):
    tf = pytest.importorskip("tensorflow")
    paths, seen = [str(tmp_path / f"part-{i}.tfrecord") for i in range(2)], []
    for path, rows in zip(paths, np.split(np.arange(50), [20]), strict=True):
        with tf.io.TFRecordWriter(path) as writer:
            for row in rows:
                writer.write(SAMPLES[row].tobytes() + bytes([LABELS[row]]))

    def noted(record):
        seen.append(record)
        return record

    def parsed(record):
        record = tf.ensure_shape(tf.numpy_function(noted, [record], tf.string), ())
        numbers = tf.reshape(tf.io.decode_raw(record, tf.uint8), (65,))
        return tf.reshape(numbers[:64], (8, 8)), tf.cast(numbers[64], tf.int64)

    dataset = tf.data.TFRecordDataset(paths).map(parsed).batch(16)
    inputs, labels = from_dataset(dataset)
    np.testing.assert_array_equal(labels, LABELS)
    n_read = len(seen)
    assert n_read < 50 + 2 * 16  # the first batch comes again, to notice a dataset that shuffles
    rows = np.array([49, 0, 20])
    np.testing.assert_array_equal(inputs.read(rows), SAMPLES[rows])
    assert len(seen) == n_read
