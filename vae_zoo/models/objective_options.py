"""Arguments of a model that belong to its objective, such as `beta`."""

import inspect
from collections.abc import Sequence
from typing import Any, Self, overload

import keras

from vae_zoo.arguments import Config
from vae_zoo.components.objectives.objective import Objective
from vae_zoo.components.schedules import ScheduleLike


class NumberOfObjective:
    """A model's attribute that reads and sets the same attribute of its objective."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, model: None, owner: type | None = None) -> Self: ...

    @overload
    def __get__(
        self, model: keras.Model, owner: type | None = None
    ) -> float | ScheduleLike | None: ...

    def __get__(
        self, model: keras.Model | None, owner: type | None = None
    ) -> Self | float | ScheduleLike | None:
        """The objective's number, schedule or None."""
        if model is None:
            return self
        return getattr(model.objective, self._name)

    def __set__(self, model: keras.Model, value: float | ScheduleLike | None) -> None:
        """Sets the objective's number; raises ValueError if `value` is not allowed."""
        objective = model.objective
        if not hasattr(objective, self._name):
            raise AttributeError(
                f"`{self._name}` cannot be set: the model's objective, "
                f"{type(objective).__name__}, has none"
            )
        setattr(objective, self._name, value)


def chosen_objective(
    objective: Objective | None, kind: type[Objective], **options: Any
) -> Objective:
    """`objective` or, if it is None, a `kind` with these options.

    Raises:
        ValueError: if both are given, or an option is wrong.
    """
    if objective is None:
        return kind(**options)
    defaults = inspect.signature(kind).parameters
    for name, value in options.items():
        if value is not defaults[name].default and value != defaults[name].default:
            raise ValueError(
                f"`{name}` must be left out where an `objective` is given, which has "
                f"its own numbers. Received: {name}={value!r}, "
                f"objective={type(objective).__name__}"
            )
    return objective


def config_with_options(
    config: Config, objective: Objective, kind: type[Objective], names: Sequence[str]
) -> Config:
    """A model's config with the objective's options in place of the objective.

    An objective of another class, or with further options, stays as it is.

    Args:
        config: the model's, with the serialized objective.
        objective: the model's.
        kind: the class of objectives that the options are for.
        names: of the options.
    """
    present = config["objective"]["config"]
    options = {name: present[name] for name in names if name in present}
    if type(objective) is not kind or _differs(present, kind, names):
        return config
    return {**{k: v for k, v in config.items() if k != "objective"}, **options}


def _differs(present: Config, kind: type[Objective], names: Sequence[str]) -> bool:
    """Whether an objective's config has further options away from their defaults."""
    parameters = inspect.signature(kind).parameters
    others = {
        name: each.default
        for name, each in parameters.items()
        if each.kind is each.KEYWORD_ONLY and name not in (*names, "name")
    }
    return any(present.get(name) != default for name, default in others.items())
