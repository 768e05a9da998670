"""What a round found, as numbers in Keras' logs: History, CSVLogger and EarlyStopping see them."""

from __future__ import annotations

from collections.abc import Sequence

from tssd_keras.judge.record import RoundRecord
from tssd_keras.judge.told import WrongShare

NAN = float("nan")


def round_logs(rounds: Sequence[RoundRecord], epoch: int) -> dict[str, float]:
    """The same four numbers for every epoch.

    Args:
        rounds: so far.
        epoch: that ends, as the records count.

    Returns:
        Of the newest round: `tssd_kept_share` of the samples that it judged, `tssd_wrong_share`
        that it estimates, `tssd_golden_auroc` of q on golden samples, out of fold. NaN where there
        is none, so before the first round. `tssd_seconds` of the round before this epoch, else 0.
    """
    logs = {"tssd_kept_share": NAN, "tssd_wrong_share": NAN, "tssd_golden_auroc": NAN}
    logs["tssd_seconds"] = 0.0
    if not rounds:
        return logs
    last = rounds[-1]
    roles, found = last.roles, last.purification
    judged = sum(vars(roles).values()) - roles.kept
    if judged:
        logs["tssd_kept_share"] = roles.kept / judged
    wrong = WrongShare.of_row(last.row()).share
    if wrong is not None:
        logs["tssd_wrong_share"] = wrong
    if found.golden_auroc_q is not None:
        logs["tssd_golden_auroc"] = float(found.golden_auroc_q)
    if last.epoch == epoch:
        logs["tssd_seconds"] = float(last.seconds.total)
    return logs
