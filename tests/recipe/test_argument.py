from pathlib import Path

import numpy as np
import pytest

from tssd_keras.recipe.argument import as_flag, as_path, as_whole

pytestmark = pytest.mark.backend_free


def test_numbers_truth_values_and_paths_come_in_pythons_types():
    assert type(as_whole("n", np.int16(3), 1)) is int
    assert as_flag("flag", np.True_) is True
    assert as_path("path", Path("a/b")) == "a/b"
    assert as_whole("seed", 2**70, 0, most=None) == 2**70


@pytest.mark.parametrize("value", [True, np.True_, 1.0, "1", None, [1], np.ones(1, int)])
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(TypeError, match="n must be a whole number, got"):
        as_whole("n", value, 1)


@pytest.mark.parametrize(("value", "words"), [(0, "at least 1, got 0"), (2**31, "at most 21474")])
def test_a_number_has_an_end_on_both_sides(value, words):
    with pytest.raises(ValueError, match=words):
        as_whole("n", value, 1)


@pytest.mark.parametrize("value", [0, 1, "yes", None, [], np.ones(1, bool)])
def test_what_is_no_truth_value_is_refused(value):
    with pytest.raises(TypeError, match="flag must be True or False, got"):
        as_flag("flag", value)


@pytest.mark.parametrize("value", [None, 1, True, b"x", "", [], Path])
def test_what_is_no_path_is_refused(value):
    """An int would be a file that is open already: 1 is what a program prints to."""
    with pytest.raises(TypeError, match="path must be a path, got"):
        as_path("path", value)


def test_no_path_has_a_nul():
    with pytest.raises(ValueError, match="with a NUL"):
        as_path("path", "a\0b")
