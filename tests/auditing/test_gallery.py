import numpy as np
import pytest
from builders.audit_samples import some_judged

from tssd_keras.auditing.gallery import choose_shown, make_gallery, order_pictured
from tssd_keras.auditing.suspects import rank_suspects
from tssd_keras.auditing.teaching import teaching_order

NONE = np.empty(0, np.int64)
pytestmark = pytest.mark.backend_free


def test_what_is_shown_are_the_first_suspects_then_a_seeded_draw_of_the_kept():
    judged = some_judged()
    rank = rank_suspects(judged)
    shown = choose_shown(judged, rank, NONE, most=10, kept=5, seed=1)
    assert rank[shown].tolist() == [*range(1, 11), *[0] * 5]
    assert not judged.suspect[shown[10:]].any()
    assert len(set(shown.tolist())) == 15
    np.testing.assert_array_equal(shown, choose_shown(judged, rank, NONE, most=10, kept=5, seed=1))
    assert (shown != choose_shown(judged, rank, NONE, most=10, kept=5, seed=2)).any()
    everything = choose_shown(judged, rank, NONE, most=10**6, kept=10**6)
    assert sorted(everything.tolist()) == list(range(300))


def test_what_teaches_is_shown_once_and_in_its_order():
    judged = some_judged()
    gallery = make_gallery(judged, most=10, kept=5, teaching=40, seed=1)
    assert len(set(gallery.rows.tolist())) == len(gallery.rows)
    assert gallery.rank[gallery.rows[:10]].tolist() == list(range(1, 11))
    assert gallery.rows[gallery.teaching].tolist() == teaching_order(judged, 1)[:40].tolist()
    assert sum(s.shown for s in gallery.strata) == len(gallery.rows)
    assert len(make_gallery(judged, most=10, kept=5, teaching=0).rows) == 15


def test_pictures_go_to_the_drawn_then_in_turn_to_the_surest_and_to_what_teaches():
    nothing = np.empty(0, np.int64)
    assert order_pictured(nothing, 8, nothing).tolist() == list(range(8))
    drawn, teaching = np.array([8, 9]), np.array([5, 11, 0])
    assert order_pictured(drawn, 8, teaching).tolist() == [8, 9, 0, 5, 1, 11, 2, 3, 4, 6, 7]
    assert order_pictured(drawn, 0, teaching).tolist() == [8, 9, 5, 11, 0]
