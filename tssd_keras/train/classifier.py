"""TSSD as a classifier of scikit-learn.

It follows `keras.wrappers.SKLearnClassifier` and does not derive from it. Keras 3.15's wrapper
feeds one-hot rows, its clones forget `fit_kwargs` and every further argument, `warm_start` is never
read, `set_fit_request` writes what `score` asks for, so that golden samples could not be routed,
and `decision_function` has two columns for two classes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import check_array, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from tssd_keras.data.inputs import as_inputs
from tssd_keras.data.targets import Form
from tssd_keras.labels.golden import check_golden_labels
from tssd_keras.labels.known import Labels
from tssd_keras.recipe.argument import as_whole
from tssd_keras.recipe.method_sections import DivideRecipe, PurifyRecipe
from tssd_keras.train.callback import TSSD
from tssd_keras.train.classifier_model import made_model
from tssd_keras.train.fed_targets import form_wanted, loss_of
from tssd_keras.train.score_pass import fixed_batches
from tssd_keras.train.scoring_model import SAMPLES, ScoringModel, scoring_model
from tssd_keras.train.settings import Drawing, Scoring

# Types of samples that stay as they are; all others become float32.
KEPT = [np.float32, *map(np.dtype, ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8"))]
# Arguments of Keras' fit that the classifier or the feed sets.
TAKEN = {
    *("x", "y", "batch_size", "epochs", "shuffle", "sample_weight", "class_weight"),
    *("steps_per_epoch", "validation_split"),
}


class TSSDClassifier(ClassifierMixin, BaseEstimator):
    """Trains a Keras model on labels of which some are wrong, and judges the labels.

    It has the interface of `keras.wrappers.SKLearnClassifier`, and composes with scikit-learn's
    pipelines, cross-validation and searches::

        classifier = TSSDClassifier(epochs=30)  # or TSSDClassifier(my_model, ...)
        classifier.fit(X, y, golden=(X_trusted, y_trusted))
        classifier.label_quality_  # float32[N]: the probability that each label is right

    Args:
        model: a compiled keras.Model, which is cloned with new weights; a function
            `model(X=, y=, **model_kwargs)` that returns a compiled one, where y is int64[N] in
            0..K-1; or None: a perceptron of two hidden layers. Its loss gets class numbers, one
            of Keras that takes one-hot rows gets those; it should divide by the sum of the weights
            (docs/own_model.md).
        warm_start: whether `fit` goes on with `model_` of the last `fit`, and the first trains a
            given keras.Model itself, with its weights. A `fit` that goes on judges before its
            first epoch, and trains no warm-up.
        model_kwargs: dict of arguments for `model`, if that is a function.
        fit_kwargs: dict of arguments for Keras' `fit`, such as callbacks. In
            validation_data=(X, y) y has class names. Here verbose is 0 by default.
        warmup_epochs: epochs on every label before the first division, at least 1 and below
            `epochs`. None: plain training, no label is judged.
        epochs: in all.
        batch_size: of training and of prediction.
        features: path of the layer that gives the features, see `Scoring`.
        from_logits: whether the model gives logits, see `TSSD`.
        divide, purify: `DivideRecipe` and `PurifyRecipe`; None: their defaults, where
            `random_state` draws `purify.seed`.
        random_state: int, RandomState or None, as in scikit-learn. Initial weights, dropout and the
            order of samples follow from it, unless the model sets seeds of its own: an int gives
            the same result each time on one backend and machine.

    Attributes:
        classes_: [K], the classes of y in sorted order.
        n_features_in_: size of the samples' first axis.
        feature_names_in_: their names, where X had some.
        label_quality_: float32[N], the probability that each label of y is right; NaN throughout
            where no round could tell, of which `fit` warns, or under warmup_epochs=None.
        suggested_: [N], each sample's most probable class, one of `classes_`; the given one where
            the network was never ready to judge.
        tssd_: the callback, with its table and rounds. Pickles and copies are without it.
        model_: the fitted keras.Model.
        history_: dict, quantity -> list of one value an epoch.
    """

    classes_: np.ndarray
    label_quality_: np.ndarray
    suggested_: np.ndarray
    tssd_: TSSD
    model_: keras.Model
    history_: dict[str, list]

    def __init__(
        self,
        model: keras.Model | Callable | None = None,
        *,
        warm_start: bool = False,
        model_kwargs: dict | None = None,
        fit_kwargs: dict | None = None,
        warmup_epochs: int | None = 6,
        epochs: int = 30,
        batch_size: int = 32,
        features: str | None = None,
        from_logits: bool | None = None,
        divide: DivideRecipe | None = None,
        purify: PurifyRecipe | None = None,
        random_state: Any = 0,
    ) -> None:
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs
        self.warmup_epochs = warmup_epochs
        self.epochs = epochs
        self.batch_size = batch_size
        self.features = features
        self.from_logits = from_logits
        self.divide = divide
        self.purify = purify
        self.random_state = random_state

    def fit(self, X, y, golden=None, **fit_kwargs) -> TSSDClassifier:
        """Train, and judge the labels.

        Args:
            X: array-like [N, ...] of finite numbers. Floats become float32, whole numbers stay.
            y: array-like [N], classes of any kind that can be sorted, at least two.
            golden: (X_g, y_g), trusted samples that are not in X, at least two of each class, by
                the same names; X_g is as X is here, behind any transformers. "certain": the surest
                samples stand in. None: the two streams alone.
            **fit_kwargs: for Keras' `fit`, before those of the constructor.

        Returns:
            self.

        Raises:
            TypeError, ValueError: samples, labels or settings do not fit; see the message.
        """
        check_epochs(self.epochs, self.warmup_epochs)
        settings = fit_settings(self.fit_kwargs, fit_kwargs)
        X, y = validate_data(self, X, y, dtype=KEPT, allow_nd=True)
        check_classification_targets(y)
        goes_on = self.warm_start and hasattr(self, "model_")
        labels = self._numbered(y, keep=goes_on)
        golden = self._golden(X, golden)
        model_seed, *seeds = (
            int(seed) for seed in check_random_state(self.random_state).randint(2**31 - 1, size=3)
        )
        model = self.model_ if goes_on else self._new_model(X, labels, model_seed)
        if isinstance(settings.get("validation_data"), tuple | list):
            settings["validation_data"] = self._validation(model, *settings["validation_data"])
        begins = settings.pop("initial_epoch", None)
        settings["epochs"], settings["initial_epoch"] = self.epochs, begins or 0
        if goes_on and begins is None and self.warmup_epochs is not None:
            settings["initial_epoch"] = self.warmup_epochs  # so no warm-up of a trained network
            settings["epochs"] += self.warmup_epochs
        tssd = self._callback(X, labels, golden, *seeds)
        self.history_ = _train(model, tssd, self.batch_size, settings)
        self.model_, self.tssd_ = model, tssd
        self._sample = np.array(X[:SAMPLES])
        self._scorer = self._look()
        suggested = np.where(tssd.table.suggested < 0, labels, tssd.table.suggested)
        self.label_quality_, self.suggested_ = tssd.table.q.copy(), self.classes_[suggested]
        warn_of_abstention(tssd)
        return self

    def predict(self, X) -> np.ndarray:
        """The most probable class of each sample, [n], by its name.

        Args:
            X: array-like [n, ...], as in `fit`.
        """
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def predict_proba(self, X) -> np.ndarray:
        """The network's probability of each class, float64[n, K], in the order of `classes_`.

        Args:
            X: array-like [n, ...], as in `fit`.
        """
        check_is_fitted(self, "model_")
        X = validate_data(self, X, reset=False, dtype=KEPT, allow_nd=True)
        log_p = np.empty((len(X), self._scorer.widths[1]))
        # Batches of one shape: a sample's answer does not depend on how many others there are.
        for rows, batch in fixed_batches(as_inputs(X), np.arange(len(X)), self.batch_size):
            log_p[rows] = self._scorer.predict_on_batch(batch)[1][: rows.stop - rows.start]
        return softmax(log_p[:, : len(self.classes_)], axis=1)

    def _new_model(self, X: np.ndarray, labels: np.ndarray, seed: int) -> keras.Model:
        return made_model(
            self.model, X, labels, keep=self.warm_start, kwargs=self.model_kwargs, seed=seed
        )

    def _numbered(self, y: np.ndarray, *, keep: bool) -> np.ndarray:
        """Labels int64[N] in 0..K-1; sets `classes_`, or holds them against those there are."""
        encoder = LabelEncoder().fit(y)
        if len(encoder.classes_) < 2:
            raise ValueError(
                f"y must have at least two classes, got one class, {encoder.classes_[0]!r}, in all "
                f"{len(y)} samples."
            )
        if keep and not np.array_equal(encoder.classes_, self.classes_):
            raise ValueError(
                f"y must have the classes of the last fit under warm_start, {self.classes_}, got "
                f"{encoder.classes_}. Set warm_start=False to begin anew."
            )
        self._encoder, self.classes_ = encoder, encoder.classes_
        return encoder.transform(y).astype(np.int64)

    def _known(self, name: str, y) -> np.ndarray:
        """Numbers int64[n] of labels beside y; raises ValueError for a class that y has not."""
        try:
            return self._encoder.transform(column_or_1d(y)).astype(np.int64)
        except ValueError as error:
            raise ValueError(
                f"{name} must have the classes of y, {self.classes_}: {error}."
            ) from error

    def _golden(self, X: np.ndarray, golden):
        """Golden samples as the callback takes them."""
        if golden is None or isinstance(golden, str):
            return golden
        if not isinstance(golden, tuple | list) or len(golden) != 2:
            raise TypeError(
                f'golden must be a pair (X_g, y_g), "certain" or None, got {golden!r:.100} of type '
                f"{type(golden).__name__}."
            )
        if hasattr(golden[0], "columns"):
            validate_data(self, golden[0], reset=False, skip_check_array=True)  # their names
        # A whole number among floats is one of them.
        kept = X.dtype if X.dtype.kind == "f" else KEPT
        X_g = check_array(golden[0], dtype=kept, allow_nd=True, input_name="golden samples")
        labels = self._known("golden labels", golden[1])
        names = tuple(map(str, self.classes_))
        check_golden_labels(
            labels, len(names), names=names, remedy='Add some, or use golden="certain".'
        )
        return X_g, labels

    def _validation(self, model: keras.Model, X, y, *weights) -> tuple:
        """Validation data as Keras takes them, labels in the form that the model's loss takes."""
        X = validate_data(self, X, reset=False, dtype=KEPT, allow_nd=True)
        labels = self._known("validation labels", y)
        return X, form_wanted(model, Form()).of(labels, len(self.classes_)), *weights

    def _callback(self, X, labels, golden, drawing_seed: int, purify_seed: int) -> TSSD:
        return TSSD(
            X,
            Labels(labels, n_classes=len(self.classes_)),
            golden=golden,
            warmup_epochs=self.warmup_epochs,
            from_logits=self.from_logits,
            scoring=Scoring(features=self.features),
            drawing=Drawing(seed=drawing_seed),
            divide=self.divide,
            purify=PurifyRecipe(seed=purify_seed) if self.purify is None else self.purify,
        )

    def _look(self) -> ScoringModel:
        """The fitted model as one that gives log-probabilities."""
        return scoring_model(
            self.model_,
            self._sample,
            features=self.features,
            from_logits=self.from_logits,
            loss=loss_of(self.model_, None),
        )

    def __getstate__(self):
        state = super().__getstate__()
        return {name: state[name] for name in state if name not in ("tssd_", "_scorer")}

    def __setstate__(self, state):
        super().__setstate__(state)
        if "model_" in state:
            self._scorer = self._look()


def check_epochs(epochs: int, warmup_epochs: int | None) -> None:
    """Raise TypeError or ValueError unless some epoch comes after the warm-up."""
    as_whole("epochs", epochs, 1)
    if warmup_epochs is not None and as_whole("warmup_epochs", warmup_epochs, 1) >= epochs:
        raise ValueError(
            "epochs must be more than warmup_epochs, or no label is ever judged, got "
            f"epochs={epochs} and warmup_epochs={warmup_epochs}. Train for more epochs, warm up "
            "for fewer, or set warmup_epochs=None for plain training."
        )


def fit_settings(own: Any, given: dict) -> dict[str, Any]:
    """Arguments for Keras' fit: the constructor's, before them those of one call.

    Raises:
        TypeError: the constructor's are no dict of names.
        ValueError: one is the classifier's or the feed's to set, or validation data are no pair.
    """
    if own is not None and not (isinstance(own, dict) and all(isinstance(k, str) for k in own)):
        raise TypeError(
            "fit_kwargs must be a dict of arguments for Keras' fit, got "
            f"{own!r:.100} of type {type(own).__name__}."
        )
    settings = {"verbose": 0, **(own or {}), **given}
    check_untaken(settings)
    pair = settings.get("validation_data")
    if isinstance(pair, tuple | list) and len(pair) not in (2, 3):
        raise ValueError(
            "validation_data must be (X, y) or (X, y, weight), got a "
            f"{type(pair).__name__} of {len(pair)} things."
        )
    return settings


def check_untaken(fit_kwargs: dict) -> None:
    """Raise ValueError if arguments for Keras' fit are the classifier's or the feed's to set."""
    taken = sorted(TAKEN & set(fit_kwargs))
    if taken:
        raise ValueError(
            f"arguments for Keras' fit must not be {', '.join(taken)}: epochs and batch_size are "
            "the classifier's own, and samples, their order and weights are TSSD's. Validate by "
            "validation_data=(X, y)."
        )


def warn_of_abstention(tssd: TSSD) -> None:
    """Warn if rounds gave no probability though the network was ready; `TSSD` warns of the rest."""
    unready = any(verdict.readiness.why for verdict in tssd.last_round)
    if tssd.rounds and not unready and np.isnan(tssd.table.q).all():
        warnings.warn(
            "no label was judged with a probability, and label_quality_ is NaN: in the last of "
            f"{len(tssd.rounds)} rounds over {len(tssd.table)} samples the streams could not tell "
            "right labels from wrong ones (divide.place='class_means' needs golden samples to). "
            "Give more samples or golden=(X_g, y_g), or train for more epochs.",
            UserWarning,
            stacklevel=3,
        )


def _train(model: keras.Model, tssd: TSSD, batch_size: int, settings: dict) -> dict[str, list]:
    """Fit a model on the callback's feed; Keras' history of it."""
    others = settings.pop("callbacks", None) or []
    others = [others] if isinstance(others, keras.callbacks.Callback) else list(others)
    feed = tssd.feed(batch_size, model=model)
    return model.fit(feed, callbacks=[tssd, *others], shuffle=False, **settings).history
