import dataclasses

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
    merged,
    shift,
    summed,
)
from tssd_keras.judge.round_line import round_notes
from tssd_keras.judge.told import (
    CONSTANT,
    SHARES_DIFFER,
    STREAMS_ABSTAIN,
    WrongShare,
    of_all,
    of_some,
)

pytestmark = pytest.mark.backend_free

# The header of rounds.csv, which audits and benchmarks read by name.
COLUMNS = (
    "epoch,kept,positive,negative,uncertain,semi_hard,floor,loss_abstains,classes_abstaining,"
    "network_unready,kept_precision,kept_recall,kept_f1,auroc_loss,auroc_feature,auroc_q,label_error_auroc,"
    "uncertain_purity,semi_hard_purity,semi_hard_recall,reach,criterion,estimated_clean_share,nothing_to_tell,"
    "no_share,golden_pairs,clean_share_error,classes_short,neighbours_before,network_share,golden_auroc_q,golden_auroc_streams,"
    "rejected_count,rejected_fitted,rejected_fit,seconds_score,seconds_divide,seconds_purify"
)


def a_record():
    return RoundRecord(
        epoch=3,
        roles=RoleCounts(kept=5, positive=4, negative=3, uncertain=2, semi_hard=1, floor=0),
        abstentions=Abstentions(loss_abstains=True, classes_abstaining=2),
        quality=Quality(kept_precision=0.9),
        purification=PurificationFigures(reach="all", shift={"loss": [[1.0], [2.0]]}),
        rejected=RejectedFigures(rejected_count=True, rejected_fitted=False, rejected_fit=0.01),
        seconds=Seconds(score=1.0, divide=2.0, purify=4.0),
    )


def test_a_row_has_the_columns_of_rounds_csv_and_not_the_shift():
    row = a_record().row()
    assert ",".join(row) == COLUMNS
    assert (row["epoch"], row["kept"], row["loss_abstains"], row["classes_abstaining"]) == (
        3,
        5,
        True,
        2,
    )
    assert (row["kept_precision"], row["reach"], row["seconds_purify"]) == (0.9, "all", 4.0)
    assert row["kept_recall"] is None
    assert a_record().purification.shift == {"loss": [[1.0], [2.0]]}


def test_a_record_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        a_record().epoch = 4


def test_seconds_of_networks_add_up():
    seconds = Seconds(score=1.0, divide=2.0, purify=4.0)
    assert seconds.total == 7.0
    assert summed([seconds, seconds]) == Seconds(score=2.0, divide=4.0, purify=8.0)


def test_figures_of_one_network_are_its_own():
    figures = PurificationFigures(reach="all", criterion=0.5)
    assert merged([figures]) is figures


def test_numbers_are_averaged_and_differing_texts_joined():
    one = PurificationFigures(
        reach="all", criterion=0.5, golden_pairs=30, network_share=0.2, shift={"a": []}
    )
    two = PurificationFigures(reach="uncertain", criterion=0.7, golden_pairs=30, shift={"b": []})
    assert merged([one, two]) == PurificationFigures(
        reach="all / uncertain",
        criterion=pytest.approx(0.6),
        golden_pairs=30,
        network_share=None,  # one network has none
        shift={"a": []},
    )
    assert merged([one, one]) == one
    abstentions = [Abstentions(loss_abstains=True, classes_abstaining=n) for n in (2, 3)]
    assert merged(abstentions) == Abstentions(loss_abstains=True, classes_abstaining=2.5)


def test_a_network_that_tells_nothing_does_not_hide_the_share_of_another():
    tells = PurificationFigures(
        estimated_clean_share=0.7, clean_share_error=0.1, nothing_to_tell="", no_share=""
    )
    not_ = PurificationFigures(nothing_to_tell=STREAMS_ABSTAIN, no_share=STREAMS_ABSTAIN)
    for pair in ([tells, not_], [not_, tells]):
        row = vars(merged(pair))
        assert WrongShare.of_row(row).share == pytest.approx(0.3)
        assert WrongShare.of_row(row).error == pytest.approx(0.1)
        assert (of_all(row["nothing_to_tell"]), of_some(row["nothing_to_tell"])) == (
            "",
            STREAMS_ABSTAIN,
        )
    row = vars(merged([not_, not_]))
    assert WrongShare.of_row(row) == WrongShare(why=STREAMS_ABSTAIN)
    assert of_some(row["nothing_to_tell"]) == ""
    other = dataclasses.replace(not_, nothing_to_tell=CONSTANT, no_share=CONSTANT)
    why = WrongShare.of_row(vars(merged([not_, other]))).why
    assert why == f"{STREAMS_ABSTAIN} / {CONSTANT}"
    assert WrongShare.of_row({}) == WrongShare()
    as_text = {"estimated_clean_share": "0.7", "clean_share_error": "", "no_share": ""}
    assert WrongShare.of_row(as_text).share == pytest.approx(0.3)
    assert WrongShare.of_row({"estimated_clean_share": "0.7 / 0.8"}) == WrongShare()


def test_the_round_s_line_says_of_whom_nothing_is_told():
    def notes(**figures):
        purification = PurificationFigures(**figures)
        record = dataclasses.replace(a_record(), purification=purification)
        return [note for note in round_notes(record) if note not in common]

    common = round_notes(dataclasses.replace(a_record(), purification=PurificationFigures()))

    assert notes(nothing_to_tell="", no_share="", estimated_clean_share=0.7) == []
    assert notes(nothing_to_tell=CONSTANT, no_share=CONSTANT) == [f"nothing to tell: {CONSTANT}"]
    assert notes(nothing_to_tell="", no_share=SHARES_DIFFER) == [
        f"how many labels are wrong: nothing to tell, as {SHARES_DIFFER}"
    ]
    assert notes(nothing_to_tell=f" / {CONSTANT}", estimated_clean_share=0.7) == [
        f"one network judged nothing: {CONSTANT}"
    ]


def test_the_shift_is_the_quartiles_of_both_sides():
    golden, kept = np.arange(5.0)[:, None], 10 * np.arange(5.0)[:, None]
    assert shift(["loss"], golden, kept) == {"loss": [[1, 2, 3], [10, 20, 30]]}
    assert shift(["loss"], golden, kept[:0]) == {}
