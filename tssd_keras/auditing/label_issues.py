"""One row a sample under the names that users of cleanlab and of FiftyOne know.

is_label_issue, label_quality, given_label and predicted_label are the columns of
cleanlab's `CleanLearning.get_label_issues`; filepath and mistakenness are fields
of a FiftyOne sample and of `fiftyone.brain.compute_mistakenness`.
"""

from __future__ import annotations

import numpy as np

from tssd_keras.judge.findings import Findings


def label_issues(judged: Findings) -> dict[str, list]:
    """The columns of label_issues.csv; None is an empty cell.

    Args:
        judged: N samples.

    Returns:
        id, index and filepath to join on; is_label_issue (True for suspects);
        label_quality in [0, 1], low where the label is probably wrong, and
        mistakenness, 1 minus that; given_label and predicted_label, class names.
    """
    n = len(judged)
    wrong = judged.p_wrong
    return {
        "id": [None] * n if judged.ids is None else judged.ids.tolist(),
        "index": judged.index.tolist(),
        "filepath": [None] * n if judged.paths is None else judged.paths.tolist(),
        "is_label_issue": judged.suspect.tolist(),
        "label_quality": [None if np.isnan(v) else 1 - float(v) for v in wrong],
        "given_label": [judged.named(v) for v in judged.given],
        "predicted_label": [judged.named(v) if v >= 0 else None for v in judged.suggested],
        "mistakenness": [None if np.isnan(v) else float(v) for v in wrong],
    }
