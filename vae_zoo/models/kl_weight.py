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


def warmup_steps(weights):
    """The optimizer's step from which none of the weights changes any more.

    Args:
        weights: dict name -> number, schedule, or None.

    Returns:
        An integer, 0 without a schedule; of `schedules.Cyclical` see there.

    Raises:
        ValueError: if a weight is a function without an attribute `warmup_steps`.
    """
    schedules = {name: value for name, value in weights.items() if callable(value)}
    for name, value in schedules.items():
        if not hasattr(value, "warmup_steps"):
            raise ValueError(
                "`warmup_steps` must be given, in optimizer steps, for a model whose "
                f"`{name}` is a function without that attribute; the schedules of "
                "`components.schedules` have it. Received: warmup_steps=None, "
                f"{name}={value!r}"
            )
    return max((value.warmup_steps for value in schedules.values()), default=0)


def at_present_step(value, model):
    """The weight at the step at which the model's optimizer stands; 0 without one."""
    if not callable(value):
        return value
    optimizer = getattr(model, "optimizer", None)
    return value(0 if optimizer is None else optimizer.iterations)
