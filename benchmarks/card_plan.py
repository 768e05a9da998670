"""How many epochs fit: from one short run's times to the epochs of the runs that follow."""

from __future__ import annotations

import itertools
import re
import statistics
from dataclasses import dataclass

FIT = "backend: "  # the line before the first epoch
EPOCH = re.compile(r"epoch \d+/\d+: ")
LEAST, MOST = 4, 400  # epochs
WARMUP = 4  # one epoch in so many is on all labels
# What is left of a compilation that an earlier run did, tracing and reading it: on an H100 an
# eighth to a tenth, and something to spare.
CACHED = 1 / 6
# The measuring run: two epochs of each phase, as the first one compiles, of a part of the batches.
MEASURED_WARMUP, MEASURED_EPOCHS, PART = 2, 4, 5


def warmup_epochs(epochs: int) -> int:
    """Of so many in all, under every objective."""
    return max(1, round(epochs / WARMUP))


def moments(lines: list[tuple[float, str]]) -> list[float]:
    """Seconds after a run's start: training begins, each epoch ends. Empty: it did not begin."""
    begin = [at for at, line in lines if line.startswith(FIT)][:1]
    return begin + [at for at, line in lines if EPOCH.match(line)]


def gaps(lines: list[tuple[float, str]]) -> list[float]:
    """Seconds of each epoch with its round and its evaluation; a phase's first one compiles."""
    at = moments(lines)
    return [later - earlier for earlier, later in itertools.pairwise(at)]


def usual(seconds: list[float]) -> float | None:
    """Median of epochs of one phase without the first, which compiles; None: there is no other."""
    return statistics.median(seconds[1:]) if len(seconds) > 1 else None


def compiling(phases: list[list[float]]) -> float:
    """Seconds that the first epochs of phases take longer than the others of theirs."""
    whole = [(phase[0], usual(phase)) for phase in phases if phase]
    return sum(max(0.0, first - later) for first, later in whole if later is not None)


@dataclass(frozen=True)
class Pace:
    """What runs of all images take.

    Attributes:
        around: seconds before the first epoch and after the last.
        compiling, compiling_mixmatch: seconds that the first epoch of a phase takes longer.
        plain, warming, mixmatch: seconds an epoch; of mixmatch's two phases the last two. It warms
            up on strong views, so it is no plain run.
    """

    around: float
    compiling: float
    compiling_mixmatch: float
    plain: float
    warming: float
    mixmatch: float

    @classmethod
    def of(
        cls, lines: list[tuple[float, str]], seconds: float, grows: list[float], spared: float
    ) -> Pace:
        """From the measuring run.

        Args:
            lines: of the run, each with its time.
            seconds: of the whole run.
            grows: of each epoch, the seconds that grow with the number of batches: updates
                and score pass. Evaluation and purification hardly do.
            spared: seconds of a round that an epoch of a whole run is without, in the mean; the
                measuring run has one an epoch.
        """
        at, gap = moments(lines), gaps(lines)
        whole = [seconds + (PART - 1) * part for seconds, part in zip(gap, grows, strict=True)]
        return cls(
            around=at[0] + seconds - at[-1],
            compiling=max(0.0, gap[0] - gap[1]),
            compiling_mixmatch=max(0.0, gap[2] - gap[3]),
            plain=whole[1],
            warming=whole[1],
            mixmatch=whole[3] - spared,
        )

    def cost(self, run: str, epochs: int) -> float:
        """Seconds of a run. The measuring run compiled mixmatch, and `true` compiles for plain."""
        if run != "mixmatch":
            share = 1 if run == "true" else CACHED
            return self.around + share * self.compiling + epochs * self.plain
        warmup = warmup_epochs(epochs)
        compiling = CACHED * (self.compiling + self.compiling_mixmatch)
        return self.around + compiling + warmup * self.warming + (epochs - warmup) * self.mixmatch

    def epochs(self, runs: list[str], seconds: float) -> int:
        """The most epochs, the same for all runs, that end in so many seconds; LEAST to MOST."""
        n = LEAST
        while n < MOST and sum(self.cost(run, n + 1) for run in runs) <= seconds:
            n += 1
        return n
