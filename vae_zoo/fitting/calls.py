"""Calls of `fit`, `evaluate` and `predict`, made ready for Keras once they are checked.

Each function takes the arguments as the user gave them and returns a `Call`: the data
have come through the model's door by then, and settings are known to fit.
"""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import keras
import tensorflow as tf

from vae_zoo.arguments import Config
from vae_zoo.components.keras_private import check_compiled
from vae_zoo.fitting import compilation, fit_arguments
from vae_zoo.fitting.executions import most_steps
from vae_zoo.fitting.streams import is_stream

ParametersP = ParamSpec("ParametersP")
ResultT = TypeVar("ResultT")


@dataclasses.dataclass(frozen=True)
class Call:
    """What Keras' own method is to be called with.

    Attributes:
        arguments: by name.
        choose_steps: says how many steps are to run at once, where that is open.
    """

    arguments: dict
    choose_steps: Callable[[], int] = lambda: 1


def with_signature_of(
    method: Callable[ParametersP, Any],
) -> Callable[[Callable[..., ResultT]], Callable[ParametersP, ResultT]]:
    """Has `help` and editors show the arguments of Keras' own method."""

    def decorate(function: Callable[..., ResultT]) -> Callable[ParametersP, ResultT]:
        # An attribute that `inspect` reads; functions may have any.
        function.__signature__ = inspect.signature(method)  # type: ignore[attr-defined]
        return function

    return decorate


def of_fit(model: keras.Model, args: tuple, kwargs: dict) -> Call:
    """A call of `fit`; see `Adapter.fit` for what it takes and refuses."""
    given = _arguments(keras.Model.fit, model, args, kwargs)
    check_compiled(model, "fit")
    door, steps = model.door(), given.get("steps_per_epoch")
    data = fit_arguments.opened(given, door)
    if given.get("validation_data") is not None:
        given["validation_data"] = door.validation(given["validation_data"])
    elif given.get("validation_split") and isinstance(data, tuple):
        data, held_out = fit_arguments.split_off(data, given["validation_split"])
        given["validation_data"] = held_out
    model.check_training_data(data, steps)
    own = model.training_callbacks(data, steps)
    compilation.build_optimizer(model)
    fit_arguments.replace_data(given, data)
    if not isinstance(data, keras.utils.PyDataset):
        # Keras warns that it cannot shuffle a data set or a generator.
        given["shuffle"] = False
    fit_arguments.add_callbacks(model, given, own)
    # All steps of the training, so that a resumed run makes the same choice.
    num_batches = _num_batches(given["x"])
    of_epoch = steps or num_batches
    num_steps = of_epoch and of_epoch * given.get("epochs", 1)
    model.compilation.choose_xla(model, num_steps)

    def choose() -> int:
        return most_steps(
            given["callbacks"],
            steps,
            given.get("validation_steps"),
            num_batches=num_batches,
            most=compilation.most_at_once(model),
        )

    return Call(given, choose)


def of_evaluate(model: keras.Model, args: tuple, kwargs: dict) -> Call:
    """A call of `evaluate`; see `Adapter.evaluate`."""
    given = _arguments(keras.Model.evaluate, model, args, kwargs)
    check_compiled(model, "evaluate")
    data = fit_arguments.opened(given, model.door())
    fit_arguments.replace_data(given, data, shuffle=False)
    fit_arguments.add_callbacks(model, given)
    num_batches = _num_batches(given["x"])
    if not model.compilation.functions:
        model.compilation.choose_xla(model, given.get("steps") or num_batches)

    def choose() -> int:
        steps = most_steps(
            given.get("callbacks"),
            given.get("steps"),
            num_batches=num_batches,
            most=compilation.most_at_once(model),
        )
        # What `fit` has traced for its validation serves as well.
        latest = model.compilation.in_threads.latest
        limits = (given.get("steps"), keras.config.max_steps_per_epoch())
        is_free = steps > 1 and limits == (None, None)
        return latest if latest and is_free else steps

    return Call(given, choose)


def of_predict(model: keras.Model, args: tuple, kwargs: dict) -> Call:
    """A call of `predict`; see `Adapter.predict`."""
    given = _arguments(keras.Model.predict, model, args, kwargs)
    x = given.get("x")
    given["x"] = model.checked(x) if is_stream(x) else model.door().arrays(x)[0]
    # One at a time also from a callback of `fit`.
    return Call(given)


def of_batch(method: Callable, model: keras.Model, args: tuple, kwargs: dict) -> Call:
    """A call of `train_on_batch` or `test_on_batch`, a `method` of `keras.Model`."""
    given = _arguments(method, model, args, kwargs)
    x, y, weights = fit_arguments.opened(given, model.door())
    given.pop("class_weight", None)
    return Call({**given, "x": x, "y": y, "sample_weight": weights})


def print_choices(model: keras.Model, call: Call) -> None:
    """Prints what the defaults have chosen, unless the call is to be silent."""
    if model.compiled and call.arguments.get("verbose", "auto"):
        xla = "with XLA" if model.jit_compile else "without XLA"
        print(f"Training {xla}, steps at once: {model.steps_per_execution}")


def _arguments(
    method: Callable[..., Any],
    model: keras.Model,
    args: tuple[Any, ...],
    kwargs: Config,
) -> Config:
    """The arguments of a call by name, its settings known to fit."""
    given = dict(inspect.signature(method).bind(model, *args, **kwargs).arguments)
    del given["self"]
    given.update(given.pop("kwargs", {}))
    fit_arguments.check_settings(given)
    return given


def _num_batches(data: object) -> int | None:
    """Of a `tf.data.Dataset` that knows it; else None."""
    if not isinstance(data, tf.data.Dataset):
        return None
    number = int(data.cardinality())
    return number if number > 0 else None
