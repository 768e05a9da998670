"""What a TSSD remembers from epoch to epoch: it can be written, read, and copied."""

from __future__ import annotations

import copy
import json
import os
from typing import Any

import keras
import numpy as np

from tssd_keras.judge.record import RoundRecord
from tssd_keras.judge.record_text import records_of_text, records_to_text
from tssd_keras.judge.state import State, in_order, numbered, part, under
from tssd_keras.progress import Progress
from tssd_keras.train import devices
from tssd_keras.train.backup import Backup
from tssd_keras.train.checked import CheckedArguments
from tssd_keras.train.draw import draw_balanced, draw_generator
from tssd_keras.train.epoch_count import EpochCount
from tssd_keras.train.eval_networks import FeedNeeds
from tssd_keras.train.feed import Feed
from tssd_keras.train.fingerprint import differences, digest, fingerprint
from tssd_keras.train.fit_notes import FitNotes
from tssd_keras.train.judges import Judges
from tssd_keras.train.new_table import new_table, rule_for_rejected
from tssd_keras.train.one_table import check_alike
from tssd_keras.train.round import Verdict
from tssd_keras.train.scoring_model import ScoringModel
from tssd_keras.train.short_epochs import ShortEpochs
from tssd_keras.train.state_check import check_types, not_whole, read_head
from tssd_keras.train.state_file import load_state, save_state

FORMAT = 2  # of a state; another is refused


class Remembering(keras.callbacks.Callback):
    """The part of `callback.TSSD` that outlives an epoch; see there for arguments and attributes.

    Args:
        arguments: checked.
        progress: shows how far a round is.
        backup_path: see `TSSD`.
    """

    def __init__(
        self,
        arguments: CheckedArguments,
        progress: Progress,
        backup_path: str | os.PathLike | None,
    ) -> None:
        super().__init__()
        self.arguments = arguments
        self.inputs, self.n_classes = arguments.inputs, arguments.n_classes
        self.true_labels, self.warmup_epochs = arguments.true, arguments.warmup_epochs
        self.class_names = arguments.class_names
        self._on_progress = progress
        self._backup = None if backup_path is None else Backup(backup_path)
        self._feed_needs = FeedNeeds()
        self._fit_begins = self._is_new = self._judge_now = False
        self._begin()

    def set_params(self, params: dict | None) -> None:
        """What Keras says of a `fit`, once; raises ValueError where it says it again.

        Each `fit` makes new ones, and hands them to each callback of its list.
        """
        if params is not None and params is self.params:
            raise ValueError(
                "a TSSD must be in the list of callbacks once, or each epoch would count twice; it "
                "is there twice or more. Pass callbacks=[tssd]."
            )
        super().set_params(params)

    def _begin(self) -> None:
        """Make the table and a judge for each network, and draw the first epoch."""
        arguments, n_networks = self.arguments, self._feed_needs.n_networks
        judges, unlabelled = self.warmup_epochs is not None, self._feed_needs.unlabelled
        rule = rule_for_rejected(arguments, judges=judges, unlabelled=unlabelled)
        self.table = new_table(arguments, n_networks, holds_back=rule == "auto")
        self.rounds: list[RoundRecord] = []
        self.last_round: list[Verdict] = []
        self._judges = Judges(
            arguments, rule, n_networks, self._on_progress, cautious=not unlabelled
        )
        self._epochs = EpochCount()
        self._feed: Feed | None = None
        self._networks: list[keras.Model] = []  # that the scorers look into
        self._scorers: list[ScoringModel] = []
        self._generators: State = {}  # of the model, which is not known before `fit`
        self._short_epochs, self._notes = ShortEpochs(), FitNotes()
        self._draw(0)  # Keras may look at batches before the first epoch begins

    def _draw(self, epoch: int) -> None:
        drawing = self.arguments.drawing
        if drawing.epoch_samples is not None:
            rng = draw_generator(drawing.seed, epoch)
            labels = self.table.labels
            self.table.draw(draw_balanced(labels, drawing.epoch_samples, self.n_classes, rng))

    @property
    def epochs_trained(self) -> int:
        """Epochs that have ended, over every `fit`; `RoundRecord.epoch` counts by them."""
        return self._epochs.done

    def get_state(self) -> State:
        """All that the next epoch rests on but the model: flat arrays, see `save`.

        Returns:
            Name -> array, none of dtype object; numbers and texts are arrays without axes. Of the
            model it holds the states of random generators, which Keras saves in no file.
        """
        needs = self._feed_needs
        generators = numbered([keras.ops.convert_to_numpy(v) for v in _generators(self.model)])
        return {
            "format": np.array(FORMAT),
            "of": np.array(json.dumps(fingerprint(self.arguments))),
            "n_networks": np.array(needs.n_networks),
            "unlabelled": np.array(needs.unlabelled),
            "epochs": np.array(self._epochs.done),
            "rounds": np.array(records_to_text(self.rounds)),
            **under("table", self.table.get_state()),
            **under("judges", self._judges.get_state()),
            **under("generators", generators),
        }

    def set_state(self, state: State) -> None:
        """Go on from where a TSSD of the same samples, labels and settings was.

        The model is restored by Keras' own means. `last_round` is empty until the next round.

        Args:
            state: of `get_state`.

        Raises:
            TypeError: the state is no dict of arrays by name.
            ValueError: it is of other samples, labels, settings or needs, or not whole. This TSSD
                then stays as it was.
        """
        head = read_head(state, FORMAT)
        found = differences(head.of, fingerprint(self.arguments))
        if found:
            raise ValueError(
                "a state must be of the same samples, labels and settings as the TSSD that takes "
                f"it: {found}. Make the TSSD with the same arguments, or begin anew."
            )
        if head.needs != self._feed_needs and self._feed is not None:
            raise ValueError(
                f"a state must fit the feed: it is for {head.needs}, and the feed was made for "
                f"{self._feed_needs}. Make it by tssd.feed(batch_size=..., model=model)."
            )
        held, before = dict(self.__dict__), self.get_state()
        try:
            if head.needs != self._feed_needs:
                self._feed_needs = head.needs
                self._begin()
            self._apply(state)
        except Exception as error:  # a state that was made by hand can hold anything
            self.__dict__.update(held)
            self._apply(before)
            self.__dict__.update(held)
            raise not_whole(error) from error

    def _apply(self, state: State) -> None:
        """Take over a state of the same samples; raises anything, half done, if it is not whole."""
        check_types(state, self.get_state(), "table")
        self.table.set_state(part(state, "table"))
        devices.alone(lambda: self._judges.set_state(part(state, "judges")))
        self.rounds[:] = records_of_text(str(state["rounds"]))
        self._epochs.done = int(state["epochs"])
        self.last_round = []
        self._generators = part(state, "generators")
        in_order(self._generators)

    def save(self, path: str | os.PathLike) -> None:
        """Write the state as an .npz file without Python objects, whole or not at all.

        Raises:
            TypeError: `path` is no path.
            OSError: the file cannot be written; what was there before stays.
        """
        save_state(path, self.get_state())

    def load(self, path: str | os.PathLike) -> None:
        """Read what `save` wrote; see `set_state`.

        Raises:
            TypeError: `path` is no path.
            OSError: there is no such file (FileNotFoundError), or it cannot be read.
            ValueError: it is no whole state, or of another TSSD, which then stays as it was.
        """
        self._take(load_state(path), path)

    def _take(self, state: State, path: str | os.PathLike) -> None:
        try:
            self.set_state(state)
        except ValueError as error:
            raise ValueError(f"{os.fspath(path)}: {error}") from error

    def _go_on(self) -> None:
        """`fit` begins: take the newest state of a training that was cut off in another process."""
        self._fit_begins, self._judge_now = True, False
        self._is_new = not self.epochs_trained and not self.rounds
        if self._backup is not None:
            if self._feed is not None and self._feed.layout.n_processes > 1:
                raise ValueError(_ONE_BACKUP.format(self._feed.layout))
            self._backup.prepare()
            if self._is_new and (state := self._backup.newest()):
                self._take(state, self._backup.path)
        if self._feed is not None and self._feed.layout.n_processes > 1:
            check_alike(fingerprint(self.arguments) | self._feed.fingerprint() | self._progress())

    def _progress(self) -> dict[str, str]:
        """How far this TSSD is, and is asked to go, in texts that processes compare."""
        table = (self.table.role, self.table.weight, self.table.rows_to_judge())
        return {
            "model": str(self._feed_needs),
            "scoring.batch_size": str(self.arguments.scoring.batch_size),
            "epochs of fit": str((self.params or {}).get("epochs")),
            "epochs trained": str(self.epochs_trained),
            "rounds": str(len(self.rounds)),
            "table": digest(*table),
        }

    def _line_up(self, epoch: int) -> None:
        """Its first epoch begins: take the state that belongs to the model.

        Args:
            epoch: its number within `fit`.
        """
        if self._backup is not None:
            self._judge_now = self._backup.line_up(self, epoch, new=self._is_new)
            if self._judge_now:
                self._epochs.end()
            self._is_new &= not self.epochs_trained
        self._restore_generators()

    def _restore_generators(self) -> None:
        """Give the model's random generators the states that came with this TSSD's."""
        values, variables = in_order(self._generators), _generators(self.model)
        self._generators = {}
        if not values:
            return
        if [v.shape for v in values] != [tuple(v.shape) for v in variables]:
            raise ValueError(
                f"the model must be the one that was trained: it has {len(variables)} random "
                f"generators, with the state of TSSD came {len(values)}."
            )
        for variable, value in zip(variables, values, strict=True):
            devices.assign(variable, value)

    def __deepcopy__(self, memo: dict[int, Any]):
        """A TSSD that goes on by itself from here; inputs and functions are shared.

        It has no feed, for the feeds of this one read this one's table: make one by
        `copy.feed(...)`. It has no model yet, and no `backup_path`, as two would write one file.
        """
        twin = copy.copy(self)
        memo[id(self)] = twin
        twin._model, twin.params = None, copy.deepcopy(self.params, memo)
        twin._backup = None
        twin._begin()
        twin.set_state({name: value.copy() for name, value in self.get_state().items()})
        twin._generators = {}
        twin.last_round = list(self.last_round)
        return twin

    def __repr__(self) -> str:
        arguments, n = self.arguments, len(self.table)
        golden = arguments.golden_source
        if arguments.golden is not None:
            golden = f"{len(arguments.golden):,} samples"
        warmup = "no division" if self.warmup_epochs is None else f"{self.warmup_epochs} epochs"
        now = f"{self.epochs_trained} epochs trained, {len(self.rounds)} rounds"
        if self.rounds:
            roles = vars(self.rounds[-1].roles)
            now += f", kept {roles['kept']:,} of {sum(roles.values()) - roles['kept']:,}"
        return (
            f"{type(self).__name__}({n:,} samples, {self.n_classes} classes, golden: {golden}, "
            f"warm-up: {warmup}; {now})"
        )


_ONE_BACKUP = (
    "backup_path is for one process, got {}: each would write the file. Leave it out, and save in "
    "the first process at an epoch's end, tssd.save(path); to go on, tssd.load(path) in each."
)


def _generators(model: keras.Model | None) -> list[keras.Variable]:
    """The states of a model's random generators, in the model's order."""
    if model is None:
        return []
    saved = {id(v) for v in model.weights}
    return [v for v in model.variables if id(v) not in saved]
