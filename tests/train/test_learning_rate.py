import math

import pytest

from tssd_keras.recipe.choices import SCHEDULES
from tssd_keras.recipe.method_sections import TrainRecipe
from tssd_keras.train import learning_rate as schedule
from tssd_keras.train.learning_rate import learning_rate

pytestmark = pytest.mark.backend_free


def rates(epochs, **settings):
    train = TrainRecipe(epochs=epochs, learning_rate=0.8, **settings)
    return [learning_rate(train, epoch) for epoch in range(epochs)]


def test_constant_is_constant():
    assert rates(3, schedule="constant") == [0.8, 0.8, 0.8]


def test_step_divides_by_ten_from_each_epoch_of_decay_on():
    expected = [0.8, 0.8, 0.08, 0.08, 0.008]
    assert rates(5, schedule="step", decay_epochs=(2, 4)) == pytest.approx(expected)


def test_cosine_falls_to_half_in_the_middle_and_ends_above_zero():
    root = math.sqrt(0.5)
    expected = [0.8, 0.4 * (1 + root), 0.4, 0.4 * (1 - root)]
    assert rates(4, schedule="cosine") == pytest.approx(expected)


def test_the_ramp_rises_by_equal_steps_to_the_whole_rate():
    expected = [0.2, 0.4, 0.6, 0.8, 0.8]
    assert rates(5, schedule="constant", ramp_up_epochs=3) == pytest.approx(expected)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_runs_on_beneath_the_ramp(name):
    settings = {"schedule": name, "decay_epochs": (1, 3) if name == "step" else ()}
    without, ramped = rates(5, **settings), rates(5, **settings, ramp_up_epochs=1)
    assert ramped == pytest.approx([0.5 * without[0], *without[1:]])


def test_the_recipe_knows_exactly_these_schedules():
    assert sorted(SCHEDULES) == sorted(schedule._SCHEDULES)
