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

pytestmark = pytest.mark.backend_free

# The header of rounds.csv, which audits and benchmarks read by name.
COLUMNS = (
    "epoch,kept,positive,negative,uncertain,semi_hard,floor,loss_abstains,classes_abstaining,"
    "network_unready,kept_precision,kept_recall,kept_f1,auroc_loss,auroc_feature,auroc_q,label_error_auroc,"
    "uncertain_purity,semi_hard_purity,semi_hard_recall,reach,criterion,estimated_clean_share,nothing_to_tell,"
    "golden_pairs,clean_share_error,classes_short,neighbours_before,network_share,golden_auroc_q,golden_auroc_streams,"
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


def test_the_shift_is_the_quartiles_of_both_sides():
    golden, kept = np.arange(5.0)[:, None], 10 * np.arange(5.0)[:, None]
    assert shift(["loss"], golden, kept) == {"loss": [[1, 2, 3], [10, 20, 30]]}
    assert shift(["loss"], golden, kept[:0]) == {}
