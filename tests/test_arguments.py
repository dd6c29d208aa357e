import numpy as np
import pytest

from vae_zoo import arguments

NO_COUNTS = ["3", None, 2.5, 3.0, True, 0, -1, int, [3], np.array([3]), np.nan]


@pytest.mark.parametrize("value", NO_COUNTS, ids=repr)
def test_a_count_is_an_integer_of_at_least_its_minimum(value):
    with pytest.raises(ValueError, match="`num_steps` must be an integer >= "):
        arguments.check_count("num_steps", value, 1, "the steps")


def test_counts_of_numpy_are_plain_integers():
    for value in (3, np.int64(3), np.array(3), np.uint8(3)):
        number = arguments.check_count("num_steps", value, 1, "the steps")
        assert (type(number), number) == (int, 3)


NO_NUMBERS = ["3", None, np.nan, np.inf, -1.0, 0.0, 2.5, True, float, [1.0], 1j]


@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
def test_a_number_is_finite_and_within_its_limits(value):
    with pytest.raises(ValueError, match="`rate` must be a finite number > 0 and <= 2"):
        arguments.check_number("rate", value, "a rate", above=0, maximum=2)


def test_numbers_of_any_real_type_are_floats():
    for value in (2, 2.0, np.float32(2), np.array(2.0), np.int8(2)):
        number = arguments.check_number("rate", value, "a rate", above=0, maximum=2)
        assert (type(number), number) == (float, 2.0)


def test_flags_choices_seeds_and_instances():
    assert arguments.check_flag("labels", np.bool_(True)) is True
    assert arguments.check_choice("binarize", None, (None, "fixed")) is None
    assert arguments.check_seed("seed", None) is None
    assert arguments.check_seed("seed", np.int32(-4)) == -4
    assert arguments.check_instance("x", 3, int, "an int") == 3
    for check, value in [
        (lambda v: arguments.check_flag("name", v), 1),
        (lambda v: arguments.check_choice("name", v, (1, "a")), True),
        (lambda v: arguments.check_choice("name", v, (1, "a")), np.ones(2)),
        (lambda v: arguments.check_seed("name", v), 1.0),
        (lambda v: arguments.check_instance("name", v, int, "an int"), int),
    ]:
        with pytest.raises(ValueError, match="^`name` must be .* Received: "):
            check(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("mlp", "'mlp'"),
        (int, "the class int, not an instance of it"),
        (len, "the function len"),
        (np.ones((2, 3)), "ndarray of shape (2, 3), float64"),
        ("a\nb", "'a\\nb'"),
        (["x" * 200], "['" + "x" * 118 + "…"),
    ],
)
def test_values_are_shown_in_one_short_line(value, text):
    assert arguments.shown(value) == text
