"""Arguments of a model that belong to its objective, such as `beta`."""

import inspect
from collections.abc import Sequence
from typing import Any, Self, overload

import keras

from vae_zoo.arguments import Config
from vae_zoo.components.objectives.objective import Objective
from vae_zoo.components.schedules import ScheduleLike


class NumberOfObjective:
    """A model's attribute that reads and sets the same one of its objective."""

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
        """The number, the schedule or None that was set last."""
        if model is None:
            return self
        return getattr(model.objective, self._name)

    def __set__(self, model: keras.Model, value: float | ScheduleLike | None) -> None:
        """Raises ValueError if the number cannot be `value`."""
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
    """`objective`, or one of `kind` with these options if it is None.

    Raises:
        ValueError: if there are both, or an option is off.
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
    """A model's config with the objective's options in the place of the objective.

    An objective of another kind, or with further options, stays as it is.

    Args:
        config: the model's, with the serialized objective.
        objective: the model's.
        kind: the class of objectives that the options make.
        names: of the options.
    """
    present = config["objective"]["config"]
    options = {name: present[name] for name in names if name in present}
    if type(objective) is not kind or _differs(present, kind, names):
        return config
    return {**{k: v for k, v in config.items() if k != "objective"}, **options}


def _differs(present: Config, kind: type[Objective], names: Sequence[str]) -> bool:
    """Whether the config of an objective has other options that are not the default."""
    parameters = inspect.signature(kind).parameters
    others = {
        name: each.default
        for name, each in parameters.items()
        if each.kind is each.KEYWORD_ONLY and name not in (*names, "name")
    }
    return any(present.get(name) != default for name, default in others.items())
