import itertools
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import tssd_keras
from tssd_keras import TSSD, from_dataset
from tssd_keras.data import gathered
from tssd_keras.data.inputs import Inputs
from tssd_keras.data.nested import leaves

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (10, 4, 4, 3)).astype("uint8")
Y = RNG.integers(0, 3, 10)
SIZE = RNG.normal(size=(10, 2)).astype("float32")


def slices(x=X, y=Y):
    return tf.data.Dataset.from_tensor_slices((x, y))


WEIGHT = RNG.random(10)
NAMES = [f"bild_{i}_ä" for i in range(10)]


def more(*columns):
    return tf.data.Dataset.from_tensor_slices((X, Y, *columns))


class Batches(keras.utils.PyDataset):
    """Of four samples each, as many as it is told."""

    def __init__(self, n_batches, columns=(X, Y)):
        super().__init__()
        self.n_batches, self.columns = n_batches, columns

    @property
    def num_batches(self):
        return self.n_batches

    def __getitem__(self, i):
        rows = slice(4 * i, 4 * i + 4)
        return tuple(None if column is None else column[rows] for column in self.columns)


def everything(inputs):
    return inputs.read(np.arange(len(inputs)))


FORMS = {
    "samples": slices,
    "batches": lambda: slices().batch(4),
    "batches of one": lambda: slices().batch(1),
    "whole batches": lambda: slices().batch(5, drop_remainder=True),
    "cached and prefetched": lambda: slices().cache().prefetch(2),
    "of unknown length": lambda: slices().filter(lambda x, y: True),
    "32-bit labels": lambda: slices(y=Y.astype("int32")),
    "unsigned labels": lambda: slices(y=Y.astype("uint8")),
    "a generator's": lambda: tf.data.Dataset.from_generator(
        lambda: zip(X, Y), (tf.uint8, tf.int64)
    ),
    "pairs in a list": lambda: list(zip(X, Y)),
    "a generator": lambda: ([x, int(y)] for x, y in zip(X, Y)),
    "a PyDataset": lambda: Batches(3),
    "batches in a list": lambda: [(X[:6], Y[:6]), (X[6:], Y[6:])],
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_dataset_gives_the_samples_in_its_order(form):
    inputs, labels = from_dataset(FORMS[form]())
    assert isinstance(inputs, Inputs)
    assert inputs.shape == X.shape
    assert inputs.dtype == X.dtype
    np.testing.assert_array_equal(everything(inputs), X)
    np.testing.assert_array_equal(labels, Y)
    assert labels.dtype == np.int64


TEXT = np.array([f"word {i} ä" for i in range(10)], object)
PARTS = {
    "a dict": ({"image": X, "size": SIZE}, ["image", "size"]),
    "a tuple": ((X, SIZE), ["0", "1"]),
    "a dict in a dict": ({"image": X, "more": {"size": SIZE}}, ["image", "more/size"]),
}


@pytest.mark.parametrize("batch_size", [0, 4])
@pytest.mark.parametrize("form", PARTS)
def test_samples_of_several_parts_come_part_by_part(form, batch_size):
    x, names = PARTS[form]
    inputs, labels = from_dataset(slices(x).batch(batch_size) if batch_size else slices(x))
    read = dict(leaves(inputs.read(np.arange(10))))
    assert list(read) == names
    for part, expected in zip(read.values(), (X, SIZE)):
        assert part.dtype == expected.dtype
        np.testing.assert_array_equal(part, expected)
    np.testing.assert_array_equal(labels, Y)


@pytest.mark.parametrize("batch_size", [0, 4])
@pytest.mark.parametrize("shape", [(10,), (10, 1)])
def test_text_stays_text(shape, batch_size):
    data = slices(TEXT.reshape(shape))
    inputs, _ = from_dataset(data.batch(batch_size) if batch_size else data)
    assert inputs.shape == shape
    assert [text.decode() for text in everything(inputs).ravel()] == TEXT.tolist()


def test_all_parts_of_the_samples_must_fit_into_max_gib():
    rows = [({"a": np.zeros(2**19, "uint8"), "b": np.zeros(2**19, "uint8")}, 0)] * 3
    assert len(from_dataset(rows, max_gib=3 / 1024)[1]) == 3
    with pytest.raises(ValueError, match=r"0\.00293 GiB as uint8 of shape \(524288,\) and uint8"):
        from_dataset(rows, max_gib=2.9 / 1024)


def test_an_order_of_several_parts_that_changes_is_noticed():
    with pytest.warns(UserWarning, match="another order"):
        from_dataset(slices({"image": X, "text": TEXT}).shuffle(10, seed=1))


WITH_MORE = {
    "samples": lambda: more(WEIGHT, NAMES),
    "batches": lambda: more(WEIGHT, NAMES).batch(4),
    "a PyDataset": lambda: Batches(3, (X, Y, WEIGHT, np.array(NAMES))),
    "tuples in a list": lambda: list(zip(X, Y, WEIGHT, NAMES)),
}


@pytest.mark.parametrize("form", WITH_MORE)
def test_weights_and_names_come_with_their_samples(form):
    inputs, labels, weight, ids = from_dataset(WITH_MORE[form]())
    np.testing.assert_array_equal(everything(inputs), X)
    np.testing.assert_array_equal(labels, Y)
    np.testing.assert_array_equal(weight, WEIGHT)
    assert ids.tolist() == NAMES


def test_as_much_comes_back_as_an_element_has():
    assert len(from_dataset(more(WEIGHT.astype("float32")))) == 3
    *_, weight, ids = from_dataset(Batches(3, (X, Y, None, Y + 100)))
    assert weight is None
    np.testing.assert_array_equal(ids, Y + 100)
    assert ids.dtype == np.int64
    assert len(from_dataset(Batches(3, (X, Y, None)))) == 2


def test_random_samples_are_noticed():
    tf.random.set_seed(None)  # with a seed the second reading draws the same numbers
    flipped = slices().map(lambda x, y: (tf.image.random_brightness(x, 0.5), y))
    with pytest.warns(UserWarning, match=r"other samples when.*tssd\.feed\(map=\.\.\.\)"):
        from_dataset(flipped.batch(4))
    with pytest.warns(UserWarning, match="other samples when"):
        from_dataset(flipped.shuffle(10))


def test_an_order_that_changes_is_no_matter_where_samples_have_names():
    inputs, labels, _, ids = from_dataset(more(WEIGHT, NAMES).shuffle(10, seed=1).batch(4))
    rows = [NAMES.index(name) for name in ids]
    assert rows != list(range(10))
    np.testing.assert_array_equal(everything(inputs), X[rows])
    np.testing.assert_array_equal(labels, Y[rows])


@pytest.mark.parametrize("dtype", ["float32", "float16", "int32", "bool"])
@pytest.mark.parametrize("shape", [(10,), (10, 7), (10, 2, 3, 4, 1)])
def test_samples_keep_their_type_and_shape(dtype, shape):
    x = RNG.integers(0, 2, shape).astype(dtype)
    inputs, _ = from_dataset(slices(x))
    assert (inputs.dtype, inputs.shape) == (dtype, shape)
    np.testing.assert_array_equal(everything(inputs), x)


def test_a_dataset_that_shuffles_is_read_once_so_samples_keep_their_labels():
    numbers = np.arange(200)
    with pytest.warns(UserWarning, match="another order.*x, y, weight, id"):
        inputs, labels = from_dataset(slices(numbers, numbers).shuffle(200, seed=1))
    assert not np.array_equal(labels, numbers)
    np.testing.assert_array_equal(everything(inputs), labels)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_many_samples_lie_in_a_file_that_has_no_name(monkeypatch, tmp_path, batch_size):
    monkeypatch.setattr(gathered, "IN_MEMORY", 100)  # two samples
    monkeypatch.setattr(gathered.tempfile, "tempdir", str(tmp_path))
    inputs, labels = from_dataset(slices().batch(batch_size))
    assert isinstance(inputs._array, np.memmap)
    assert list(tmp_path.iterdir()) == []
    np.testing.assert_array_equal(everything(inputs), X)
    np.testing.assert_array_equal(labels, Y)


def test_few_samples_lie_in_memory():
    assert not isinstance(from_dataset(slices())[0]._array, np.memmap)


def mib(n, read):
    """n samples of 1 MiB, which note that they were read."""
    for i in range(n):
        read.append(i)
        yield np.zeros(2**20, "uint8"), 0


def test_more_than_max_gib_is_refused_before_it_is_stored():
    read = []
    with pytest.raises(ValueError, match=r"max_gib=0\.00390625 GiB.*\n?.*uint8 of shape \(10485"):
        from_dataset(mib(1000, read), max_gib=4 / 1024)
    assert len(read) == 5


def test_where_the_length_is_known_it_is_refused_at_the_first_sample():
    big = tf.data.Dataset.range(10**9).map(lambda i: (tf.zeros((64, 64)), i))
    with pytest.raises(ValueError, match=r"max_gib=4 GiB, they take more than 1\.53e\+04 GiB"):
        from_dataset(big)


@pytest.mark.parametrize("max_gib", [0, -1, float("nan")])
def test_max_gib_must_be_above_0(max_gib):
    with pytest.raises(ValueError, match="max_gib must be above 0, got"):
        from_dataset(slices(), max_gib=max_gib)


def one_hot(dtype):
    return np.eye(3, dtype=dtype)[Y]


WRONG = {
    "infinite": (lambda: slices().repeat(), ValueError, r"finite.*Leave out \.repeat"),
    "empty": (lambda: slices().take(0), ValueError, "at least one sample, it is empty"),
    "an empty list": (lambda: [], ValueError, "at least one sample, it is empty"),
    "x alone": (
        lambda: tf.data.Dataset.from_tensor_slices(X),
        TypeError,
        r"tuples \(x, y\), element 0 is a ndarray",
    ),
    "ids for weights": (
        lambda: more(Y),
        TypeError,
        r"must be floats, element 0 has int64.*tf\.cast.*ids, give \(x, y, 1\.0, id\)",
    ),
    "weights in a column": (
        lambda: more(WEIGHT[:, None]).batch(2),
        TypeError,
        r"weight must be one a sample, of shape \(2,\), element 0 has shape \(2, 1\)",
    ),
    "one id for a batch": (
        lambda: [(X, Y, None, "a")],
        TypeError,
        r"id must be one a sample.*element 0 has shape \(\)",
    ),
    "ids that are floats": (lambda: more(WEIGHT, WEIGHT), TypeError, "id, the fourth.*float64"),
    "some weights": (
        lambda: [(X[0], 0, 1.0), (X[1], 1)],
        ValueError,
        "each sample must have a weight, or none: element 1 has none",
    ),
    "five": (lambda: more(WEIGHT, Y, Y), TypeError, "element 0 has 5 components"),
    "a PyDataset without end": (lambda: Batches(None), ValueError, "finite.*num_batches"),
    "a dict": (
        lambda: tf.data.Dataset.from_tensor_slices({"image": X, "label": Y}),
        TypeError,
        r"dict of image, label\. Try dataset\.map\(lambda d: \(d\['image'\].*as_supervised=True",
    ),
    "a dict in a list": (lambda: [{"image": X[0], "label": 1}], TypeError, "dict of image, label"),
    "x of nothing": (lambda: [({}, 0)], TypeError, r"one tensor or several, element 0 has \{\}"),
    "x of other parts": (
        lambda: [({"a": X[0]}, 0), ({"b": X[1]}, 1)],
        ValueError,
        "the same parts: the first has 'a', element 1 has 'b'",
    ),
    "x of other shapes": (
        lambda: [({"a": X[0], "b": X[0]}, 0), ({"a": X[0], "b": X[1, :2]}, 1)],
        ValueError,
        r"one shape and type of 'b': .*\(4, 4, 3\), element 1 has uint8 of shape \(2, 4, 3\)",
    ),
    "x that is neither": (lambda: [([object()], 0)], TypeError, "numbers or text.*has object"),
    "y of nothing": (lambda: [(X[0], {})], TypeError, r"y must be a label, or one an output"),
    "y that is neither": (lambda: [(X[0], 1j)], TypeError, "numbers or names.*complex128"),
    "labels of other shapes": (
        lambda: [(X[0], np.eye(3)[0]), (X[1], np.eye(4)[0])],
        ValueError,
        r"element 1 are numbers of shape \(4,\), those of the first numbers of shape \(3,\)",
    ),
    "labels of other kinds": (
        lambda: [(X[0], "cat"), (X[1], 1)],
        ValueError,
        r"element 1 are numbers of shape \(\), those of the first text of shape \(\)",
    ),
    "other outputs": (
        lambda: [(X[0], {"a": 1, "b": 2}), (X[1], {"a": 1})],
        ValueError,
        r"element 1 are 'a' numbers of shape \(\), those of the first 'a' .*'b' numbers",
    ),
    "names that are missing": (lambda: slices(y=np.array([""] * 10)), ValueError, "10 of 10 are m"),
    "rows that are no labels": (
        lambda: slices(y=RNG.random((10, 3))).batch(5),
        ValueError,
        r"whole numbers, one a sample, shape \(N,\), got float64\[10, 3\]",
    ),
    "as many as none": (
        lambda: [(X[:4], [0, 2, 1])],
        TypeError,
        r"one label .*or one for each sample of a batch, got y of shape \(3,\) with x of",
    ),
    "several shapes": (
        lambda: [(X[0], 0), (X[1, :2], 1)],
        ValueError,
        r"one shape.*\(4, 4, 3\), element 1 has uint8 of shape \(2, 4, 3\)",
    ),
    "several types": (
        lambda: [(X[0], 0), (X[1] / 255, 1)],
        ValueError,
        r"first is uint8.*element 1 has float64",
    ),
    "floats": (lambda: slices(y=Y / 2), ValueError, "whole numbers"),
    "mixed": (
        lambda: [(X[0], 0), (X[:4], Y[:4])],
        ValueError,
        r"all batches or all single samples, element 1 has x of shape \(4, 4, 4, 3\)",
    ),
    "no dataset": (lambda: 7, TypeError, r"tf\.data\.Dataset or an iterable of \(x, y\), got int"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_read_is_told_with_a_cure(case):
    make, kind, words = WRONG[case]
    with pytest.raises(kind, match=words):
        from_dataset(make())


@pytest.mark.parametrize("value", [np.int64(-1), np.uint64(2**63)])
def test_labels_that_are_no_class_numbers_are_told_by_their_sample(value):
    y = Y.astype(value.dtype)
    y[[3, 7]] = value
    with pytest.raises(ValueError, match=rf"2 of 10 do not, the first is sample 3 with {value}"):
        from_dataset(slices(y=y))


def test_a_feed_is_no_dataset_to_read():
    tssd = TSSD(X, Y)
    for kind in ("tf.data", "pydataset"):
        with pytest.raises(TypeError, match="feed of a TSSD is no dataset"):
            from_dataset(tssd.feed(batch_size=2, kind=kind))


@pytest.mark.backend_free
def test_pairs_are_read_without_tensorflow_and_without_keras():
    code = (
        "import numpy as np, sys; from tssd_keras import from_dataset;"
        "inputs, labels = from_dataset((np.full(3, i), i % 2) for i in range(5));"
        "print(inputs.shape, labels, [n for n in ('keras', 'tensorflow') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(tssd_keras.__file__).parent.parent,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "(5, 3) [0 1 0 1 0] []"


@pytest.mark.parametrize("kind", ["cycle", "iterable"])
def test_pairs_without_end_are_refused_before_they_fill_the_memory(kind, monkeypatch):
    monkeypatch.setattr("tssd_keras.data.from_dataset.MOST", 500)
    pair = (np.zeros(3, np.float32), 1)
    endless = itertools.cycle([pair])
    if kind == "iterable":
        endless = map(lambda _: pair, itertools.count())
    with pytest.raises(ValueError, match=r"must be finite: 500 elements .*itertools\.islice"):
        from_dataset(endless)
    assert len(from_dataset([pair] * 600)[1]) == 600  # a list says how many
    assert len(from_dataset(itertools.islice(itertools.cycle([pair]), 500))[1]) == 500
