"""The line of an epoch: what a person reads while a run goes on."""

from types import SimpleNamespace

import numpy as np
import pytest

from tssd_keras.judge.record import (
    Abstentions,
    PurificationFigures,
    Quality,
    RejectedFigures,
    RoleCounts,
    RoundRecord,
    Seconds,
)
from tssd_keras.run.epoch_line import EpochLine, in_words

pytestmark = pytest.mark.backend_free
ALL_KNOWN = np.zeros(8, np.int64)
THREE_KNOWN = np.array([0, -1, 1, -1, -1, -1, -1, 2])


def record(*, semi_hard=0, unready="", rejected=False, precision=0.75):
    return RoundRecord(
        epoch=1,
        roles=RoleCounts(kept=5, positive=5, negative=3, uncertain=0, semi_hard=semi_hard, floor=0),
        abstentions=Abstentions(loss_abstains=False, classes_abstaining=0, network_unready=unready),
        quality=Quality(kept_precision=precision),
        purification=PurificationFigures(),
        rejected=RejectedFigures(
            rejected_count=rejected, rejected_fitted=rejected, rejected_fit=None
        ),
        seconds=Seconds(score=1.0, divide=1.0, purify=1.0),
    )


def lines_of(truth, *records):
    """Of as many epochs; None: no round before it."""
    prepared = SimpleNamespace(evaluated_on="test", stream=np.arange(8), truth=truth)
    line = EpochLine(prepared, len(records))
    line.begin()
    found = []
    for epoch, one in enumerate(records, start=1):
        if one is not None:
            line.judged(one)
        found.append(line.lines({"epoch": epoch, "accuracy": 0.5, "loss": 1.25}))
    return found


def test_an_epoch_has_one_line_with_its_round_and_the_time_that_is_left():
    (first,), (second,), (last,) = lines_of(ALL_KNOWN, None, record(), None)
    assert first == "epoch 1/3: test accuracy 0.5000, loss 1.2500; 0.0 s, 0 s left"
    assert "; kept 5 of 8, 75.0% of them right; 0.0 s, " in second
    assert last.endswith("loss 1.2500; 0.0 s")  # its round is not that of the epoch before


def test_beside_shares_stands_how_many_labels_are_known():
    ((line,),) = lines_of(THREE_KNOWN, record(semi_hard=2))
    assert "kept 5 of 8 (true labels known: 3), 75.0% of them right, mined 2;" in line
    ((line,),) = lines_of(None, record(precision=None))
    assert line.endswith("; kept 5 of 8; 0.0 s")


def test_what_is_out_of_the_common_is_said_when_it_begins():
    unready = record(unready="knows nothing")
    found = lines_of(None, unready, unready, record(), record(rejected=True))
    notes = [lines[1:] for lines in found]
    nothing = ["  nothing was judged: the network knows nothing"]
    assert notes == [nothing, [], [], ["  rejected labels count by q"]]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (5399, "90 min"), (5400, "1.5 h")],
)
def test_time_is_in_words(seconds, words):
    assert in_words(seconds) == words
