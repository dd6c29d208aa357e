"""Arguments of a model that belong to its objective, such as `beta`."""

import inspect


class NumberOfObjective:
    """A model's attribute that reads and sets the same one of its objective."""

    def __set_name__(self, owner, name):
        self._name = name

    def __get__(self, model, owner=None):
        """The number, the schedule or None that was set last."""
        if model is None:
            return self
        return getattr(model.objective, self._name)

    def __set__(self, model, value):
        """Raises ValueError if the number cannot be `value`."""
        objective = model.objective
        if not hasattr(objective, self._name):
            raise AttributeError(
                f"`{self._name}` cannot be set: the model's objective, "
                f"{type(objective).__name__}, has none"
            )
        setattr(objective, self._name, value)


def chosen_objective(objective, kind, **options):
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


def config_with_options(config, objective, kind, names):
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


def _differs(present, kind, names):
    """Whether the config of an objective has other options that are not the default."""
    parameters = inspect.signature(kind).parameters
    others = {
        name: each.default
        for name, each in parameters.items()
        if each.kind is each.KEYWORD_ONLY and name not in (*names, "name")
    }
    return any(present.get(name) != default for name, default in others.items())
