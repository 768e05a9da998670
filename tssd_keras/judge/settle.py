"""From q to roles: what the streams agreed on is opened, what they left open is settled."""

from __future__ import annotations

import numpy as np

from tssd_keras.judge.roles import NEGATIVE, POSITIVE, SEMI_HARD, UNCERTAIN

KEPT_PRECISION = 0.95  # expected share of right labels among the kept, beyond the expected number


def bar_of(q: np.ndarray, clean_share: float) -> float:
    """The q above which a label is taken to be right, at least 0.5.

    Where more labels have a q above 0.5 than are expected to be right, the best of them by q are
    taken: as many as are expected, or as many as are right at the rate KEPT_PRECISION, if that
    is more. So little is lost where few labels are wrong.

    Args:
        q: float[N], probability that the given label is right.
        clean_share: expected share of right labels.
    """
    best = np.sort(np.asarray(q, np.float64))[::-1]
    n_right = int(np.ceil(np.clip(clean_share, 0.0, 1.0) * len(best)))
    if not n_right:
        return max(0.5, float(best.max(initial=0.0)))
    precision = np.cumsum(best) / np.arange(1, len(best) + 1)  # falls with every label
    n_kept = max(n_right, int((precision >= KEPT_PRECISION).sum()))
    return max(0.5, float(np.nextafter(best[n_kept - 1], 0)))  # who ties with the last is kept


def overrule(role: np.ndarray, q: np.ndarray, bar: float = 0.5) -> np.ndarray:
    """Open what the streams agree on and the meta classifier denies.

    Both streams can be wrong together: asymmetric noise looks clean to both,
    and a class that the network has hardly learned looks wrong to both.

    Args:
        role: int8[N], from the division.
        q: float[N], probability that the given label is right.
        bar: of `bar_of`.

    Returns:
        int8[N]: positives with q up to the bar and negatives with q above it are uncertain.
    """
    out = role.copy()
    out[((role == POSITIVE) & (q <= bar)) | ((role == NEGATIVE) & (q > bar))] = UNCERTAIN
    return out


def mining_criterion(q: np.ndarray, target_precision: float, bar: float = 0.5) -> float:
    """The q above which uncertain labels are taken to be right.

    Args:
        q: float[n], of the uncertain samples.
        target_precision: share of right labels that is expected among the mined; 0: any.
        bar: of `bar_of`.

    Returns:
        The bar, or, if that is higher, the q down to which the target holds; 1 where it never does.
    """
    if not target_precision or not len(q):
        return bar
    order = np.sort(q)[::-1]
    precision = np.cumsum(order) / np.arange(1, len(order) + 1)
    reached = np.flatnonzero(precision >= target_precision)
    return max(bar, float(order[reached[-1]]) - 1e-9) if len(reached) else 1.0


def settle(role: np.ndarray, q: np.ndarray, criterion: float) -> np.ndarray:
    """Mine the uncertain samples above the criterion.

    Args:
        role: int8[N].
        q: float[N], probability that the given label is right.
        criterion: an uncertain sample is mined above this.

    Returns:
        int8[N]: uncertain samples above the criterion are semi-hard.
    """
    out = role.copy()
    out[(role == UNCERTAIN) & (q > criterion)] = SEMI_HARD
    return out
