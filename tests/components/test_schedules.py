import math

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from vae_zoo.components.schedules import Cosine, Cyclical, Linear


def values(schedule, steps):
    return [float(schedule(step)) for step in steps]


def test_linear_goes_straight_and_stays():
    assert_allclose(values(Linear(0, 2, 4), range(6)), [0, 0.5, 1, 1.5, 2, 2])
    assert_allclose(values(Linear(3, 1, 2), range(4)), [3, 2, 1, 1])


def test_cosine_is_half_a_cosine():
    steps = np.arange(11)
    expected = 1 + 3 * (1 - np.cos(np.pi * steps / 10)) / 2
    assert_allclose(values(Cosine(1, 4, 10), steps), expected, rtol=1e-6)
    assert float(Cosine(1, 4, 10)(1000)) == pytest.approx(4)


def test_cyclical_starts_over():
    schedule = Cyclical(0, 1, 10, ramp=0.5)
    cycle = [0, 0.2, 0.4, 0.6, 0.8, 1, 1, 1, 1, 1]
    assert_allclose(values(schedule, range(30)), cycle * 3, atol=1e-6)


@pytest.mark.parametrize("schedule", [Linear(0, 1, 7), Cosine(2, 1, 8)])
def test_a_warm_up_ends_where_the_value_changes_no_more(schedule):
    end = schedule.warmup_steps
    assert values(schedule, range(end, end + 9)) == [schedule.stop] * 9
    assert values(schedule, [end - 1]) != [schedule.stop]


def test_the_warm_up_of_cycles_is_the_first_of_them():
    schedule = Cyclical(0.1, 1, 9, ramp=0.3)
    end = schedule.warmup_steps
    assert float(schedule(end - 1)) == 1
    assert values(schedule, range(end)) == values(schedule, range(end, 2 * end))
    assert float(schedule(end)) == pytest.approx(0.1)


@pytest.mark.parametrize(
    "schedule", [Linear(0, 1, 7), Cosine(1, 2, 8), Cyclical(0.1, 1, 9, ramp=0.3)]
)
def test_they_survive_serialization(schedule):
    config = keras.saving.serialize_keras_object(schedule)
    again = keras.saving.deserialize_keras_object(config)
    assert values(again, range(20)) == values(schedule, range(20))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Linear(-1, 1, 5), "`start` must be a finite number >= 0.*start=-1"),
        (lambda: Linear(0, math.nan, 5), "`stop` must be a finite number.*stop=nan"),
        (lambda: Linear(0, math.inf, 5), "`stop` must be a finite number.*stop=inf"),
        (lambda: Linear("0", 1, 5), "`start` must be a finite number.*start='0'"),
        (lambda: Cosine(0, 1, 0), "`num_steps` must be an integer >= 1.*num_steps=0"),
        (lambda: Cosine(0, 1, 2.5), "`num_steps` must be an integer >= 1.*=2.5"),
        (lambda: Cosine(0, 1, "10"), "`num_steps` must be an integer >= 1.*='10'"),
        (lambda: Cyclical(0, 1, 5, ramp=0), "`ramp` must be a.* > 0 and <= 1.*ramp=0"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
