"""TSSD of a dataset; weights and names of samples."""

import csv
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from tssd_keras import TSSD, Labels, Scoring, TSSDClassifier, from_dataset, from_directory
from tssd_keras.train.steps import mixmatch_step

RNG = np.random.default_rng(3)
N = 120
RIGHT = np.arange(N) % 3
X = (np.eye(3)[RIGHT] * 4 + RNG.normal(size=(N, 3))).astype("float32")
Y = np.where(np.arange(N) % 5 == 0, (RIGHT + 1) % 3, RIGHT)
WEIGHT = RNG.choice([0.0, 0.5, 2.0], N)
IDS = np.array([f"n{i}" for i in RNG.permutation(N)])


def network():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, activation="softmax")])
    model.compile(
        keras.optimizers.Adam(0.05),
        loss=keras.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight"),
    )
    return model


class Batches(keras.utils.PyDataset):
    def __init__(self):
        super().__init__()

    def __len__(self):
        return 4

    def __getitem__(self, i):
        rows = slice(30 * i, 30 * i + 30)
        return X[rows], Y[rows], WEIGHT[rows], IDS[rows]


DATASETS = {
    "tf.data": lambda: tf.data.Dataset.from_tensor_slices((X, Y, WEIGHT, IDS)).batch(32),
    "PyDataset": Batches,
}


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_dataset_alone_is_enough_and_names_stay_with_their_rows(dataset, tmp_path):
    tssd = TSSD(DATASETS[dataset](), warmup_epochs=1)
    model = network()
    model.fit(tssd.feed(batch_size=16), epochs=3, callbacks=[tssd], shuffle=False, verbose=0)
    assert len(tssd.rounds) == 2
    assert tssd.table.ids.tolist() == IDS.tolist()
    np.testing.assert_array_equal(tssd.table.given, Y)
    tssd.table.write_csv(tmp_path / "table.csv", ("a", "b", "c"))
    rows = list(csv.DictReader((tmp_path / "table.csv").read_text().splitlines()))
    assert [row["id"] for row in rows] == IDS.tolist()


def fed(tssd, kind):
    """Weights of one epoch's batches, by sample; -1 where none came."""
    seen = np.full(N, -1.0)
    feed = tssd.feed(batch_size=16, kind=kind, shuffle=False)
    for x, _, weight in feed if kind == "tf.data" else map(feed.__getitem__, range(tssd.steps)):
        for sample, one in zip(np.asarray(x), np.asarray(weight)):
            row = int(np.flatnonzero((sample == X).all(axis=1))[0])
            seen[row] = max(seen[row], one)
    return seen


@pytest.mark.parametrize("kind", ["tf.data", "pydataset"])
def test_a_samples_own_weight_multiplies_what_it_was_judged_to_count_for(kind):
    tssd, plain = (TSSD(X, Labels(Y, weight=weight), warmup_epochs=1) for weight in (WEIGHT, None))
    plain.table.held_back[:] = tssd.table.held_back[:] = False
    expected = np.where(WEIGHT > 0, WEIGHT, -1)
    np.testing.assert_allclose(fed(tssd, kind), expected)
    weights, kept = np.zeros(N), RNG.random(N) < 0.7
    weights[kept] = 0.5
    for one in (tssd, plain):
        one.table.weights[:] = weights[:, None]
    np.testing.assert_allclose(fed(tssd, kind), np.where(kept & (WEIGHT > 0), WEIGHT / 2, -1))
    np.testing.assert_array_equal(tssd.table.weight, plain.table.weight)  # as it was judged


def test_samples_of_weight_0_are_not_trained_on_and_judged_all_the_same():
    weight = np.where(np.arange(N) % 4 == 0, 0.0, 1.0)
    tssd = TSSD(X, Labels(Y, weight=weight), warmup_epochs=1)
    model = network()
    model.fit(tssd.feed(batch_size=16), epochs=3, callbacks=[tssd], shuffle=False, verbose=0)
    assert not tssd.table.trained[weight == 0].any()
    assert tssd.table.trained[weight > 0].any()
    assert tssd.table.judged.all()


def test_a_model_that_learns_without_labels_refuses_weights():
    networks = [keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])]
    tssd = TSSD(X, Labels(Y, weight=WEIGHT))
    with pytest.raises(ValueError, match="must not have weights of their own"):
        tssd.feed(batch_size=16, model=mixmatch_step(networks))


def labels(**more):
    return lambda: TSSD(X, Labels(Y, **more))


WRONG = {
    "no labels": (lambda: TSSD(X), TypeError, "labels must be given.*a ndarray"),
    "pairs": (lambda: TSSD(list(zip(X, Y))), TypeError, r"TSSD\(\*tssd_keras.from_dataset"),
    "labels twice": (lambda: TSSD(Batches(), Y), TypeError, "left out.*a Batches.*from_dataset"),
    "no end": (
        lambda: TSSD(tf.data.Dataset.from_tensor_slices((X, Y)).repeat()),
        ValueError,
        "must be finite",
    ),
    "few weights": (labels(weight=WEIGHT[1:]), ValueError, r"120 samples.*float64 of shape \(119,"),
    "a weight below 0": (labels(weight=WEIGHT - 0.5), ValueError, "of 120 are not, the first is -"),
    "a weight that is NaN": (labels(weight=np.where(Y, 1, np.nan)), ValueError, "first is nan"),
    "no weight": (labels(weight=np.zeros(N)), ValueError, "all 120 are 0"),
    "words for weights": (labels(weight=IDS), ValueError, "must be numbers"),
    "few ids": (labels(ids=IDS[1:]), ValueError, r"120 samples.*shape \(119,\)"),
    "an id twice": (labels(ids=np.arange(N) // 2), ValueError, "60 of 120 repeat.*first is 0"),
    "floats for ids": (labels(ids=WEIGHT), TypeError, "whole numbers or text, got float"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_told(case):
    make, kind, words = WRONG[case]
    with pytest.raises(kind, match=words):
        make()


def test_ids_are_numbers_or_text_and_go_with_the_index():
    assert TSSD(X, Labels(Y, ids=np.arange(N) + 7)).table.ids.tolist() == list(range(7, N + 7))
    some = np.arange(0, N, 2)
    tssd = TSSD(X, Labels(Y[some], index=some, ids=IDS[some]))
    assert tssd.table.ids[5] == IDS[tssd.table.index[5]]


def test_more_can_be_said_of_a_datasets_labels():
    x, y, weight, ids = from_dataset(Batches())
    tssd = TSSD(x, Labels(y, weight=weight, ids=ids, true=RIGHT))
    np.testing.assert_array_equal(tssd.true_labels, RIGHT)


def test_names_of_the_classes_go_with_the_table(tmp_path):
    tssd = TSSD(X, Labels(Y, class_names=["ant", "bee", "cat"]), warmup_epochs=1)
    assert tssd.class_names == ("ant", "bee", "cat")
    tssd.table.write_csv(tmp_path / "table.csv")
    rows = list(csv.DictReader((tmp_path / "table.csv").read_text().splitlines()))
    assert [row["given"] for row in rows] == [tssd.class_names[label] for label in Y]
    pandas = pytest.importorskip("pandas")
    frame = tssd.table.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert frame["given"].tolist() == [tssd.class_names[label] for label in Y]


NAMED = {
    "one": (["ant"], TypeError, "a list of text, a name a class, got"),
    "text": ("abc", TypeError, "a list of text"),
    "numbers": ([1, 2, 3], TypeError, "a list of text"),
    "twice": (["a", "b", "a"], ValueError, "must differ, 'a' comes more than once"),
    "too few": (["a", "b"], ValueError, "labels"),
}


@pytest.mark.parametrize("case", NAMED)
def test_names_of_the_classes_are_checked(case):
    names, kind, words = NAMED[case]
    with pytest.raises(kind, match=words):
        TSSD(X, Labels(Y, class_names=names))


def test_labels_that_are_names_are_not_named_again():
    with pytest.raises(ValueError, match="left out where labels are names, 'a', 'b', 'c'"):
        TSSD(X, Labels(np.array(["a", "b", "c"])[Y], class_names=["x", "y", "z"]))


def pictures(folder, names=("cat", "dog"), n=4):
    for i, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for j in range(n):
            image = np.full((8, 8, 3), 20 * i + 7 * j + len(folder.name))
            keras.utils.save_img(folder / name / f"{j}.png", image, scale=False)
    return from_directory(folder, image_size=(8, 8))


def test_a_folder_of_trusted_images_is_golden(tmp_path):
    noisy, trusted = pictures(tmp_path / "noisy"), pictures(tmp_path / "gold")
    tssd = TSSD(noisy, golden=trusted)
    assert tssd.class_names == ("cat", "dog")
    assert tssd.arguments.golden.labels.tolist() == trusted.labels.tolist()
    others = pictures(tmp_path / "others", ("cat", "cow"))
    with pytest.raises(ValueError, match="inputs, which are 'cat', 'dog', got 'cat', 'cow'"):
        TSSD(noisy, golden=others)
    with pytest.raises(ValueError, match=r"have no names.*class_names="):
        TSSD(noisy.inputs, noisy.labels, golden=trusted)


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_dataset_of_trusted_samples_is_golden(dataset):
    tssd = TSSD(X + 1, Y, golden=DATASETS[dataset]())
    np.testing.assert_array_equal(tssd.arguments.golden.labels, Y)


@pytest.mark.parametrize("name", ["weight", "ids"])
def test_ragged_lists_are_told_in_our_words(name):
    with pytest.raises(ValueError, match=rf"Labels\.{name} must be one value a sample"):
        TSSD(X, Labels(Y, **{name: [[1.0, 2.0], [3.0]] * (N // 2)}))


def test_golden_columns_in_another_order_are_refused():
    pandas = pytest.importorskip("pandas")
    names = ["a", "b", "c"]
    frame, trusted = (pandas.DataFrame(x, columns=names) for x in (X, X[:30] + 1))
    TSSD(frame, Y, golden=(trusted, RIGHT[:30]))
    with pytest.raises(ValueError, match=r"column 0 is 'a', got 'c'. Take golden_x"):
        TSSD(frame, Y, golden=(trusted[names[::-1]], RIGHT[:30]))
    with pytest.raises(ValueError, match=r"[Ff]eature names"):
        TSSDClassifier(epochs=2, warmup_epochs=1).fit(
            frame, Y, golden=(trusted[names[::-1]], RIGHT[:30])
        )


def test_golden_datasets_must_name_the_classes_alike(tmp_path):
    noisy = pictures(tmp_path / "noisy")
    pictures(tmp_path / "gold")
    golden = {
        names: keras.utils.image_dataset_from_directory(
            tmp_path / "gold", class_names=names, image_size=(8, 8), verbose=False
        )
        for names in (("cat", "dog"), ("dog", "cat"))
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # golden samples may come in any order
        TSSD(noisy, golden=golden["cat", "dog"])
    with pytest.raises(ValueError, match=r"are 'cat', 'dog', got 'dog', 'cat'.*in one order"):
        TSSD(noisy, golden=golden["dog", "cat"])


@pytest.mark.parametrize("several", [dict, tuple])
def test_golden_labels_of_several_outputs_are_those_of_the_one_that_is_judged(several):
    def targets(kind, size):
        return {"kind": kind, "size": size} if several is dict else (kind, size)

    judged = Scoring(output="kind" if several is dict else 0)
    given, trusted = targets(Y, X.sum(axis=1)), targets(RIGHT[:30], X[:30].sum(axis=1))
    for golden in (trusted, RIGHT[:30]):
        tssd = TSSD(X, given, golden=(X[:30] + 1, golden), scoring=judged)
        np.testing.assert_array_equal(tssd.arguments.golden.labels, RIGHT[:30])


def test_a_model_that_knows_more_classes_is_told_before_anything_is_trained():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(5, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    tssd = TSSD(X, Y)
    with pytest.raises(ValueError, match=r"tells 5. If it knows .*Labels\(y, n_classes=5\)"):
        model.fit(tssd.feed(16), callbacks=[tssd], shuffle=False, verbose=0)


class TakesTwo(keras.Model):
    """The first line of Keras' guide to one's own step, which has no weights."""

    def __init__(self):
        super().__init__()
        self.head = keras.layers.Dense(3, activation="softmax")

    def call(self, x):
        return self.head(x)

    def train_step(self, *arguments):
        x, y = arguments[-1]
        return {"loss": self.compute_loss(x, y, self(x))}


def test_a_step_that_unpacks_two_things_is_told_the_line_that_takes_three():
    model = TakesTwo()
    model.compile("adam", "sparse_categorical_crossentropy")
    tssd = TSSD(X, Y)
    with pytest.raises(ValueError, match=r"TakesTwo\.train_step must take .*unpack_x_y_sample_w"):
        model.fit(tssd.feed(16), callbacks=[tssd], shuffle=False, verbose=0)


def test_sigmoid_outputs_of_several_classes_are_told_what_to_end_in():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    tssd = TSSD(X, np.eye(3, dtype="float32")[Y])
    with pytest.raises(ValueError, match=r"sigmoid outputs, one probability each. End the model"):
        model.fit(tssd.feed(16), callbacks=[tssd], shuffle=False, verbose=0)


def test_two_datasets_in_place_of_one_are_told_apart():
    one = DATASETS["tf.data"]()
    with pytest.raises(TypeError, match=r"one dataset, got 2 things\. Take the training part"):
        TSSD((one, one))
    with pytest.raises(ValueError, match=r"an ImageFolder, a dataset.*got 'photos'. A folder of"):
        TSSD(X, Y, golden="photos")


def test_a_state_of_classes_that_are_named_otherwise_is_refused():
    one, other = (
        TSSD(X, Labels(Y, class_names=names)) for names in (["a", "b", "c"], ["b", "a", "c"])
    )
    with pytest.raises(ValueError, match=r"class_names there a, b, c, .* here b, a, c"):
        other.set_state(one.get_state())
