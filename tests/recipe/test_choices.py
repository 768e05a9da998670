"""The names that a recipe can say are those of the modules that carry them out."""

import pytest

from tssd_keras import models
from tssd_keras.data import loading as sources
from tssd_keras.labels.class_maps import ASYMMETRIC_MAPS
from tssd_keras.recipe import choices as recipe_choices
from tssd_keras.train import learning_rate as schedule

pytestmark = pytest.mark.backend_free


def test_asymmetric_noise_is_known_for_the_data_sets_that_have_a_map():
    assert sorted(recipe_choices.LOOK_ALIKES) == sorted(ASYMMETRIC_MAPS)


def test_sources_that_can_be_named_can_be_loaded():
    assert sorted(recipe_choices.SOURCES) == sorted(sources.SOURCES)


def test_schedules_that_can_be_named_have_a_formula():
    assert sorted(recipe_choices.SCHEDULES) == sorted(schedule._SCHEDULES)


def test_models_that_can_be_named_can_be_built():
    assert sorted(recipe_choices.MODELS) == sorted(models.MODELS)
