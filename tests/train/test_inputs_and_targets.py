"""Inputs and labels as people have them: real `fit`, both kinds of feed, both backends."""

import h5py
import keras
import numpy as np
import pytest
from keras import layers
from scipy import sparse
from sklearn.metrics import roc_auc_score

from tssd_keras import TSSD, Labels, Scoring, from_dataset
from tssd_keras.train.scoring_model import scoring_model

N = 240
RNG = np.random.default_rng(0)
TRUE = RNG.integers(0, 2, N)
A = (3 * TRUE[:, None] + RNG.normal(size=(N, 5))).astype("float32")
B = RNG.normal(size=(N, 3)).astype("float32")
WRONG = RNG.random(N) < 0.2
GIVEN = np.where(WRONG, 1 - TRUE, TRUE)
SPARSE = "sparse_categorical_crossentropy"
KINDS = ["tf.data", "pydataset"]


def one_input(width=2, activation="softmax"):
    return keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(16, activation="relu"),
            layers.Dense(width, activation=activation),
        ]
    )


def two_inputs(outputs="one", form=list):
    a, b = keras.Input((5,), name="a"), keras.Input((3,), name="b")
    hidden = layers.Dense(16, activation="relu")(layers.Concatenate()([a, b]))
    kind, size = layers.Dense(2, "softmax", name="kind")(hidden), layers.Dense(1)(hidden)
    inputs = {"a": a, "b": b} if form is dict else [a, b]
    return keras.Model(inputs, {"one": kind, "dict": {"kind": kind, "size": size}}.get(
        outputs, [kind, size]
    ))  # fmt: skip


def judged(x, labels, model, loss, kind, *, told=False, **settings):
    """Train, and say how well wrong labels are told; `told`: the feed is given the model."""
    keras.utils.set_random_seed(0)
    model.compile(keras.optimizers.Adam(1e-2), loss)
    tssd = TSSD(x, labels, warmup_epochs=3, **settings)
    feed = tssd.feed(40, kind=kind, model=model if told else None)
    model.fit(feed, epochs=5, callbacks=[tssd], shuffle=False, verbose=0)
    assert roc_auc_score(~WRONG, tssd.table.clean_score) > 0.95
    return tssd


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("x", "form"), [({"a": A, "b": B}, dict), ([A, B], list), ((A, B), list)], ids=str
)
def test_several_inputs_are_fed_as_the_model_takes_them(x, form, kind):
    judged(x, GIVEN, two_inputs(form=form), SPARSE, kind)


def test_golden_samples_have_the_parts_of_the_others():
    golden = ({"a": A[:40], "b": B[:40]}, TRUE[:40])
    x, model = {"a": A[40:], "b": B[40:]}, two_inputs(form=dict)
    keras.utils.set_random_seed(0)
    model.compile(keras.optimizers.Adam(1e-2), SPARSE)
    tssd = TSSD(x, GIVEN[40:], golden=golden, warmup_epochs=3)
    model.fit(tssd.feed(40), epochs=5, callbacks=[tssd], shuffle=False, verbose=0)
    assert roc_auc_score(~WRONG[40:], tssd.table.q) > 0.95
    with pytest.raises(ValueError, match="must have the parts of the others, 'a', 'b', got 'a'"):
        TSSD(x, GIVEN[40:], golden=({"a": A[:40]}, TRUE[:40]))
    with pytest.raises(
        ValueError, match=r"golden samples of 'b' must have the shape .*\(3,\), got"
    ):
        TSSD(x, GIVEN[40:], golden=({"a": A[:40], "b": A[:40]}, TRUE[:40]))
    with pytest.raises(ValueError, match="40 of 40 are equal to one"):
        TSSD({"a": A, "b": B}, GIVEN, golden=golden)
    with pytest.raises(ValueError, match="inputs of 'b' must be finite: 1 of 200"):
        TSSD({**x, "b": np.where(np.arange(600).reshape(200, 3), x["b"], np.nan)}, GIVEN[40:])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("x", [sparse.csr_matrix(A), A.astype(">f4")], ids=["sparse", "big-endian"])
def test_arrays_of_other_formats_are_read_a_batch_at_a_time(x, kind):
    judged(x, GIVEN, one_input(), SPARSE, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_samples_and_labels_of_an_hdf5_file_are_judged_as_those_in_memory(kind, tmp_path):
    with h5py.File(tmp_path / "samples.h5", "w") as file:
        file.create_dataset("x", data=A, chunks=(16, 5), compression="gzip")
        file["y"] = GIVEN
        keras.utils.set_random_seed(0)  # of the first weights
        of_file = judged(file["x"], file["y"], one_input(), SPARSE, kind)
    keras.utils.set_random_seed(0)
    in_memory = judged(A, GIVEN, one_input(), SPARSE, kind)
    np.testing.assert_array_equal(of_file.table.clean_score, in_memory.table.clean_score)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("labels", "loss"),
    [
        (GIVEN.astype("uint8")[:, None], SPARSE),
        (np.eye(2)[GIVEN], "categorical_crossentropy"),
        (np.eye(2)[GIVEN], keras.losses.CategoricalCrossentropy(label_smoothing=0.1)),
        (np.array(["no", "yes"])[GIVEN], SPARSE),
    ],
    ids=["column", "one-hot", "smoothed", "names"],
)
def test_labels_are_fed_in_the_form_in_which_they_came(labels, loss, kind):
    tssd = judged(A, labels, one_input(), loss, kind)
    np.testing.assert_array_equal(tssd.table.given, GIVEN)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("labels", "activation"),
    [(GIVEN.astype(bool), "sigmoid"), (GIVEN.astype(float), None), (GIVEN[:, None] * 1.0, None)],
    ids=["truth values", "floats", "column"],
)
def test_one_unit_takes_the_labels_of_binary_crossentropy(labels, activation, kind):
    loss = keras.losses.BinaryCrossentropy(from_logits=activation is None)
    judged(A, labels, one_input(1, activation), loss, kind)


def test_the_feed_gives_the_form_that_the_models_loss_takes():
    judged(A, GIVEN, one_input(), "categorical_crossentropy", "auto", told=True)
    judged(A, np.eye(2)[GIVEN], one_input(), SPARSE, "auto", told=True)


@pytest.mark.parametrize(
    "loss",
    [["categorical_crossentropy"], {"scores": keras.losses.CategoricalCrossentropy()}, "mse"],
    ids=["in a list", "in a dict", "of numbers"],
)
def test_a_loss_of_the_only_output_may_stand_in_a_list_or_a_dict(loss):
    inputs = keras.Input((5,))
    hidden = layers.Dense(16, activation="relu")(inputs)
    model = keras.Model(inputs, layers.Dense(2, "softmax", name="scores")(hidden))
    judged(A, GIVEN, model, loss, "auto", told=True)


@pytest.mark.parametrize("loss", [keras.losses.BinaryCrossentropy(from_logits=True), "mse"])
def test_several_units_that_are_compared_one_by_one_take_one_hot_rows(loss):
    model = one_input(2, None)
    model.compile("sgd", loss)
    tssd = TSSD(A, GIVEN, warmup_epochs=None)
    _, y, _ = next(iter(tssd.feed(20, model=model, shuffle=False, kind="pydataset")))
    np.testing.assert_array_equal(y, np.eye(2)[GIVEN[:20]])
    with pytest.raises(ValueError, match=r"one-hot, and the feed gives int64 of shape \(n,\)"):
        model.fit(tssd.feed(20), callbacks=[tssd], shuffle=False, verbose=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("labels", "units", "loss", "wanted"),
    [
        (GIVEN, 2, "categorical_crossentropy", r"float32 of shape \(n, K\)"),
        (np.eye(2)[GIVEN], 2, SPARSE, r"int64 of shape \(n,\)"),
        (np.eye(2)[GIVEN], 1, "binary_crossentropy", r"float32 of shape \(n,\)"),
    ],
)
def test_labels_that_the_loss_does_not_take_are_told_before_keras_looks_at_them(
    labels, units, loss, wanted, kind
):
    model = one_input(units, "sigmoid" if units == 1 else "softmax")
    model.compile("adam", loss)
    tssd = TSSD(A, labels)
    with pytest.raises(ValueError, match=rf"loss takes labels as {wanted}.*, model=model\)"):
        model.fit(tssd.feed(20, kind=kind), callbacks=[tssd], shuffle=False, verbose=0)
    judged(A, labels, model, loss, kind, told=True)


@pytest.mark.parametrize("kind", ["truth values", "nullable"])
def test_a_data_frame_of_numbers_of_several_kinds_is_numbers(kind):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(A).assign(above=A[:, 0] > 0)  # as pandas.get_dummies makes them
    frame = frame if kind == "truth values" else pandas.DataFrame(A).astype("Float64")
    inputs = TSSD(frame, GIVEN).inputs
    np.testing.assert_array_equal(inputs.read(np.arange(9)), frame.to_numpy(float)[:9])
    assert inputs.dtype == np.float64
    frame.iloc[3, 0] = pandas.NA
    with pytest.raises((TypeError, ValueError), match=r"gaps have to be filled in|must be finite"):
        TSSD(frame, GIVEN)


def test_names_of_classes_are_kept_for_golden_and_true_labels():
    names = np.array(["no", "yes"])
    golden = (A[:30], names[TRUE[:30]])
    labels = Labels(names[GIVEN[30:]], true=names[TRUE[30:]])
    tssd = TSSD(A[30:], labels, golden=golden)
    assert tssd.class_names == ("no", "yes")
    np.testing.assert_array_equal(tssd.true_labels, TRUE[30:])
    np.testing.assert_array_equal(tssd.arguments.golden.labels, TRUE[:30])


@pytest.mark.parametrize("kind", KINDS)
def test_of_several_outputs_the_named_one_is_judged_and_the_others_are_passed_through(kind):
    labels = {"kind": GIVEN, "size": A[:, 0]}
    loss = {"kind": SPARSE, "size": "mse"}
    judged([A, B], labels, two_inputs("dict"), loss, kind, scoring=Scoring(output="kind"))
    labels = (GIVEN, A[:, 0])
    judged([A, B], labels, two_inputs("list"), [SPARSE, "mse"], kind, scoring=Scoring(output=0))


def test_an_output_that_is_not_there_is_refused():
    labels = {"kind": GIVEN, "size": A[:, 0]}
    with pytest.raises(ValueError, match=r"must be named: .* one of 'kind', 'size', got None"):
        TSSD([A, B], labels)
    with pytest.raises(ValueError, match="for labels of several outputs"):
        TSSD([A, B], GIVEN, scoring=Scoring(output="kind"))
    with pytest.raises(ValueError, match="as many, got 239 of 'size' and 240 of 'kind'"):
        TSSD([A, B], {**labels, "size": A[1:, 0]}, scoring=Scoring(output="kind"))
    with pytest.raises(ValueError, match="is for a model with several outputs"):
        scoring_model(two_inputs(), [A[:8], B[:8]], output="kind")
    with pytest.raises(ValueError, match=r"has 2 outputs, 'kind', 'size', .* must be named, got 2"):
        scoring_model(two_inputs("dict"), [A[:8], B[:8]], output=2)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow takes text")
def test_text_goes_into_the_model_on_tensorflow():
    words = np.array([["bad", "awful", "poor"], ["good", "fine", "nice"]])
    text = np.array([" ".join(words[kind, RNG.integers(0, 3, 4)]) for kind in TRUE])
    vectorize = layers.TextVectorization(max_tokens=20, output_sequence_length=4)
    vectorize.adapt(text)
    dataset = from_dataset(zip(text, GIVEN))[0]
    for x in (text, text.astype(object), dataset):
        model = keras.Sequential(
            [
                keras.Input((), dtype="string"),
                vectorize,
                layers.Embedding(20, 8),
                layers.GlobalAveragePooling1D(),
                layers.Dense(2, "softmax"),
            ]
        )
        judged(x, GIVEN, model, SPARSE, "auto")
    with pytest.raises(ValueError, match=r"text must be fed by tf.data .* got kind 'pydataset'"):
        TSSD(text, GIVEN).feed(32, kind="pydataset")


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="TensorFlow takes text")
@pytest.mark.parametrize("kind", ["auto", "tf.data"])
def test_text_on_jax_is_refused_with_the_way_out(kind):
    tssd = TSSD(np.array(["bad", "good"])[TRUE], GIVEN)
    with pytest.raises(ValueError, match=r"Keras on TensorFlow, got .* on jax.*TextVectorization"):
        tssd.feed(32, kind=kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", [dict, tuple, list])
def test_python_lists_are_parts_as_arrays_are(form, kind):
    one, rows = A[:, 0].tolist(), B.tolist()
    x = {"a": one, "b": rows} if form is dict else form([one, rows])
    a, b = keras.Input((1,), name="a"), keras.Input((3,), name="b")
    hidden = layers.Dense(16, activation="relu")(layers.Concatenate()([a, b]))
    inputs = {"a": a, "b": b} if form is dict else [a, b]
    model = keras.Model(inputs, layers.Dense(2, "softmax")(hidden))
    tssd = judged(x, GIVEN.tolist(), model, SPARSE, kind)
    np.testing.assert_array_equal(tssd.inputs.read(np.array([3, 1]))["b" if form is dict else 1],
                                  np.float64(B[[3, 1]]))  # fmt: skip


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow takes text")
def test_lists_of_numbers_and_of_texts_go_into_one_model():
    words = [["low", "high"][kind] for kind in TRUE]
    a, text = keras.Input((1,), name="a"), keras.Input((), name="text", dtype="string")
    lookup = layers.StringLookup(vocabulary=["low", "high"], output_mode="one_hot")
    joined = layers.Concatenate()([a, lookup(text)])
    model = keras.Model({"a": a, "text": text}, layers.Dense(2, "softmax")(joined))
    golden = ({"a": [0.5, 1.5, 2.5, 3.5], "text": ["low", "low", "high", "high"]}, [0, 0, 1, 1])
    judged({"a": A[:, 0].tolist(), "text": words}, GIVEN, model, SPARSE, "auto", golden=golden)


def test_targets_of_other_outputs_are_fed_as_they_are_in_either_byte_order():
    sizes = np.arange(N, dtype=">i4")
    tssd = TSSD([A, B], {"kind": GIVEN, "size": sizes}, scoring=Scoring(output="kind"))
    for kind in KINDS:
        feed = tssd.feed(8, shuffle=False, kind=kind)
        batch = feed[0] if kind == "pydataset" else next(iter(feed))
        np.testing.assert_array_equal(
            np.asarray(batch[1]["size"]), np.flatnonzero(tssd.table.fed)[:8]
        )
    with pytest.raises(ValueError, match="targets must be finite, some of 'size' are NaN"):
        labels = {"kind": GIVEN, "size": np.where(sizes == 3, np.nan, sizes)}
        TSSD([A, B], labels, scoring=Scoring(output="kind"))


def test_golden_parts_may_come_in_another_order():
    golden = ({"b": B[:40], "a": A[:40]}, TRUE[:40])
    tssd = TSSD({"a": A[40:], "b": B[40:]}, GIVEN[40:], golden=golden)
    assert len(tssd.arguments.golden) == 40


def test_a_memory_mapped_array_is_not_read_at_the_door(tmp_path):
    np.save(tmp_path / "x.npy", np.where(np.arange(N)[:, None] == 7, np.nan, A))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert not TSSD(mapped, GIVEN).inputs.in_memory
    with pytest.raises(ValueError, match="must be finite"):
        TSSD(np.array(mapped), GIVEN)
