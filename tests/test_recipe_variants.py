from pathlib import Path

import pytest

from tssd_keras.recipe_file import RecipeError
from tssd_keras.recipe_variants import AS_IT_IS, VARIANTS, plan

pytestmark = pytest.mark.backend_free

DIGITS = Path(__file__).parent.parent / "recipes" / "digits.toml"


def planned(**changed):
    asked = {"noises": ("symmetric:0.2",), "variants": VARIANTS, "seeds": (3,)} | changed
    return plan(DIGITS, asked.pop("overrides", ()), **asked)


def test_every_variant_is_a_recipe_of_its_own():
    runs = planned()
    assert [one.variant for one in runs] == list(VARIANTS)
    assert len({one.recipe for one in runs}) == len(VARIANTS)


def test_variants_differ_in_parts_of_the_method_only():
    runs = planned()
    for section in ("data", "noise", "augment", "model"):
        assert len({getattr(one.recipe, section) for one in runs}) == 1
    assert len({one.recipe.train.epochs for one in runs}) == 1


def test_a_seed_is_that_of_all_that_is_drawn():
    (recipe,) = {one.recipe for one in planned(variants=["PSD"])}
    assert recipe.noise.seed == 103
    assert recipe.golden.seed == recipe.purify.seed == recipe.train.seed == 3


def test_whole_comparisons_come_first():
    runs = planned(
        noises=("symmetric:0.2", "asymmetric:0.3"), variants=["plain", "PSD"], seeds=(0, 1)
    )
    assert [(one.seed, one.case, one.variant) for one in runs[:5]] == [
        (0, "symmetric 0.2", "plain"),
        (0, "symmetric 0.2", "PSD"),
        (0, "asymmetric 0.3", "plain"),
        (0, "asymmetric 0.3", "PSD"),
        (1, "symmetric 0.2", "plain"),
    ]
    assert runs[2].recipe.noise.kind == "asymmetric"
    assert runs[2].recipe.noise.rate == 0.3


def test_without_noises_the_recipes_own_is_kept():
    (one,) = planned(noises=(), variants=["PSD"], overrides=("noise.rate=0.35",))
    assert one.case == AS_IT_IS
    assert one.recipe.noise.rate == 0.35


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"variants": ["PSD+MPS"]}, r"a variant must be one of .*did you mean PSD\+MSP"),
        ({"noises": ["0.4"]}, "--noise takes KIND:RATE, got '0.4'"),
        ({"noises": ["symetric:0.4"]}, "did you mean symmetric"),
        ({"noises": ["symmetric:1.4"]}, "rate must lie in 0..1, got 1.4"),
        ({"overrides": ["train.epoch=3"]}, "did you mean epochs"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_runs(changed, words):
    with pytest.raises(RecipeError, match=words):
        planned(**changed)
