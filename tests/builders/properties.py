"""What the property-based tests draw their examples from, and how many.

`TSSD_EXAMPLES=5000 pytest tests/judge/properties` searches longer, with another start each time.
"""

import os

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

N_EXAMPLES = int(os.environ.get("TSSD_EXAMPLES", "0"))
SEARCH = settings(
    max_examples=N_EXAMPLES or 60, derandomize=not N_EXAMPLES, deadline=None, database=None
)
seeds = st.integers(0, 2**32 - 1)


def numbers(n, *, low=-1e300, high=1e300, dtype=np.float64):
    """n finite numbers of any size, often with equal ones among them."""
    width = 8 * np.dtype(dtype).itemsize
    any_size = st.floats(low, high, width=width, allow_nan=False, allow_infinity=False)
    few = st.sampled_from([low, high, low / 2 + high / 2, 0.0 if low <= 0 <= high else low])
    return arrays.arrays(dtype, n, elements=any_size) | arrays.arrays(dtype, n, elements=few)


@st.composite
def labels(draw, n, n_classes):
    """int64[n] in 0..n_classes-1; a class may have no sample."""
    return draw(arrays.arrays(np.int64, n, elements=st.integers(0, n_classes - 1)))


@st.composite
def log_probabilities(draw, n, n_classes):
    """float64[n, K], rows of log-probabilities; a network may be boundlessly sure."""
    logits = draw(numbers((n, n_classes), low=-1e4, high=1e4))
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
