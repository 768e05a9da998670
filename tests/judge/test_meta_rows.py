import numpy as np
import pytest

from tssd_keras.judge import meta_rows
from tssd_keras.judge.meta_rows import DRAWS, MOST_DRAWN, Trusted, n_drawn, row_weights
from tssd_keras.judge.noise_matrix import symmetric_with_diagonal
from tssd_keras.judge.scores import Scores

pytestmark = pytest.mark.backend_free


def test_many_golden_samples_have_fewer_drawn_labels_each_and_one_at_least():
    found = [n_drawn(n) for n in (1, 1000, 1500, 2999, 5000, 1_000_000)]
    assert found == [DRAWS, DRAWS, 4, 2, 1, 1]
    assert all(n * n_drawn(n) <= max(MOST_DRAWN, n) for n in range(1, 20_000, 7))


@pytest.mark.parametrize("most", [40, 80, 10_000])
def test_however_many_are_drawn_they_weigh_the_same_together(monkeypatch, most):
    monkeypatch.setattr(meta_rows, "MOST_DRAWN", most)
    labels = np.arange(40) % 4
    given = np.where(np.arange(40) < 8, (labels + 1) % 4, -1)
    scores = Scores(np.zeros(40), np.zeros((40, 2)), np.zeros((40, 4)))
    golden = Trusted(scores, labels, given, labels)
    weight = row_weights(golden, np.full(4, 0.25), symmetric_with_diagonal(4, 0.7))
    assert weight.shape == (n_drawn(40) + 2, 40)
    np.testing.assert_allclose(weight[0], 0.7 / 40)
    np.testing.assert_allclose(weight[1:].sum(axis=0), 0.3 / 40)
    assert (weight[-1] > 0).tolist() == (given >= 0).tolist()
