"""The names that a recipe can say are those of the modules that carry them out."""

import pytest

from tssd_keras import models
from tssd_keras.data import loading
from tssd_keras.labels.class_maps import ASYMMETRIC_MAPS
from tssd_keras.recipe import choices
from tssd_keras.train import learning_rate as schedule

pytestmark = pytest.mark.backend_free


def test_asymmetric_noise_is_known_for_the_data_sets_that_have_a_map():
    assert sorted(choices.LOOK_ALIKES) == sorted(ASYMMETRIC_MAPS)


def test_sources_that_can_be_named_can_be_loaded():
    assert sorted(choices.SOURCES) == sorted(loading.LOADERS)


def test_schedules_that_can_be_named_have_a_formula():
    assert sorted(choices.SCHEDULES) == sorted(schedule._SCHEDULES)


def test_models_that_can_be_named_can_be_built():
    assert sorted(choices.MODELS) == sorted(models.MODELS)
