from pathlib import Path

import pytest

from tssd_keras.recipe.toml import RecipeError
from tssd_keras.run.variants import AS_IT_IS, VARIANTS, firsts, plan

pytestmark = pytest.mark.backend_free

DIGITS = Path(__file__).parents[2] / "recipes" / "digits.toml"


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


def test_labels_of_files_can_stand_beside_made_noise():
    runs = planned(noises=("file:a/b=c.npy", "symmetric:0.2"), variants=["PSD"], seeds=(0,))
    assert [one.case for one in runs] == ["labels b=c", "symmetric 0.2"]
    assert (runs[0].recipe.noise.kind, runs[0].recipe.noise.labels) == ("file", "a/b=c.npy")


def test_made_noise_takes_the_place_of_labels_in_a_recipes_file():
    features = DIGITS.with_name("cifar10n_features.toml")
    (one,) = plan(features, (), noises=("symmetric:0.4",), variants=["PSD"], seeds=(0,))
    assert (one.recipe.noise.kind, one.recipe.noise.labels) == ("symmetric", "")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"variants": ["PSD+MPS"]}, r"a variant must be one of .*did you mean PSD\+MSP"),
        ({"noises": ["0.4"]}, "--noise takes KIND:RATE or file:PATH, got '0.4'"),
        (
            {"noises": ["file:a/worst.npy", "file:b/worst.npy"]},
            "b/worst.npy has 'labels worst', as a/worst.npy has",
        ),
        ({"noises": ["symetric:0.4"]}, "did you mean symmetric"),
        ({"noises": ["symmetric:1.4"]}, "rate must lie in 0..1, got 1.4"),
        ({"overrides": ["train.epoch=3"]}, "did you mean epochs"),
        ({"overrides": ["train.seed=5"]}, "--set train.seed=5 would be lost"),
        ({"overrides": ["noise.rate=0.3"]}, "--set noise.rate=0.3 would be lost"),
        (
            {"variants": ["PSD"], "overrides": ["golden.source=certain"]},
            "--set golden.source=certain would be lost",
        ),
        (
            {"overrides": ["train.epochs=5"]},
            r"(?s)warmup_epochs must be below epochs(?!.*of the run)",
        ),
        (
            {"variants": ["plain", "mixmatch"], "overrides": ["golden.per_class=1"]},
            r'(?s)per_class must be at least 2 for source "trusted"',
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_runs(changed, words):
    with pytest.raises(RecipeError, match=words):
        planned(**changed)


def test_a_mistake_that_a_variant_makes_is_told_as_its_own():
    own_folder = DIGITS.with_name("own_folder.toml")
    asked = {"noises": (), "variants": ["PSD", "mixmatch"], "seeds": (0,)}
    with pytest.raises(RecipeError, match="That is of the run as the recipe says, mixmatch"):
        plan(own_folder, ("golden.per_class=1",), **asked)


def test_what_is_asked_for_twice_is_planned_once():
    runs = planned(noises=("symmetric:0.2",) * 2, variants=["PSD", "PSD", "plain"])
    assert [one.variant for one in runs] == ["PSD", "plain"]


def test_what_is_looked_at_first_has_every_variant_and_every_noise():
    runs = planned(noises=("symmetric:0.2", "pair:0.3"), variants=["plain", "PSD"], seeds=(0, 1))
    assert [(one.case, one.variant, one.seed) for one in firsts(runs)] == [
        ("symmetric 0.2", "plain", 0),
        ("symmetric 0.2", "PSD", 0),
        ("pair 0.3", "plain", 0),
    ]
