"""Weights of the KL term: numbers, or schedules over the optimizer's steps."""

import math
import numbers


def checked_weight(name, value):
    """`value`, a finite number >= 0 as a float, or a schedule as it is.

    Raises:
        ValueError: if it is neither.
    """
    if callable(value):
        return value
    if isinstance(value, numbers.Real) and 0 <= value < math.inf:
        return float(value)
    raise ValueError(
        f"`{name}` must be a finite number >= 0 or a schedule, a function of the step. "
        f"Received: {name}={value!r}"
    )


def at_present_step(value, model):
    """The weight at the step at which the model's optimizer stands; 0 without one."""
    if not callable(value):
        return value
    optimizer = getattr(model, "optimizer", None)
    return value(0 if optimizer is None else optimizer.iterations)
