"""TSSD, the Keras Callback: score, divide, purify, rewrite the table, record."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

import keras
import numpy as np

from tssd_keras.judge.record import RoundRecord
from tssd_keras.judge.round_line import round_line
from tssd_keras.labels.golden import Golden
from tssd_keras.labels.known import Labels
from tssd_keras.progress import Progress, no_progress
from tssd_keras.recipe.argument import as_whole
from tssd_keras.recipe.method_sections import DivideRecipe, PurifyRecipe
from tssd_keras.train import devices
from tssd_keras.train.arguments import check_callable
from tssd_keras.train.backends import check_backend
from tssd_keras.train.checked import check_arguments
from tssd_keras.train.class_shares import tell_class_shares
from tssd_keras.train.eval_networks import (
    FeedNeeds,
    bring_up_to_date,
    eval_networks,
    model_check,
    scoring_models,
)
from tssd_keras.train.fed_targets import FedTargets
from tssd_keras.train.feed import Feed
from tssd_keras.train.logs import round_logs
from tssd_keras.train.not_finite import stop_at_no_number
from tssd_keras.train.one_table import judged_alike
from tssd_keras.train.remembering import Remembering
from tssd_keras.train.settings import Drawing, Scoring, as_verbose


class TSSD(Remembering):
    """Two-Stream Sample Distillation as a callback of any Keras model.

    Before every epoch after the warm-up, each sample's label is judged by its loss and by its place
    in feature space; where the two disagree, a meta classifier fitted on trusted samples decides;
    the sample weights are rewritten, and training goes on with them::

        tssd = TSSD(x, y, golden=(x_trusted, y_trusted), warmup_epochs=3)
        model.fit(tssd.feed(batch_size=64), epochs=20, callbacks=[tssd], shuffle=False)
        tssd.table.q  # float32[N], the probability that each label is right

    Args:
        inputs: N samples: an array [N, ...], a dict, tuple or list of such, a sparse matrix, or
            `data.inputs.Inputs`. Floats in memory must be finite. A finite tf.data.Dataset or
            PyDataset of (x, y), (x, y, weight) or (x, y, weight, id), or an `ImageFolder`, stand
            for the labels too.
        labels: N labels, possibly wrong, in any form of `Labels.given`; or `Labels`.
        golden: (x, y), an `ImageFolder`, a dataset of (x, y) or `Golden`: trusted samples that are
            not among the inputs (arrays in memory are compared), at least two of each class.
            "certain": the division's own certain samples stand in. None: no purification.
        warmup_epochs: epochs before the first division, at least 1, on every sample but a few held
            back (`judge.rejected`). None: the feed only, and never a division.
        from_logits: whether the model gives logits; None: see `scoring_model.scoring_model`.
        scoring: how else the model is looked into.
        drawing: how an epoch's samples are drawn and ordered.
        divide: settings of the division.
        purify: settings of the purification.
        on_round: called with each round's record, e.g. to print it.
        on_progress: shows how far a round is; see `progress.bar`.
        verbose: "auto", 1, 2 or True prints a line a round, 0 nothing.
        backup_path: a file that keeps the state at the end of every epoch, to go on after a kill,
            beside keras.callbacks.BackupAndRestore (which comes behind TSSD). Deleted at the end.

    Attributes:
        table: `SampleTable` of the noisy stream.
        class_names: K names, where the labels, the dataset or the folder tell them; else None.
        rounds: list of `RoundRecord`, one a round.
        last_round: what the newest round saw, a `Verdict` a network; empty before.
        epochs_trained: so far, over every `fit`.
        arguments: as they were checked, `checked.CheckedArguments`.

    Raises:
        ValueError, TypeError: an argument does not fit, see its message. During `fit`, a loss or
            a feature is not finite, in the last epoch, too.
        RuntimeError: Keras runs neither on TensorFlow nor on JAX. During `fit`, an epoch ended
            without the feed being read, or before its last batch.

    Source:
        Two-Stream Sample Distillation, arXiv 2404.10499, and docs/method.md.
    """

    def __init__(
        self,
        inputs: object,
        labels: Labels | np.ndarray | None = None,
        *,
        golden: Golden | tuple | str | None = None,
        warmup_epochs: int | None = 1,
        from_logits: bool | None = None,
        scoring: Scoring | None = None,
        drawing: Drawing | None = None,
        divide: DivideRecipe | None = None,
        purify: PurifyRecipe | None = None,
        on_round: Callable[[RoundRecord], None] | None = None,
        on_progress: Progress = no_progress,
        verbose: int | str = 0,
        backup_path: str | os.PathLike | None = None,
    ) -> None:
        check_backend()
        check_callable("on_round", no_progress if on_round is None else on_round)
        check_callable("on_progress", on_progress)
        arguments = check_arguments(
            inputs,
            labels,
            golden=golden,
            warmup_epochs=warmup_epochs,
            from_logits=from_logits,
            scoring=scoring,
            drawing=drawing,
            divide=divide,
            purify=purify,
        )
        super().__init__(arguments, on_progress, backup_path)
        self._on_round, self._verbose = on_round, as_verbose(verbose)

    def feed(
        self,
        batch_size: int = 64,
        *,
        model: keras.Model | None = None,
        shuffle: bool = True,
        kind: str = "auto",
        map: Callable | None = None,
        steps: int | None = None,
    ):
        """The weighted training data, for `fit(..., shuffle=False)`; see `feed.Feed`.

        Args:
            batch_size: rows of every batch.
            model: what will be fitted: it says the form of labels, and `steps.mixmatch_step` its
                needs; `table` is then made anew. None: a plain Keras model, labels as they came.
            shuffle: whether the order changes every epoch.
            kind: "tf.data", "pydataset", or "auto".
            map: augmentation, samples [B, ...] -> samples, done to every batch anew but not to
                what is scored: in tf.data's graph, or on arrays (kind "pydataset").
            steps: batches of every epoch; samples come again in a new order where they are too few,
                some wait for a later epoch where they are too many. None: each that counts, once.

        Returns:
            tf.data.Dataset or keras.utils.PyDataset of (x, y, weight).

        Raises:
            TypeError, ValueError: an argument does not fit.
            RuntimeError: a round has judged by a model with other needs.
        """
        a, needs, before = self.arguments, FeedNeeds.of(model), self._feed_needs
        if needs != before:
            if self.table.n_rewrites:
                raise RuntimeError(_OTHER_NEEDS.format(before, needs))
            self._feed_needs = needs
            self._begin()
        targets = FedTargets(self.table, a.n_classes, a.form, a.output, model)
        layout, batch_size = devices.layout(), as_whole("batch_size", batch_size, 1)
        self._feed = Feed(
            self.table,
            self.inputs,
            batch_size=batch_size,
            seed=a.drawing.seed,
            shuffle=shuffle,
            unlabelled=needs.unlabelled,
            targets=targets,
            map=map,
            callback_missing=True,
            check_model=model_check(needs, targets, batch_size, layout),
            fixed_steps=steps,
            layout=layout,
        )
        return self._feed.batches(kind)

    @property
    def steps(self) -> int:
        """Batches in an epoch under the weights as they are now; 0 before `feed`."""
        return 0 if self._feed is None else self._feed.steps

    def on_train_begin(self, logs=None):
        """Look into the model before anything is trained; after a kill, go on from the backup."""
        if self._feed is None:
            raise RuntimeError(_UNREAD)
        self._feed.begin_fit(self.model)
        networks = eval_networks(self.model)
        if not self._scorers:
            self._networks = networks
            self._scorers = scoring_models(self.model, networks, self.arguments)
        elif any(new is not old for new, old in zip(networks, self._networks, strict=True)):
            raise RuntimeError(_OTHER_MODEL)
        self._go_on()
        if self._feed_needs.unlabelled and hasattr(self.model, "epoch_count"):
            self.model.epoch_count = self._epochs
        if self.warmup_epochs is not None:
            devices.alone(lambda: self._judges.look_before_training(self._scorers))

    def on_epoch_begin(self, epoch, logs=None):
        """Draw, and run a round where one is due, before the epoch's first batch is read."""
        if self._fit_begins:
            self._fit_begins = False
            self._before_first_epoch(epoch)
        epoch, since_round = self._epochs.begin(epoch), 0
        if self.warmup_epochs is not None:
            since_round = max(0, epoch - self.warmup_epochs) % self.arguments.divide.every
        self._draw(epoch - since_round)
        if self.warmup_epochs is not None and epoch >= self.warmup_epochs:
            # A table that nobody has written says nothing of an epoch between two rounds.
            if since_round == 0 or not self.rounds or self._judge_now:
                self.run_round(epoch)
            self._judge_now = False
        self._feed.begin(epoch)
        self._short_epochs.begin(self.model, self._feed, (self.params or {}).get("steps"))

    def _before_first_epoch(self, epoch: int) -> None:
        """Go on with the model's state, and say what does not fit; `epoch` counts within `fit`."""
        self._line_up(epoch)
        if self._is_new and not epoch and self.warmup_epochs is not None:
            self._notes.trained_before(self.model, self.warmup_epochs)
        if self._feed is not None:
            self._notes.weights(self.model, self._feed)
            n_epochs = (self.params or {}).get("epochs", epoch + 1) - epoch
            all_stay = self.warmup_epochs is None or self._feed_needs.unlabelled
            full = n_epochs if all_stay else (self.warmup_epochs or 0) - self.epochs_trained
            self._notes.schedule(self.model, self._feed, n_epochs, full)

    def on_train_batch_end(self, batch, logs=None):
        """Count the batches."""
        self._short_epochs.trained(batch + 1)

    def on_test_begin(self, logs=None):
        """The epoch's batches have ended."""
        self._short_epochs.end()

    def on_epoch_end(self, epoch, logs=None):
        """Stop unless the epoch was fed by the feed; add the newest round's figures to `logs`."""
        self._short_epochs.end()
        if not self._feed.was_read:
            raise RuntimeError(_UNREAD)
        self._short_epochs.check_whole()
        stop_at_no_number(self.model, logs, epoch, self.arguments)
        self.table.mark_trained(self._feed.planned)
        trained = self.epochs_trained
        self._epochs.end()
        warmed_up = self.warmup_epochs is not None and trained >= self.warmup_epochs
        if warmed_up and self._feed_needs.unlabelled and getattr(self.model, "warming_up", False):
            raise RuntimeError(
                "an epoch after the warm-up was trained as warm-up, on every label. Give fit the "
                "callback steps.semi_supervised.SemiSupervisedSchedule, with TSSD's warmup_epochs "
                f"({self.warmup_epochs})."
            )
        if logs is not None and self.warmup_epochs is not None:
            logs.update(round_logs(self.rounds, trained))
        if self._backup is not None:
            self._backup.write(self, epoch)

    def on_train_end(self, logs=None):
        """Say so if no epoch was trained or no label ever judged; a backup has done its work."""
        if self._backup is not None:
            self._backup.delete()
        if self._fit_begins:
            self._notes.no_epoch(self.model, self.params)
        elif self.warmup_epochs is not None and not self.rounds:
            self._notes.all_warmup(self.warmup_epochs)

    def run_round(self, epoch: int) -> RoundRecord:
        """One round over the samples drawn now: score, divide, purify, rewrite, record.

        Args:
            epoch: counted from 0, over every `fit`, the one that will be trained with the new
                weights.

        Returns:
            The round's record, also appended to `rounds`.
        """
        bring_up_to_date(self.model)
        judge = partial(self._judges.round, self.table, self._scorers, epoch=epoch)
        alone = partial(devices.alone, partial(judge, round_index=len(self.rounds)))
        record, self.last_round = judged_alike(self.table, devices.layout_of(self.model), alone)
        tell_class_shares(self.model, self.last_round, self.table)
        self.rounds.append(record)
        if self._verbose:
            print(round_line(record))
        if self._on_round is not None:
            self._on_round(record)
        return record


_OTHER_NEEDS = (
    "one TSSD judges by one model: one that needs {} has judged, and this one needs {}. Make a new "
    "TSSD for a new model."
)
_OTHER_MODEL = (
    "one TSSD judges by one model: what it remembers of the rounds before is of the model it was "
    "first used with. Make a new TSSD for a new model."
)
_UNREAD = (
    "an epoch ended without the feed being read, so the sample weights had no effect. Call "
    "model.fit(tssd.feed(batch_size=...), epochs=..., callbacks=[tssd], shuffle=False), with the "
    "feed as it is, of this very callback: a copy of a TSSD makes a feed of its own. In place of "
    "keras.wrappers.SKLearnClassifier take tssd_keras.TSSDClassifier."
)
