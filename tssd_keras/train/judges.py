"""The judges of a model's networks: a round by all of them, and what they remember of rounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tssd_keras.judge.quality import quality, role_counts
from tssd_keras.judge.record import Abstentions, RejectedFigures, RoundRecord, merged, summed
from tssd_keras.judge.rejected import Rejected, rest_of
from tssd_keras.judge.state import State, part, under
from tssd_keras.judge.table import SampleTable, in_agreement
from tssd_keras.progress import Progress
from tssd_keras.train.checked import CheckedArguments
from tssd_keras.train.readiness import Warner
from tssd_keras.train.round import NetworkJudge, Verdict
from tssd_keras.train.scoring_model import ScoringModel


class Judges:
    """A judge for each of M networks.

    Args:
        arguments: of the callback.
        rule: what rejected labels count for, see `rejected.Rejected`.
        n_networks: M.
        progress, cautious: see `NetworkJudge`.
    """

    def __init__(
        self,
        arguments: CheckedArguments,
        rule: str,
        n_networks: int,
        progress: Progress,
        *,
        cautious: bool = True,
    ) -> None:
        self._true = arguments.true
        self._rejected = [Rejected(rule) for _ in range(n_networks)]
        self._judges = [
            NetworkJudge(arguments, progress, cautious=cautious) for _ in range(n_networks)
        ]
        self._warner = Warner()

    def look_before_training(self, scorers: Sequence[ScoringModel]) -> None:
        """See `NetworkJudge.look_before_training`; M scorers."""
        for judge, scorer in zip(self._judges, scorers, strict=True):
            judge.look_before_training(scorer)

    def round(
        self, table: SampleTable, scorers: Sequence[ScoringModel], *, epoch: int, round_index: int
    ) -> tuple[RoundRecord, list[Verdict]]:
        """Judge the samples drawn now, and rewrite the table.

        Args:
            table: rewritten.
            scorers: M, of the networks as they are now.
            epoch: counted from 0, the one that will be trained with the new weights.
            round_index: counts the rounds.

        Returns:
            The round's record, and what each network found.
        """
        rows = table.rows_to_judge()
        verdicts = [
            judge.judge(scorer, rows, round_index)
            for judge, scorer in zip(self._judges, scorers, strict=True)
        ]
        p, found = [v.p_given for v in verdicts], [v.columns for v in verdicts]
        rest = rest_of(self._rejected, p, found, table, rows)
        table.rewrite(replace(in_agreement(found), rest=rest), rows, epoch=epoch)
        untold = [v.figures.nothing_to_tell or "" for v in verdicts]
        self._warner.hear([v.readiness for v in verdicts], untold, scorers)
        record = RoundRecord(
            epoch=epoch,
            roles=role_counts(table),
            abstentions=merged([Abstentions.of(v.division, v.readiness.why) for v in verdicts]),
            quality=merged([quality(table, v.division, v.loss, self._true) for v in verdicts]),
            purification=merged([v.figures for v in verdicts]),
            rejected=merged([RejectedFigures.of(one) for one in self._rejected]),
            seconds=summed([v.seconds for v in verdicts]),
        )
        return record, verdicts

    def get_state(self) -> State:
        """What `set_state` takes."""
        state: State = {}
        for i, (judge, rejected) in enumerate(zip(self._judges, self._rejected, strict=True)):
            state |= under(f"{i}", judge.get_state()) | under(f"{i}/rejected", rejected.get_state())
        return state

    def set_state(self, state: State) -> None:
        """Go on from where as many others of the same arguments were."""
        for i, (judge, rejected) in enumerate(zip(self._judges, self._rejected, strict=True)):
            own = part(state, f"{i}")
            judge.set_state(own)
            rejected.set_state(part(own, "rejected"))
