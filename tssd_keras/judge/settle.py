"""From q to roles: what the streams agreed on is opened, what they left open is settled."""

from __future__ import annotations

import numpy as np

from tssd_keras.judge.roles import NEGATIVE, POSITIVE, SEMI_HARD, UNCERTAIN

SURE = 0.9  # a q from which a label is kept, beyond the expected number


def bar_of(cautious: np.ndarray, clean_share: float, q: np.ndarray) -> float:
    """The cautious probability above which a label is taken to be right, at least 0.5.

    Where more labels lie above 0.5 than are expected to be right, the best of them are taken: as
    many as are expected, or all with a q of SURE, if those are more. So little is lost where few
    labels are wrong and q tells them apart.

    Args:
        cautious: float[N], probability that the given label is right, if few are.
        clean_share: share of right labels that is expected then.
        q: float[N], the same probability if as many are right as is likeliest.
    """
    best = np.sort(np.asarray(cautious, np.float64))[::-1]
    n_right = int(np.ceil(np.clip(clean_share, 0.0, 1.0) * len(best)))
    n_kept = max(n_right, int((np.asarray(q) >= SURE).sum()))
    if not n_kept:
        return max(0.5, float(best.max(initial=0.0)))
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
