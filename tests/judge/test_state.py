import numpy as np
import pytest

from tssd_keras.judge.state import in_order, numbered, part, under

pytestmark = pytest.mark.backend_free

ARRAYS = [np.arange(3), np.ones((2, 2)), np.array("a text")]


def test_arrays_come_back_in_their_order():
    state = under("many", numbered([*ARRAYS, *ARRAYS, *ARRAYS, *ARRAYS]))  # "10" before "2" by name
    for found, array in zip(in_order(part(state, "many")), [*ARRAYS] * 4, strict=True):
        np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("name", ["0", "1", "2"])
def test_an_array_that_is_missing_is_named(name):
    """As benchmarks/fuzz.py found it in the state of a run, case 13000050 of `resumes`."""
    state = numbered(ARRAYS)
    state["other"] = state.pop(name)
    with pytest.raises(ValueError, match=rf"arrays named 0 to 2 here, {name} is missing"):
        in_order(state)
