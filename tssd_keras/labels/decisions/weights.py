"""The weight of a decided golden sample: how many samples of the stream it stands for.

People decide on suspects, so decided samples are a biased sample of the stream. The stratum that
each was shown from, and the stratum's size, correct for it.
"""

from __future__ import annotations

import numpy as np

# Weights to this power. Full weights are unbiased and rest on few samples; equal ones rest on all
# samples and are biased. benchmarks/decision_weights.py, AUROC of q by power 0, 1/4, 1/2, 1, mean
# of seeds 7 to 10: .9488 .9565 .9561 .9522 with the page's first 500 suspects decided on, .9702
# .9694 .9680 .9631 with 500 spread over all suspects.
FLATTENED = 0.25


def stands_for(
    stratum: np.ndarray, stratum_size: np.ndarray, *, n_uniform: int, n_stream: int
) -> np.ndarray:
    """How many samples of the stream each golden sample stands for.

    Golden samples are drawn from the whole stream, or decided on in a stratum h. The n_h
    decided samples and the M N_h / N drawn ones that are expected in it stand together for
    its N_h samples, each for

        w_h = N_h / (n_h + M N_h / N).

    The stratum of a drawn sample is unknown: its weight is the mean of w over the stream,
    with w = N / M outside the strata. The weights sum to N, and are then flattened, see
    `FLATTENED`.

    Args:
        stratum: object[m] of str, of the m decided golden samples.
        stratum_size: int64[m], N_h.
        n_uniform: M, golden samples that were drawn from the whole stream.
        n_stream: N.

    Returns:
        float64[M + m], drawn ones first.

    Source:
        Kalton and Anderson, "Sampling rare populations", JRSS A 1986 (one frame out
        of several); Shimodaira, "Improving predictive inference under covariate shift
        by weighting the log-likelihood function", JSPI 2000 (flattening).
    """
    _, first_row, inverse, n_decided = np.unique(
        stratum.astype(str), return_index=True, return_inverse=True, return_counts=True
    )
    size = stratum_size[first_row].astype(np.float64)
    n_stream = max(n_stream, int(size.sum()))
    n_drawn = n_uniform * size / n_stream
    decided = size / (n_decided + n_drawn)
    drawn = (n_stream - size.sum() + (n_drawn * decided).sum()) / max(n_uniform, 1)
    every = np.concatenate([np.full(n_uniform, drawn), decided[inverse.reshape(-1)]])
    return every**FLATTENED
