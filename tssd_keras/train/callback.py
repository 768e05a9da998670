"""TSSD, the Keras Callback: score, divide, purify, rewrite the table, record."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import keras
import numpy as np

from tssd_keras.data.class_labels import class_labels
from tssd_keras.data.inputs import Inputs, as_inputs
from tssd_keras.judge.quality import merged, quality, role_counts
from tssd_keras.judge.table import SampleTable, in_agreement
from tssd_keras.labels.golden import Golden
from tssd_keras.recipe.checks import as_settings
from tssd_keras.recipe.recipe import DivideRecipe, PurifyRecipe
from tssd_keras.train.arguments import (
    as_decided,
    as_epoch_samples,
    as_golden,
    as_index,
    as_samples,
    as_truth,
    as_whole,
    check_apart,
    check_every_class,
    check_finite,
    check_golden,
)
from tssd_keras.train.draw import draw_balanced, draw_generator
from tssd_keras.train.feed import Feed
from tssd_keras.train.round import Judge, Verdict
from tssd_keras.train.score_pass import scoring_model, two_outputs


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
            None: the feed only, and never a division.
        n_classes: K, where the model knows classes that no label names; by
            default the largest label plus one, and each class must have a label.
        index: int[N'], which of the inputs make up the noisy stream (labels then
            has N' entries); by default all of them.
        true_labels: int[N] where known, -1 for those that are not: the record then
            says how right each round was. Nothing else reads them.
        decided: int[N], the class that a person decided on, -1 where nobody did. Decided
            samples are trained on under that class, at weight 1 in every epoch that
            draws them; no round judges them, and no figure counts them.
        features: name of the layer that gives the features; see `score.scoring_model`.
        score_model: for models that cannot be looked into: a keras.Model that
            shares their layers, inputs -> (features, logits or probabilities).
        from_logits: whether the model gives logits; by default it is looked at what
            it gives, which are probabilities if no number is negative and they sum to 1.
        divide: settings of the division.
        purify: settings of the purification.
        score_batch_size: samples scored at once.
        epoch_samples: an epoch draws so many samples, as many of each given class,
            trains on those of them that carry weight, and a round judges no others;
            what it said of the rest in earlier epochs stays. None: an epoch is every
            sample. Where rounds are rarer than epochs, a draw stays until the next
            round, so that after the warm-up nothing is trained on unjudged.
        n_networks: M, how many networks the model trains (its attribute `networks`
            then lists them). Each judges the samples for the next one, the last for
            the first (co-division), and is trained with weights of its own.
        unlabelled: whether samples that lost their weight stay in the feed, for an
            objective that learns from them without their label.
        seed: of the order of samples in the feed, and of the draws. `purify.seed`
            is its own.
        on_round: called with each round's record, e.g. to print it.
        on_progress: called with a text and a total, gives a function that is
            called with how much of it has been done since, for a progress bar.

    Attributes:
        table: `SampleTable` of the noisy stream.
        rounds: list of dict, a record a round.
        last_round: what the newest round saw, a `Verdict` a network; empty before.

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
        warmup_epochs: int | None = 1,
        n_classes: int | None = None,
        index: np.ndarray | None = None,
        true_labels: np.ndarray | None = None,
        decided: np.ndarray | None = None,
        features: str | None = None,
        score_model: keras.Model | None = None,
        from_logits: bool | None = None,
        divide: DivideRecipe | None = None,
        purify: PurifyRecipe | None = None,
        score_batch_size: int = 1024,
        epoch_samples: int | None = None,
        n_networks: int = 1,
        unlabelled: bool = False,
        seed: int = 0,
        on_round: Callable[[dict], None] | None = None,
        on_progress: Callable[[str, int], Callable[[int], None]] | None = None,
    ) -> None:
        super().__init__()
        self.inputs = as_samples("inputs", inputs)
        labels = class_labels("labels", labels)
        index = as_index(index, len(self.inputs))
        if len(labels) != len(index) or not len(index):
            raise ValueError(
                f"labels must have one entry for each of {len(index)} samples (at least one), got "
                f"{len(labels)}."
            )
        self.golden_source, self.golden = as_golden(golden)
        told = n_classes is not None
        if n_classes is None:
            largest = [labels, *([self.golden.labels] if self.golden else [])]
            n_classes = 1 + max(int(part.max(initial=0)) for part in largest)
        self.n_classes = as_whole("n_classes (by default the largest label plus one)", n_classes, 2)
        class_labels("labels", labels, n_classes=self.n_classes)
        if not told:
            check_every_class(labels, self.n_classes)
        if warmup_epochs is not None:
            as_whole(
                "warmup_epochs (a network that has seen nothing cannot judge)", warmup_epochs, 1
            )
        check_finite("inputs", self.inputs, index)
        if self.golden:
            check_golden(self.golden, self.n_classes, self.inputs)
            trusted = as_inputs(self.golden.inputs)
            check_finite("golden samples", trusted, np.arange(len(self.golden)))
            check_apart(self.golden, self.inputs, index)
        self.warmup_epochs = warmup_epochs
        self.divide_settings = as_settings("divide", divide, DivideRecipe)
        self.purify_settings = as_settings("purify", purify, PurifyRecipe)
        self.true_labels = as_truth(true_labels, len(labels), self.n_classes)
        self.epoch_samples = as_epoch_samples(epoch_samples, self.n_classes)
        n_networks = as_whole("n_networks", n_networks, 1)
        score_batch_size = as_whole("score_batch_size", score_batch_size, 1)
        self._seed = as_whole("seed", seed, 0)
        decided = as_decided(decided, len(labels), self.n_classes)
        self.table = SampleTable(labels, index, n_networks=n_networks, decided=decided)
        self.rounds: list[dict] = []
        self.last_round: list[Verdict] = []
        self._features, self._from_logits = features, from_logits
        self._score_model = score_model
        self._scorers: list[keras.Model] = []
        self._networks: list[keras.Model] = []  # that the scorers look into
        self._n_plans = 0  # of the feed, when the epoch began
        self._unlabelled = unlabelled
        self._on_round = on_round
        self._feed: Feed | None = None
        self._judges = [
            Judge(
                self.inputs,
                index,
                labels,
                self.n_classes,
                golden_source=self.golden_source,
                golden=self.golden,
                divide=self.divide_settings,
                purify=self.purify_settings,
                batch_size=score_batch_size,
                on_progress=on_progress or _no_progress,
            )
            for _ in range(n_networks)
        ]
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
            self.table,
            self.inputs,
            batch_size=batch_size,
            seed=self._seed,
            shuffle=shuffle,
            unlabelled=self._unlabelled,
        )
        self._feed.attended = False
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
        self._feed.attended = True
        if getattr(self.model, "wants_unlabelled", False) and not self._unlabelled:
            raise ValueError(
                "the model's objective learns from samples without weight too, so they must be in "
                "the feed. Make TSSD with unlabelled=True."
            )
        networks = self._judging_networks()
        if not self._scorers:
            self._networks, self._scorers = networks, self._scoring_models(networks)
        elif any(new is not old for new, old in zip(networks, self._networks, strict=True)):
            raise RuntimeError(
                "one TSSD judges by one model: what it remembers of the rounds before is of the "
                "model it was first used with. Make a new TSSD for a new model."
            )
        for scorer in self._scorers:
            width = int(scorer.outputs[1].shape[-1])
            if width < self.n_classes:
                raise ValueError(
                    f"the model must tell {self.n_classes} classes apart (the labels' largest is "
                    f"{self.n_classes - 1}), its output has {width}."
                )

    def _judging_networks(self) -> list[keras.Model]:
        """What judges: the model's `eval_networks`, its `networks`, its `network`, or itself."""
        networks = getattr(self.model, "eval_networks", getattr(self.model, "networks", None))
        if networks is None:
            networks = [getattr(self.model, "network", self.model)]
        if len(networks) != len(self._judges):
            raise ValueError(
                f"n_networks must be the number of networks that the model trains, "
                f"{len(networks)}, got {len(self._judges)}."
            )
        return list(networks)

    def _scoring_models(self, networks: list[keras.Model]) -> list[keras.Model]:
        """Each network with two outputs, as `score.score_pass` takes it."""
        if self._score_model is not None:
            given = self._score_model
            if len(given.outputs) != 2:
                raise ValueError(
                    "score_model must have two outputs, (features, logits or probabilities), got "
                    f"{len(given.outputs)}."
                )
            return [two_outputs(given.inputs, *given.outputs, from_logits=self._from_logits)]
        for network in networks:
            if isinstance(network, keras.Sequential) and not network.built:
                network.build((None, *self.inputs.shape[1:]))
        return [
            scoring_model(network, features=self._features, from_logits=self._from_logits)
            for network in networks
        ]

    def on_epoch_begin(self, epoch, logs=None):
        """Draw, and run a round where one is due, before the epoch's first batch is read."""
        self._feed.epoch = epoch
        since_round = 0
        if self.warmup_epochs is not None:
            since_round = max(0, epoch - self.warmup_epochs) % self.divide_settings.every
        self._draw(epoch - since_round)
        if self.warmup_epochs is not None and epoch >= self.warmup_epochs and since_round == 0:
            self.run_round(epoch)
        self._n_plans = len(self._feed.planned)

    def on_epoch_end(self, epoch, logs=None):
        """Stop unless the epoch was fed by the feed."""
        if epoch not in self._feed.planned[self._n_plans :]:
            raise RuntimeError(_UNREAD)
        warmed_up = self.warmup_epochs is not None and epoch >= self.warmup_epochs
        if warmed_up and getattr(self.model, "warming_up", False):
            raise RuntimeError(
                "an epoch after the warm-up was trained as warm-up, on every label. Give fit the "
                "callback steps.semi_supervised.SemiSupervisedSchedule, with TSSD's warmup_epochs "
                f"({self.warmup_epochs})."
            )

    def on_train_end(self, logs=None):
        """Say so if no label was ever judged."""
        if self.warmup_epochs is not None and not self.rounds:
            warnings.warn(
                f"every epoch was warm-up, and no label was judged: warmup_epochs is "
                f"{self.warmup_epochs}. Train for more epochs than that.",
                UserWarning,
                stacklevel=2,
            )

    def run_round(self, epoch: int) -> dict:
        """One round over the samples drawn now: score, divide, purify, rewrite, record.

        Args:
            epoch: counted from 0, the one that will be trained with the new weights.

        Returns:
            The round's record, also appended to `rounds`.
        """
        self.model  # noqa: B018 - on JAX the property brings the variables up to date
        rows = np.flatnonzero(self.table.drawn & (self.table.decided < 0))
        verdicts = [
            judge.judge(scorer, rows, len(self.rounds))
            for judge, scorer in zip(self._judges, self._scorers, strict=True)
        ]
        columns = in_agreement([verdict.columns for verdict in verdicts])
        self.table.rewrite(columns, rows, epoch=epoch)
        self.last_round = verdicts
        record = {
            "epoch": epoch,
            **role_counts(self.table),
            **merged(
                [
                    {
                        "loss_abstains": verdict.division.loss_abstains,
                        "classes_abstaining": int(verdict.division.feature_abstains.sum()),
                        **quality(self.table, verdict.division, verdict.loss, self.true_labels),
                        **verdict.record,
                    }
                    for verdict in verdicts
                ]
            ),
            **{
                part: sum(verdict.seconds[part] for verdict in verdicts)
                for part in verdicts[0].seconds
            },
        }
        self.rounds.append(record)
        if self._on_round is not None:
            self._on_round(record)
        return record

    def _draw(self, epoch: int) -> None:
        if self.epoch_samples is not None:
            rng = draw_generator(self._seed, epoch)
            labels = self.table.labels
            self.table.draw(draw_balanced(labels, self.epoch_samples, self.n_classes, rng))


_UNREAD = (
    "an epoch ended without the feed being read, so the sample weights had no effect. Call "
    "model.fit(tssd.feed(batch_size=...), epochs=..., callbacks=[tssd], shuffle=False), without "
    "steps_per_epoch, without .cache() behind the feed, and with the feed of this very callback."
)


def _no_progress(what: str, total: int) -> Callable[[int], None]:
    return lambda n: None
