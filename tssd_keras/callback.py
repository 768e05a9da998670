"""TSSD, the Keras Callback: score, divide, purify, rewrite the table, record."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from tssd_keras.callback_arguments import (
    as_epoch_samples,
    as_golden,
    as_index,
    as_labels,
    as_truth,
    check_apart,
    check_every_class,
    check_finite,
    check_golden,
)
from tssd_keras.divide import (
    UNCERTAIN,
    Division,
    apply_floor,
    check_labels,
    class_means,
    divide,
    own_class_similarity,
)
from tssd_keras.draw import draw_balanced, draw_generator
from tssd_keras.feed import Feed
from tssd_keras.golden import Golden
from tssd_keras.golden_head import assign_folds
from tssd_keras.inputs import Inputs, as_inputs
from tssd_keras.meta_rows import Trusted
from tssd_keras.purify import Purification, Purifier
from tssd_keras.recent_mean import RecentMean
from tssd_keras.recipe import DivideRecipe, PurifyRecipe
from tssd_keras.record import quality, role_counts
from tssd_keras.score import Scores, score_pass, scoring_model, two_outputs
from tssd_keras.table import Rewrite, SampleTable, weights_of


@dataclass(frozen=True)
class SeenRound:
    """What a round saw of n samples.

    Attributes:
        rows: int64[n], their table rows, in rising order.
        loss: float32[n], as judged (averaged over rounds where asked).
        similarity: float32[n], to the given class.
        division: of the two streams.
    """

    rows: np.ndarray
    loss: np.ndarray
    similarity: np.ndarray
    division: Division


class TSSD(keras.callbacks.Callback):
    """Two-Stream Sample Distillation as a callback of any Keras model.

    Before every epoch after the warm-up, each sample's label is judged by its
    loss and by its place in feature space; where the two disagree, a meta
    classifier fitted on trusted samples decides; the sample weights are
    rewritten, and training goes on with them::

        tssd = TSSD(x, y, golden=(x_trusted, y_trusted), warmup_epochs=3)
        model.fit(tssd.feed(batch_size=64), epochs=20, callbacks=[tssd], shuffle=False)
        tssd.table.q  # float32[N], the probability that each label is right

    Args:
        inputs: N samples: an array [N, ...], or `inputs.Inputs`. Arrays of
            floats in memory must be finite.
        labels: int[N] in 0..K-1, possibly wrong.
        golden: (x, y) or `golden.Golden`: trusted samples that are not among
            the inputs (arrays in memory are compared), at least two of each
            class. "certain": none are at hand, the division's own certain samples
            stand in. None: no purification.
        warmup_epochs: epochs on every sample before the first division, at least 1.
        n_classes: K, where the model knows classes that no label names; by
            default the largest label plus one, and each class must have a label.
        index: int[N'], which of the inputs make up the noisy stream (labels then
            has N' entries); by default all of them.
        true_labels: int[N] where known, -1 for those that are not: the record then
            says how right each round was. Nothing else reads them.
        features: name of the layer that gives the features; see `score.scoring_model`.
        score_model: for models that cannot be looked into: a keras.Model that
            shares their layers, inputs -> (features, logits or probabilities).
        from_logits: whether the model gives logits; by default read from its
            last layer (softmax or not).
        divide: settings of the division.
        purify: settings of the purification.
        score_batch_size: samples scored at once.
        epoch_samples: an epoch draws so many samples, as many of each given class,
            trains on those of them that carry weight, and a round judges no others;
            what it said of the rest in earlier epochs stays. None: an epoch is every
            sample. Where rounds are rarer than epochs, a draw stays until the next
            round, so that after the warm-up nothing is trained on unjudged.
        seed: of the order of samples in the feed, and of the draws. `purify.seed`
            is its own.
        on_round: called with each round's record, e.g. to print it.
        on_progress: called with a text and a total, gives a function that is
            called with how much of it has been done since, for a progress bar.

    Attributes:
        table: `SampleTable` of the noisy stream.
        rounds: list of dict, a record a round.
        last_round: what the newest round saw, None before.

    Raises:
        ValueError, TypeError: an argument does not fit, see its message.
        RuntimeError: during `fit`, an epoch ended without the feed being read.

    Source:
        "Robust Noisy Label Learning via Two-Stream Sample Distillation",
        arXiv 2404.10499, and docs/method.md.
    """

    def __init__(
        self,
        inputs: Inputs | np.ndarray,
        labels: np.ndarray,
        *,
        golden: Golden | tuple | str | None = None,
        warmup_epochs: int = 1,
        n_classes: int | None = None,
        index: np.ndarray | None = None,
        true_labels: np.ndarray | None = None,
        features: str | None = None,
        score_model: keras.Model | None = None,
        from_logits: bool | None = None,
        divide: DivideRecipe | None = None,
        purify: PurifyRecipe | None = None,
        score_batch_size: int = 1024,
        epoch_samples: int | None = None,
        seed: int = 0,
        on_round: Callable[[dict], None] | None = None,
        on_progress: Callable[[str, int], Callable[[int], None]] | None = None,
    ) -> None:
        super().__init__()
        self.inputs = as_inputs(inputs)
        labels = as_labels("labels", labels)
        self.golden_source, self.golden = as_golden(golden)
        largest = [labels, *([self.golden.labels] if self.golden else [])]
        self.n_classes = n_classes or 1 + max(int(part.max(initial=0)) for part in largest)
        check_labels(labels, self.n_classes)
        if n_classes is None:
            check_every_class(labels, self.n_classes)
        index = as_index(index, len(self.inputs))
        if len(labels) != len(index) or not len(index):
            raise ValueError(
                f"labels must have one entry for each of {len(index)} samples (at least one), got "
                f"{len(labels)}."
            )
        if warmup_epochs < 1:
            raise ValueError(
                "warmup_epochs must be at least 1 (a network that has seen nothing cannot judge), "
                f"got {warmup_epochs}."
            )
        check_finite("inputs", self.inputs, index)
        if self.golden:
            check_golden(self.golden, self.n_classes, self.inputs)
            trusted = as_inputs(self.golden.inputs)
            check_finite("golden samples", trusted, np.arange(len(self.golden)))
            check_apart(self.golden, self.inputs, index)
        self.warmup_epochs = warmup_epochs
        self.divide_settings = divide or DivideRecipe()
        self.purify_settings = purify or PurifyRecipe()
        for settings in (self.divide_settings, self.purify_settings):
            for mistake in settings.mistakes():
                raise ValueError(mistake)
        if self.golden:
            self._golden_fold = assign_folds(
                self.golden.labels, self.purify_settings.folds, seed=self.purify_settings.seed
            )
        self.true_labels = as_truth(true_labels, len(labels), self.n_classes)
        self.epoch_samples = as_epoch_samples(epoch_samples, self.n_classes)
        self.table = SampleTable(labels, index)
        self.rounds: list[dict] = []
        self.last_round: SeenRound | None = None
        self._features, self._scorer, self._from_logits = features, score_model, from_logits
        self._score_batch_size = score_batch_size
        self._seed = seed
        self._on_round, self._on_progress = on_round, on_progress or _no_progress
        self._losses = RecentMean(len(labels), self.divide_settings.history)
        self._feed: Feed | None = None
        self._purifier: Purifier | None = None
        self._draw(0)  # Keras may look at batches before the first epoch begins

    def feed(self, batch_size: int = 64, *, shuffle: bool = True, kind: str = "auto"):
        """The weighted training data, for `fit(..., shuffle=False)`; see `feed.Feed`.

        Args:
            batch_size: rows of every batch.
            shuffle: whether the order changes every epoch.
            kind: "tf.data", "pydataset", or "auto".

        Returns:
            tf.data.Dataset or keras.utils.PyDataset of (x, y, weight).
        """
        self._feed = Feed(
            self.table, self.inputs, batch_size=batch_size, seed=self._seed, shuffle=shuffle
        )
        return self._feed.batches(kind)

    @property
    def steps(self) -> int:
        """Batches in an epoch under the weights as they are now; 0 before `feed`."""
        return 0 if self._feed is None else self._feed.steps

    def on_train_begin(self, logs=None):
        """Look into the model before anything is trained."""
        if self._feed is None:
            raise RuntimeError(_UNREAD)
        # An epoch with fewer kept samples than the one before is shorter. That is no fault.
        warnings.filterwarnings("ignore", message="Your input ran out of data")
        network = getattr(self.model, "network", self.model)
        if self._scorer is None:
            from_logits = self._from_logits
            if from_logits is None:
                from_logits = not _ends_in_softmax(network)
            self._scorer = scoring_model(network, features=self._features, from_logits=from_logits)
        elif len(self._scorer.outputs) != 2:
            raise ValueError(
                "score_model must have two outputs, (features, logits or probabilities), got "
                f"{len(self._scorer.outputs)}."
            )
        elif self._scorer.name != "scoring":
            given = self._scorer
            self._scorer = two_outputs(
                given.inputs, *given.outputs, from_logits=self._from_logits is not False
            )
        width = int(self._scorer.outputs[1].shape[-1])
        if width < self.n_classes:
            raise ValueError(
                f"the model must tell {self.n_classes} classes apart (the labels' largest is "
                f"{self.n_classes - 1}), its output has {width}."
            )
        if self.golden_source != "none" and self._purifier is None:
            self._purifier = Purifier(
                self.golden_source, self.n_classes, self.purify_settings, len(self.table)
            )

    def on_epoch_begin(self, epoch, logs=None):
        """Draw, and run a round where one is due, before the epoch's first batch is read."""
        self._feed.epoch = epoch
        since_round = max(0, epoch - self.warmup_epochs) % self.divide_settings.every
        self._draw(epoch - since_round)
        if epoch >= self.warmup_epochs and since_round == 0:
            self.run_round(epoch)

    def on_epoch_end(self, epoch, logs=None):
        """Stop unless the epoch was fed by the feed."""
        if not self._feed.planned or self._feed.planned[-1] != epoch:
            raise RuntimeError(_UNREAD)

    def run_round(self, epoch: int) -> dict:
        """One round over the samples drawn now: score, divide, purify, rewrite, record.

        Args:
            epoch: counted from 0, the one that will be trained with the new weights.

        Returns:
            The round's record, also appended to `rounds`.
        """
        table, settings = self.table, self.divide_settings
        clock = _Clock()
        self.model  # noqa: B018 - on JAX the property brings the variables up to date
        rows = np.flatnonzero(table.drawn)
        given = table.given[rows]
        scores = self._score("scoring samples", self.inputs, table.index[rows], given)
        golden = self._trusted()
        clock.lap("seconds_score")

        self._losses.update(rows, scores.loss)
        loss = self._losses.mean(rows)
        means = class_means(scores.features, given, self.n_classes)
        similarity = own_class_similarity(scores.features, given, means)
        division = divide(
            loss,
            similarity,
            given,
            self.n_classes,
            threshold=settings.threshold,
            streams=settings.streams,
        )
        clock.lap("seconds_divide")

        purification = self._purify(rows, scores, means, division, golden)
        role = division.role if purification is None else purification.role
        role = apply_floor(
            role,
            division,
            loss,
            similarity,
            given,
            self.n_classes,
            floor_count=settings.floor_count,
            floor_share=settings.floor_share,
        )
        clock.lap("seconds_purify")

        self._rewrite(rows, role, division, purification, scores)
        self.last_round = SeenRound(rows, loss, similarity, division)
        record = {
            "epoch": epoch,
            **role_counts(table),
            "loss_abstains": division.loss_abstains,
            "classes_abstaining": int(division.feature_abstains.sum()),
            **quality(table, division, loss, self.true_labels),
            **(_NO_PURIFICATION if purification is None else purification.record),
            **clock.laps,
        }
        self.rounds.append(record)
        if self._on_round is not None:
            self._on_round(record)
        return record

    def _score(self, what: str, inputs: Inputs, index: np.ndarray, labels: np.ndarray) -> Scores:
        on_batch = self._on_progress(what, len(index)) if what else None
        return score_pass(
            self._scorer,
            inputs,
            index,
            labels,
            batch_size=self._score_batch_size,
            on_batch=on_batch,
        )

    def _trusted(self) -> Trusted | None:
        """The golden samples, scored; None without."""
        golden = self.golden
        if golden is None:
            return None
        scores = self._score("", as_inputs(golden.inputs), np.arange(len(golden)), golden.labels)
        return Trusted(scores, golden.labels, golden.given, self._golden_fold)

    def _draw(self, epoch: int) -> None:
        if self.epoch_samples is not None:
            rng = draw_generator(self._seed, epoch)
            given = self.table.given
            self.table.draw(draw_balanced(given, self.epoch_samples, self.n_classes, rng))

    def _purify(self, rows, scores, means, division, golden: Trusted | None) -> Purification | None:
        if self._purifier is None:
            return None
        return self._purifier.purify(
            scores,
            self.table.given[rows],
            means,
            division,
            golden=golden,
            rows=rows,
            round_index=len(self.rounds),
            on_part=self._on_progress("purifying labels", Purifier.PARTS),
        )

    def _rewrite(
        self, rows, role, division, purification: Purification | None, scores: Scores
    ) -> None:
        if purification is None:
            q = np.full(len(rows), np.nan, np.float32)
            log_p = np.asarray(scores.log_p, np.float32)
            suggested, confidence = log_p.argmax(axis=1), np.exp(log_p.max(axis=1))
            weight = weights_of(role, None)
            # Nobody judged these: they count as in the warm-up.
            unjudged = division.loss_abstains & division.feature_abstains[self.table.given[rows]]
            weight[unjudged & (role == UNCERTAIN)] = 1.0
        else:
            q, suggested = purification.q, purification.suggested
            confidence = purification.confidence
            weight = weights_of(role, q)
        self.table.rewrite(
            Rewrite(
                weight=weight,
                role=role,
                p_loss=division.p_loss,
                p_feature=division.p_feature,
                q=q,
                suggested=suggested,
                confidence=confidence,
            ),
            rows,
        )


_UNREAD = (
    "an epoch ended without the feed being read, so the sample weights had no effect. Call "
    "model.fit(tssd.feed(batch_size=...), epochs=..., callbacks=[tssd], shuffle=False), without "
    "steps_per_epoch, without .cache() behind the feed, and with the feed of this very callback."
)


def _no_progress(what: str, total: int) -> Callable[[int], None]:
    return lambda n: None


_NO_PURIFICATION: dict[str, object] = {
    "reach": None,
    "criterion": None,
    "estimated_clean_share": None,
    "network_share": None,
    "golden_auroc_q": None,
    "golden_auroc_streams": None,
    "shift": {},
}


class _Clock:
    """Seconds between laps."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = now - self._start
        self._start = now


def _ends_in_softmax(network: keras.Model) -> bool:
    last = network.layers[-1]
    activation = getattr(last, "activation", None)
    return isinstance(last, keras.layers.Softmax) or activation is keras.activations.softmax
