import numpy as np
import pytest
from builders.audit_samples import some_judged

from tssd_keras.auditing.gallery import choose_pictured, choose_shown, spread
from tssd_keras.auditing.suspects import rank_suspects

pytestmark = pytest.mark.backend_free


def test_what_is_shown_are_the_first_suspects_then_a_seeded_draw_of_the_kept():
    judged = some_judged()
    rank = rank_suspects(judged)
    shown = choose_shown(judged, rank, most=10, kept=5, seed=1)
    assert rank[shown].tolist() == [*range(1, 11), *[0] * 5]
    assert not judged.suspect[shown[10:]].any()
    assert len(set(shown.tolist())) == 15
    np.testing.assert_array_equal(shown, choose_shown(judged, rank, most=10, kept=5, seed=1))
    assert (shown != choose_shown(judged, rank, most=10, kept=5, seed=2)).any()
    everything = choose_shown(judged, rank, most=10**6, kept=10**6)
    assert sorted(everything.tolist()) == list(range(300))


@pytest.mark.parametrize("n", [0, 1, 2, 7, 64, 1000])
def test_the_spread_order_names_each_place_once(n):
    assert sorted(spread(n).tolist()) == list(range(n))


def test_each_beginning_of_the_spread_order_lies_evenly():
    assert spread(8).tolist() == [0, 4, 2, 6, 1, 5, 3, 7]
    for first in (10, 50, 200):
        counts = np.histogram(spread(1000)[:first], 5, (0, 1000))[0]
        assert counts.max() - counts.min() <= 3


def test_pictures_go_to_the_kept_then_to_the_surest_and_to_all_ranks():
    assert choose_pictured(8, 0, 100).tolist() == list(range(8))
    assert choose_pictured(8, 2, 0).tolist() == []
    assert choose_pictured(8, 2, 1).tolist() == [8]
    assert choose_pictured(8, 2, 6).tolist() == [0, 1, 2, 4, 8, 9]
    places = choose_pictured(5000, 100, 1000)
    assert len(places) == 1000
    assert set(range(450)) < set(places.tolist())
    assert (places >= 5000).sum() == 100
    assert (places[:900] >= 2500).sum() > 200
