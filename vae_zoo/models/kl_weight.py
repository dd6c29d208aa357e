"""Weights of the objective's terms: numbers, or schedules over optimizer steps."""

import inspect

import tensorflow as tf

from vae_zoo.arguments import check_number, shown


class Weight:
    """An attribute of a model that weighs a term of its objective.

    It can be set at any time and counts from the next step on. A number lives in a
    variable that is none of the model's weights, so a new one traces nothing anew; a
    schedule in the place of a number, or the other way round, does.

    Args:
        is_optional: whether it may be None.
    """

    def __init__(self, *, is_optional=False):
        self._is_optional = is_optional

    def __set_name__(self, owner, name):
        self._name = name

    def __get__(self, model, owner=None):
        """The number, the schedule or None that was set last."""
        if model is None:
            return self
        if self._name not in _values_of(model):
            raise AttributeError(f"`{self._name}` is not set yet")
        return self._kept(model)[0]

    def __set__(self, model, value):
        """Raises ValueError unless it is a finite number >= 0 or a schedule."""
        value = self.checked(value)
        is_set = self._name in _values_of(model)
        if isinstance(value, float):
            variable = self._kept(model)[1] if is_set else None
            if variable is not None:
                variable.assign(value)
                _values_of(model)[self._name] = (value, variable)
                return
            with model.distribute_strategy.scope():
                variable = tf.Variable(value, trainable=False, name=self._name)
            _values_of(model)[self._name] = (value, variable)
        else:
            _values_of(model)[self._name] = (value, None)
        if is_set and model.compiled:
            model.make_train_function(force=True)

    def checked(self, value):
        """`value`, a number as a float; raises ValueError unless it can be set."""
        is_left_out = value is None and self._is_optional
        is_schedule = callable(value) and not inspect.isclass(value)
        if is_left_out or is_schedule:
            return value
        return _checked_number(self._name, value)

    def at_present_step(self, model):
        """The weight at the optimizer's present step, 0 without one: a scalar."""
        value, variable = self._kept(model)
        if variable is not None:
            return tf.convert_to_tensor(variable)
        optimizer = getattr(model, "optimizer", None)
        return value(0 if optimizer is None else optimizer.iterations)

    def _kept(self, model):
        return _values_of(model)[self._name]


def _values_of(model):
    # Past Keras, which would count the variables among the model's.
    return vars(model).setdefault("_weights_of_terms", {})


def at_present_step(model, name):
    """The `Weight` that the model has under `name`, at the optimizer's present step."""
    return getattr(type(model), name).at_present_step(model)


def _checked_number(name, value):
    try:
        return check_number(name, value, "a weight or nats", minimum=0)
    except ValueError:
        raise ValueError(
            f"`{name}` must be a finite number >= 0 or a schedule, a function of the "
            f"step. Received: {name}={shown(value)}"
        ) from None


def check_weights(model, **values):
    """Raises ValueError unless the `Weight`s of these names can have these values.

    A constructor asks before it takes components, which it would keep.
    """
    for name, value in values.items():
        getattr(type(model), name).checked(value)


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
