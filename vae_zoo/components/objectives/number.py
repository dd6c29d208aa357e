"""Numbers of an objective that can be set at any time, or follow a schedule."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, overload

import tensorflow as tf

from vae_zoo.arguments import check_number, shown
from vae_zoo.components.schedules import Iteration, ScheduleLike

if TYPE_CHECKING:
    from vae_zoo.components.objectives.objective import Objective


class Number:
    """An attribute of an objective: a number >= 0, or a schedule over optimizer steps.

    It can be set at any time and takes effect from the next step. A number is stored in
    a variable, which is not one of the model's weights, so setting it causes no new
    trace. Replacing a number by a schedule, or a schedule by a number, does.

    Args:
        is_optional: whether it may be None.
        is_off_at_zero: whether the objective leaves out a term if the number is 0. A
            change between 0 and another value traces the training step again.
    """

    def __init__(
        self, *, is_optional: bool = False, is_off_at_zero: bool = False
    ) -> None:
        self._is_optional = is_optional
        self._is_off_at_zero = is_off_at_zero

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, objective: None, owner: type | None = None) -> Number: ...

    @overload
    def __get__(
        self, objective: Objective, owner: type | None = None
    ) -> float | ScheduleLike | None: ...

    def __get__(
        self, objective: Objective | None, owner: type | None = None
    ) -> Number | float | ScheduleLike | None:
        """The present number, schedule or None."""
        if objective is None:
            return self
        if self._name not in _values_of(objective):
            raise AttributeError(f"`{self._name}` is not set yet")
        return _values_of(objective)[self._name]

    def __set__(self, objective: Objective, value: float | ScheduleLike | None) -> None:
        """Raises ValueError unless it is a finite number >= 0 or a schedule."""
        value = self._checked(value)
        values = _values_of(objective)
        objective.check_numbers({**values, self._name: value})
        before, values[self._name] = values.get(self._name), value
        variable = _variables_of(objective).get(self._name)
        if isinstance(value, float) and variable is not None:
            variable.assign(value)
        if self._differ_in_a_trace(before, value):
            objective.forget_traces()

    def _differ_in_a_trace(
        self, before: float | ScheduleLike | None, value: float | ScheduleLike | None
    ) -> bool:
        if not (isinstance(value, float) and isinstance(before, float)):
            return True
        return self._is_off_at_zero and (before == 0) != (value == 0)

    def _checked(
        self, value: float | ScheduleLike | None
    ) -> float | ScheduleLike | None:
        """`value`, with numbers as floats; raises ValueError if it is not allowed."""
        is_left_out = value is None and self._is_optional
        is_schedule = callable(value) and not inspect.isclass(value)
        if is_left_out or is_schedule:
            return value
        try:
            return check_number(self._name, value, "a weight or nats", minimum=0)
        except ValueError:
            raise ValueError(
                f"`{self._name}` must be a finite number >= 0 or a schedule, a "
                f"function of the step. Received: {self._name}={shown(value)}"
            ) from None

    def at(self, objective: Objective, iteration: Iteration) -> tf.Tensor | None:
        """The number at an optimizer step: a scalar tensor, or None if there is none.

        Args:
            objective: the objective that has the number, built.
            iteration: the optimizer's step, an integer >= 0.
        """
        value = _values_of(objective)[self._name]
        if isinstance(value, float):
            return tf.convert_to_tensor(_variables_of(objective)[self._name])
        return None if value is None else value(iteration)

    def make_variable(self, objective: Objective) -> None:
        """Makes the variable for the number, within the scope of the strategy."""
        value = _values_of(objective)[self._name]
        start = value if isinstance(value, float) else 0.0
        _variables_of(objective)[self._name] = tf.Variable(
            start, trainable=False, name=self._name
        )


# Hidden from Keras, which would count the variables as the model's.


def _values_of(objective: Objective) -> dict[str, float | ScheduleLike | None]:
    return objective.__dict__.setdefault("_values_of_numbers", {})


def _variables_of(objective: Objective) -> dict[str, tf.Variable]:
    return objective.__dict__.setdefault("_variables_of_numbers", {})


def numbers_of(kind: type) -> dict[str, Number]:
    """The `Number`s of a class of objectives by name, starting with its bases'."""
    found: dict[str, Number] = {}
    for each in reversed(kind.__mro__):
        found |= {k: v for k, v in vars(each).items() if isinstance(v, Number)}
    return found
