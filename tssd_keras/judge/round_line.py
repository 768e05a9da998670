"""A round in one line, for a person."""

from __future__ import annotations

from tssd_keras.judge.record import RoundRecord
from tssd_keras.judge.told import NOTHING_TO_TELL


def round_line(record: RoundRecord) -> str:
    """One line of a round: kept, how pure where known, mined, who abstained, seconds."""
    quality, abstentions = record.quality, record.abstentions
    parts = [f"round before epoch {record.epoch + 1}: kept {record.roles.kept:,}"]
    if quality.kept_precision is not None:
        parts.append(f"{quality.kept_precision:.1%} of them right")
    if quality.kept_recall is not None:
        parts.append(f"holding {quality.kept_recall:.1%} of the right ones")
    mined = f"mined {record.roles.semi_hard:,}"
    if quality.semi_hard_purity is not None:
        mined += f" ({quality.semi_hard_purity:.1%} right)"
    parts.append(mined)
    if quality.label_error_auroc is not None:
        parts.append(f"AUROC {quality.label_error_auroc:.4f}")
    if unready := abstentions.network_unready.strip(" /"):
        parts.append(f"nothing was judged: the network {unready}")
    nothing = (record.purification.nothing_to_tell or "").strip(" /")
    if nothing and not unready:
        parts.append(f"{NOTHING_TO_TELL}: {nothing}")
    silent = []
    if abstentions.loss_abstains:
        silent.append("loss stream")
    if abstentions.classes_abstaining:
        silent.append(f"feature stream in {abstentions.classes_abstaining:g} classes")
    if silent:
        parts.append(f"abstained: {' and '.join(silent)}")
    if short := (record.purification.classes_short or "").strip(" /"):
        parts.append(f"of class {short} less than half of what is expected, so its best were added")
    if record.rejected.rejected_count:
        parts.append("rejected labels count by q")
    parts.append(f"{record.seconds.total:.1f} s")
    return ", ".join(parts)
