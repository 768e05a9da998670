"""A round in words, for a person."""

from __future__ import annotations

from tssd_keras.judge.record import RoundRecord
from tssd_keras.judge.told import NOTHING_TO_TELL, WrongShare, of_all, of_some


def round_line(record: RoundRecord) -> str:
    """One line of a round: kept, how pure where known, mined, who abstained, seconds."""
    return ", ".join(
        (
            f"round before epoch {record.epoch + 1}: {round_figures(record)}",
            *round_notes(record),
            f"{record.seconds.total:.1f} s",
        )
    )


def round_figures(record: RoundRecord, of: str = "") -> str:
    """Kept, how pure where known, mined, AUROC.

    Args:
        record: of a round.
        of: behind the number of kept samples, what they are of.
    """
    quality, semi_hard = record.quality, record.roles.semi_hard
    parts = [f"kept {record.roles.kept:,}{of}"]
    if quality.kept_precision is not None:
        parts.append(f"{quality.kept_precision:.1%} of them right")
    if quality.kept_recall is not None:
        parts.append(f"holding {quality.kept_recall:.1%} of the right ones")
    if semi_hard:
        purity = quality.semi_hard_purity
        parts.append(f"mined {semi_hard:,}" + (f" ({purity:.1%} right)" if purity else ""))
    if quality.label_error_auroc is not None:
        parts.append(f"AUROC {quality.label_error_auroc:.4f}")
    return ", ".join(parts)


def round_notes(record: RoundRecord) -> list[str]:
    """What is out of the common: who was not judged, who abstained, whose class is short."""
    abstentions, found = record.abstentions, []
    joined = record.purification.nothing_to_tell
    if unready := of_all(abstentions.network_unready):
        found.append(f"nothing was judged: the network {unready}")
    elif nothing := of_all(joined):
        found.append(f"{NOTHING_TO_TELL}: {nothing}")
    elif no_share := WrongShare.of_row(record.row()).why:
        found.append(f"how many labels are wrong: {NOTHING_TO_TELL}, as {no_share}")
    if some := of_some(joined):
        found.append(f"one network judged nothing: {some}")
    silent = []
    if abstentions.loss_abstains:
        silent.append("loss stream")
    if abstentions.classes_abstaining:
        silent.append(f"feature stream in {abstentions.classes_abstaining:g} classes")
    if silent:
        found.append(f"abstained: {' and '.join(silent)}")
    if short := (record.purification.classes_short or "").strip(" /"):
        found.append(f"of class {short} less than half of what is expected, so its best were added")
    if record.rejected.rejected_count:
        found.append("rejected labels count by q")
    return found
