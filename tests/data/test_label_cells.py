"""What says that nobody gave a label, and which spellings are one class."""

import unicodedata

import pytest

from tssd_keras.data.label_cells import alike_note, not_given, one_spelling

pytestmark = pytest.mark.backend_free

COMPOSED = "caf\u00e9"
APART = unicodedata.normalize("NFD", COMPOSED)


@pytest.mark.parametrize(
    ("cells", "missing"),
    [
        (["cat", "nan", "", "dog", "<NA>"], {"nan", "", "<NA>"}),
        (["cat", "dog", "\u200b", "None"], {"\u200b", "None"}),
        (["none", "crack"], set()),  # a word that a person writes
        (["0", "1", "-1"], {"-1"}),
        (["0.0", "1.0", "-1.0", "-1"], {"-1.0", "-1"}),
        (["cat", "dog", "-1"], {"-1"}),
        (["-1", "1"], set()),  # the two classes of a margin
        (["-1", "+1"], set()),
        (["-2", "-1", "0", "1", "2"], set()),  # a scale
        (["1", "2", "-1", "nan"], {"-1", "nan"}),
    ],
)
def test_gaps_are_told_from_classes(cells, missing):
    assert not_given(cells) == missing


@pytest.mark.parametrize(
    ("cells", "classes"),
    [
        (["0.0", "1.0", "0", "01."], {"0.0": "0", "1.0": "1", "0": "0", "01.": "01"}),
        (["1.0", "1.5"], {"1.0": "1.0", "1.5": "1.5"}),  # versions, or measurements
        (["1.0", "cat"], {"1.0": "1.0", "cat": "cat"}),
        ([COMPOSED, APART, APART], {COMPOSED: APART, APART: APART}),
        (["tea", "tea\u200b", "tea"], {"tea": "tea", "tea\u200b": "tea"}),
        (
            ["green tea", "green\u00a0tea"],
            dict.fromkeys(["green tea", "green\u00a0tea"], "green tea"),
        ),
        (["Cat", "cat"], {"Cat": "Cat", "cat": "cat"}),
    ],
)
def test_spellings_that_say_or_look_the_same_are_one_class(cells, classes):
    assert one_spelling(cells) == classes


def test_names_that_are_alike_are_named_and_escaped_where_nobody_could_tell_them():
    assert alike_note(["Cat", "cat", "dog"]).endswith("the first: Cat and cat")
    assert alike_note(["tea", "tea "]).endswith("the first: 'tea' and 'tea '")
    assert alike_note([COMPOSED, APART]).endswith("the first: 'caf\\xe9' and 'cafe\\u0301'")
    assert alike_note(["cat", "dog"]) == ""
