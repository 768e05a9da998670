"""TSSD as a classifier of scikit-learn, on real digits."""

import pickle
import random
import re
from pathlib import Path

import keras
import numpy as np
import pytest
from builders.networks import states
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from tssd_keras import DivideRecipe, PurifyRecipe, TSSDClassifier
from tssd_keras.train.steps import mixmatch_step, weighted_step

DOCUMENT = Path(__file__).parents[2] / "docs" / "own_model.md"
LOSS = keras.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight")


def network(X, y, rate=0.1, loss=LOSS, last="softmax", units=None, first=()):
    """A perceptron without seeds of its own, compiled."""
    layers = [
        keras.Input(X.shape[1:]),
        *(layer() for layer in first),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(units or 1 + int(y.max()), activation=last),
    ]
    model = keras.Sequential(layers)
    model.compile(optimizer=keras.optimizers.SGD(rate), loss=loss)
    return model


class Own(keras.Model):
    """What Keras cannot clone: it does not say what it is made of."""

    def __init__(self, units):
        super().__init__()
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)


def small(**settings):
    """A classifier that is quick to fit."""
    return TSSDClassifier(network, **{"warmup_epochs": 1, "epochs": 3, "batch_size": 8} | settings)


def digits(*classes, n=160, wrong=0.2):
    """Pixels in 0..1, given names and right names of some digits; every so manieth is wrong."""
    x, y = load_digits(return_X_y=True)
    rows = np.flatnonzero(np.isin(y, classes))[:n]
    names = np.array([f"digit {label}" for label in classes])
    right = np.searchsorted(classes, y[rows])
    odd = np.random.default_rng(0).random(n) < wrong
    return x[rows] / 16, names[(right + odd) % len(classes)], names[right]


CHECKED = small(epochs=2, batch_size=16)
CHECKS = [check for _, check in estimator_checks_generator(CHECKED)]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: getattr(check, "func", check).__name__)
def test_scikit_learns_checks_pass_without_exception(check):
    check(CHECKED)


def test_there_are_checks_of_classifiers():
    assert len(CHECKS) > 45


def test_the_documents_example_does_what_it_says():
    section = DOCUMENT.read_text().partition("## As a scikit-learn classifier")[2]
    shown = {}
    exec(re.search(r"```python\n(.*?)```", section, re.S)[1], shown)
    classifier, y, right = shown["classifier"], shown["y"], shown["y_right"]
    assert np.mean(y != right) == pytest.approx(0.35, abs=0.01)
    assert classifier.score(shown["x_test"], shown["y_test"]) > 0.93
    assert np.mean((y != right)[shown["suspects"]]) > 0.97
    assert classifier.label_quality_.dtype == np.float32
    assert classifier.label_quality_.shape == classifier.suggested_.shape == y.shape
    assert np.mean(classifier.suggested_ == right) > 0.95
    assert list(classifier.classes_) == sorted(shown["names"])
    assert classifier.tssd_.rounds
    assert len(classifier.history_["loss"]) == 15


def test_a_random_state_is_all_that_chance_depends_on():
    x, y, _ = digits(0, 1, 2)
    dropping = {"first": [lambda: keras.layers.Dropout(0.2)]}
    one = small(random_state=3, model_kwargs=dropping)
    first = one.fit(x, y).predict_proba(x)
    random.random()  # whatever state the shared generators are in
    before = states()
    np.testing.assert_array_equal(one.fit(x, y).predict_proba(x), first)
    assert states() == before
    one.set_params(random_state=np.random.RandomState(4))
    other = one.fit(x, y).predict_proba(x)
    assert abs(first - other).max() > 0.01


def test_golden_samples_have_the_names_of_y_and_reach_the_callback_through_a_pipeline():
    x, y, right = digits(3, 5, n=200)
    trusted, x, y = (16 * x[:20], right[:20]), 16 * x[20:], y[20:]
    scaler = MinMaxScaler().fit(x)
    pipeline = make_pipeline(MinMaxScaler(), small(epochs=4, warmup_epochs=3))
    golden = (scaler.transform(trusted[0]), trusted[1].tolist())
    pipeline.fit(x, y, tssdclassifier__golden=golden)
    classifier = pipeline[-1]
    np.testing.assert_array_equal(
        classifier.classes_[classifier.tssd_.arguments.golden.labels], trusted[1]
    )
    assert classifier.label_quality_[y == right[20:]].mean() > 0.5
    assert classifier.label_quality_[y != right[20:]].mean() < 0.5
    assert pipeline.score(x, right[20:]) > 0.9


def test_every_label_can_be_predicted_out_of_fold():
    x, y, right = digits(0, 1, 2)
    predicted = cross_val_predict(small(), x, y, cv=2)
    assert np.mean(predicted == right) > 0.8


def test_settings_can_be_searched_for():
    x, y, _ = digits(0, 1)
    grid = {"model_kwargs": [{"rate": 1e-6}, {"rate": 0.1}]}
    halves = [np.split(np.arange(160), 2)]
    search = GridSearchCV(small(), grid, cv=halves).fit(x, y)
    assert search.best_params_["model_kwargs"] == {"rate": 0.1}
    assert search.best_estimator_.score(x, y) == search.score(x, y) > 0.7


def test_a_clone_keeps_every_setting():
    settings = {
        "model_kwargs": {"rate": 0.2},
        "fit_kwargs": {"verbose": 0},
        "warm_start": True,
        "features": "hidden",
        "from_logits": False,
        "divide": DivideRecipe(threshold=0.6),
        "purify": PurifyRecipe(folds=3),
        "random_state": 7,
    }
    copy = clone(small(**settings))
    assert {name: copy.get_params()[name] for name in settings} == settings


def test_a_given_model_is_trained_itself_under_warm_start_only():
    x, y, _ = digits(0, 1)
    model = network(x, np.array([0, 1]))
    before = [w.copy() for w in model.get_weights()]
    fitted = small().set_params(model=model).fit(x, y)
    assert fitted.model_ is not model
    assert all(map(np.array_equal, model.get_weights(), before))
    fitted.set_params(warm_start=True, epochs=2).fit(x, y)
    assert all(map(np.array_equal, model.get_weights(), before))  # model_ goes on
    first = clone(fitted)
    first.set_params(model=model).fit(x, y)
    assert first.model_ is model
    assert not np.array_equal(model.get_weights()[0], before[0])
    with pytest.raises(ValueError, match=r"classes of the last fit under warm_start, .*digit 1"):
        first.fit(x, np.where(y == "digit 1", "one", y))


def test_a_second_fit_under_warm_start_judges_before_its_first_epoch():
    x, y, right = digits(0, 1, 2)
    fitted = small(warm_start=True, warmup_epochs=2, epochs=4).fit(x, y)
    assert [record.epoch for record in fitted.tssd_.rounds] == [2, 3]
    known = fitted.score(x, right)
    fitted.fit(x, y)
    assert [record.epoch for record in fitted.tssd_.rounds] == [2, 3, 4, 5]
    assert len(fitted.history_["loss"]) == 4
    assert fitted.score(x, right) >= known - 0.02
    with pytest.warns(UserWarning, match="trained before .*give fit initial_epoch=3"):
        fitted.set_params(warmup_epochs=3).fit(x, y, initial_epoch=0)  # a warm-up again
    assert [record.epoch for record in fitted.tssd_.rounds] == [3]


ONE_HOT = {
    "by name": "categorical_crossentropy",
    "as an object": keras.losses.CategoricalCrossentropy(reduction="mean_with_sample_weight"),
    "smoothed": keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
    "focal": keras.losses.CategoricalFocalCrossentropy(),
    "in a list": ["categorical_crossentropy"],
}


@pytest.mark.parametrize("loss", ONE_HOT)
def test_a_loss_of_one_hot_rows_gets_them_and_validation_gets_them_too(loss):
    x, y, right = digits(0, 1, 2, n=240)
    fitted = small(model_kwargs={"loss": ONE_HOT[loss]}, epochs=4)
    fitted.fit(x[:160], y[:160], validation_data=(x[160:], right[160:]))
    assert fitted.tssd_._feed.targets.read(np.arange(5)).shape == (5, 3)
    assert fitted.history_["val_loss"][-1] < fitted.history_["val_loss"][0]
    assert fitted.score(x[160:], right[160:]) > 0.7
    assert np.nanmean(fitted.label_quality_[y[:160] == right[:160]]) > 0.5
    assert np.nanmean(fitted.label_quality_[y[:160] != right[:160]]) < 0.5


def test_a_binary_loss_of_several_units_gets_one_hot_rows():
    x, y, right = digits(0, 1, 2, n=240)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    fitted = small(
        model_kwargs={"loss": loss, "last": None, "rate": 0.5}, epochs=6, warmup_epochs=3
    )
    fitted.fit(x[:160], y[:160], validation_data=(x[160:], right[160:]))
    assert fitted.tssd_._feed.targets.read(np.arange(5)).shape == (5, 3)
    assert fitted.history_["val_loss"][-1] < fitted.history_["val_loss"][0]
    assert fitted.score(x[160:], right[160:]) > 0.7


@pytest.mark.parametrize("loss", ["binary_crossentropy", keras.losses.BinaryCrossentropy()])
def test_one_unit_takes_a_binary_loss_by_name_or_as_an_object(loss):
    x, y, right = digits(0, 1)
    fitted = small(model_kwargs={"loss": loss, "units": 1, "last": "sigmoid"}, epochs=4)
    fitted.fit(x[:120], y[:120], validation_data=(x[120:], right[120:]))
    assert fitted.score(x, right) > 0.9
    assert fitted.history_["val_loss"][-1] < 0.6


def test_one_hot_rows_train_as_class_numbers_do():
    x, y, _ = digits(0, 1, 2)
    found = [
        small(model_kwargs={"loss": loss}).fit(x, y).predict_proba(x)
        for loss in (LOSS, ONE_HOT["as an object"])
    ]
    np.testing.assert_allclose(*found, atol=1e-4)


def test_a_pickle_predicts_and_keeps_the_judgement():
    x, y, _ = digits(4, 7)
    fitted = small(model_kwargs={"last": None, "loss": logits()}).fit(x, y)
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.predict_proba(x), fitted.predict_proba(x))
    np.testing.assert_array_equal(copy.label_quality_, fitted.label_quality_)
    np.testing.assert_array_equal(copy.suggested_, fitted.suggested_)
    assert not hasattr(copy, "tssd_")


def logits():
    return keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="mean_with_sample_weight"
    )


def test_images_and_one_unit_for_two_classes_are_taken():
    x, y, right = digits(0, 1)
    loss = keras.losses.BinaryCrossentropy(reduction="mean_with_sample_weight")
    stopped = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(logs))
    seen = []
    fitted = small(
        model_kwargs={
            "units": 1,
            "last": "sigmoid",
            "loss": loss,
            "first": [keras.layers.Flatten],
        },
        fit_kwargs={"callbacks": stopped},
    )
    images = x.reshape(-1, 8, 8, 1)
    fitted.fit(images[:120], y[:120], validation_data=(images[120:], right[120:]))
    p = fitted.predict_proba(images)
    assert p.shape == (160, 2)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_allclose(p[:, 1:], fitted.model_.predict(images, verbose=0), atol=1e-6)
    assert fitted.score(images, right) > 0.9
    assert len(seen) == 3
    assert seen[-1]["val_loss"] < 0.5


def test_labels_that_no_round_judges_have_no_quality():
    x, y, _ = digits(0, 1, 2)
    with pytest.warns(UserWarning, match="no label was judged, and the warm-up goes on: the netw"):
        fitted = small(model_kwargs={"rate": 0.0}, random_state=1).fit(x, y)
    assert np.isnan(fitted.label_quality_).all()
    np.testing.assert_array_equal(fitted.suggested_, y)
    plain = small(warmup_epochs=None, epochs=1).fit(x, y)
    assert np.isnan(plain.label_quality_).all()
    assert plain.tssd_.rounds == []


def test_rounds_that_cannot_tell_are_warned_of():
    x, y, _ = digits(0, 1)
    with pytest.warns(UserWarning, match=r"probability, and label_quality_ is NaN: in the last of"):
        fitted = small(divide=DivideRecipe(place="class_means")).fit(x, y)
    assert np.isnan(fitted.label_quality_).all()
    assert fitted.tssd_.rounds


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"epochs": 6, "warmup_epochs": 6}, r"epochs=6 and warmup_epochs=6.*warmup_epochs=None"),
        ({"model": 3}, "must be a keras.Model, a function of X and y .*, got 3 of type int"),
        ({"model": lambda X, y: keras.Sequential()}, "must be compiled, .* Call model.compile"),
        ({"model": Own(3)}, "Own is not. Give a function that makes and compiles it"),
        (
            {"model_kwargs": {"loss": "categorical_crossentropy", "units": 2}},
            "same shape|compatible|tell 3 classes apart",
        ),
        ({"model_kwargs": {"units": 2}}, "tell 3 classes apart"),
        ({"fit_kwargs": {"shuffle": True, "epochs": 3}}, "must not be epochs, shuffle: "),
        ({"golden": ([[0.0] * 64], ["seven"])}, r"classes of y, \['digit 0' .*: .*'seven'"),
        ({"golden": ([[0.0] * 64], ["digit 1"])}, r"2 golden samples: .*'digit 0'\) with 0 of 1"),
        (
            {"fit_kwargs": ["verbose"]},
            r"fit_kwargs must be a dict .* got \['verbose'\] of type list",
        ),
        ({"fit_kwargs": {"validation_data": (1,)}}, r"must be \(X, y\) or .* tuple of 1 things"),
        ({"model": lambda x, y: None}, r"called as model\(X=, y=, .*missing.*'x'"),
        ({"model_kwargs": 3}, "model_kwargs must be a dict of arguments for model, got 3"),
        ({"golden": 5}, r"golden must be a pair \(X_g, y_g\), .* got 5 of type int"),
        ({"y": ["one"] * 160}, "at least two classes, got one class"),
    ],
)
def test_what_does_not_fit_is_refused(settings, words):
    x, y, _ = digits(0, 1, 2)
    golden, y = settings.pop("golden", None), settings.pop("y", y)
    with pytest.raises((ValueError, TypeError), match=words):
        small().set_params(**settings).fit(x, y, golden=golden)


@pytest.mark.parametrize("step", [weighted_step, mixmatch_step])
def test_a_step_with_an_objective_of_its_own_is_refused(step):
    def made(X, y):
        model = step(network(X, y, last=None))
        model.compile("sgd")
        return model

    x, y, _ = digits(0, 1)
    with pytest.raises(ValueError, match="one plain network, got weighted_step, with one network"):
        TSSDClassifier(made).fit(x, y)


def test_an_unfitted_classifier_says_so():
    with pytest.raises(NotFittedError):
        small().predict_proba([[0.0]])
