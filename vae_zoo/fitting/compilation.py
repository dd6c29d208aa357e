"""How the steps of a model are compiled: many at once, and with XLA where it pays."""

import contextlib
import inspect
from collections.abc import Callable
from typing import Any, Literal, Self

import keras
import tensorflow as tf

from vae_zoo.arguments import check_count, shown
from vae_zoo.components.dropout import Dropout
from vae_zoo.components.keras_private import is_under_strategy, layers_within
from vae_zoo.fitting.executions import (
    FEW_STEPS,
    MOST_STEPS,
    StepFunctions,
    StepsInThreads,
)

AUTO: Literal["auto"] = "auto"
KINDS = ("training", "test", "prediction")
# On two cores compiling a training step and its validation takes 5 to 17 seconds. A
# compiled step of dense layers on 128 images of 28 x 28 pixels is about 2 milliseconds
# faster, which wins that back after 2,500 to 8,000 steps; on 8 x 8 pixels it is no
# faster. Twenty epochs of `digits`, 220 steps, took 19.7 seconds with XLA and 9.6
# without.
STEPS_TO_WIN_BACK = 5_000


def is_long_enough(num_steps: int) -> bool:
    """Whether XLA wins back in so many optimizer steps what compiling costs.

    XLA rounds in other places, so a resumed training has to choose as the uninterrupted
    one did: give the steps of the whole training, not those that are left.

    Args:
        num_steps: epochs times the batches of one, from the first epoch on, >= 0.
    """
    return num_steps >= STEPS_TO_WIN_BACK


class Compilation:
    """What is compiled of a model's steps, how many run at once, and with XLA or not.

    Attributes:
        functions: what Keras has traced.
        own_steps: steps per execution that were set by hand, or 1.
        in_threads: those of each thread, of a model compiled with "auto" steps; or
            None.
        is_xla_auto: whether the model was compiled with "auto" XLA.
    """

    @classmethod
    def of(cls, model: keras.Model) -> Self:
        """That of the model, the same one each time.

        It is made on first use, since Keras' constructors begin with the functions, and
        kept where Keras does not track it.
        """
        attributes = vars(model)
        if "_compilation" not in attributes:
            attributes["_compilation"] = cls()
        return attributes["_compilation"]

    def __init__(self) -> None:
        self.functions = StepFunctions()
        self.own_steps = 1
        self.in_threads: StepsInThreads | None = None
        self.is_xla_auto = False

    @property
    def steps(self) -> int:
        """How many steps run for one trip from Python, in this thread."""
        number = None if self.in_threads is None else self.in_threads.number
        return self.own_steps if number is None else number

    @property
    def config(self) -> dict[str, str]:
        """What was compiled with "auto", for Keras to restore it."""
        is_auto = {
            "jit_compile": self.is_xla_auto,
            "steps_per_execution": self.in_threads is not None,
        }
        return {name: AUTO for name, holds in is_auto.items() if holds}

    def set_auto(self, *, xla: bool, steps: bool) -> None:
        """Says what the model was compiled with "auto" for."""
        self.is_xla_auto = xla
        self.in_threads = StepsInThreads() if steps else None

    def forget(self) -> None:
        """Has all functions traced anew."""
        self.functions.forget(*KINDS)

    def choose_xla(self, model: keras.Model, num_steps: int | None) -> None:
        """Where XLA is "auto": XLA if so many steps win back its compiling.

        What compiling chose stays where the number is not known.
        """
        if not self.is_xla_auto or num_steps is None:
            return
        pays = (
            is_long_enough(num_steps)
            and not is_under_strategy(model)
            and model.gains_by_xla(training=True)
        )
        if pays != model.jit_compile:
            model.jit_compile = pays
            self.forget()

    def at_once(
        self, model: keras.Model, choose: Callable[[], int]
    ) -> contextlib.AbstractContextManager:
        """A context with the steps at once that `choose` says, where they are "auto".

        A number that was set by hand, as an attribute, stays. The functions in use
        stay, whatever other threads do.
        """
        stack = contextlib.ExitStack()
        stack.enter_context(self.functions.held())
        auto = self.in_threads
        is_alone = not is_under_strategy(model) and not model.run_eagerly
        if auto is not None and is_alone:
            is_set_by_hand = self.steps != 1 and auto.number is None
            if not is_set_by_hand:
                stack.enter_context(auto.having(choose()))
        return stack


def check_compile_arguments(model: keras.Model, args: tuple, kwargs: dict) -> None:
    """Raises ValueError if `keras.Model.compile` is given a loss or metrics."""
    call = inspect.signature(keras.Model.compile).bind(model, *args, **kwargs)
    for name in ("loss", "loss_weights", "metrics", "weighted_metrics"):
        if call.arguments.get(name) is not None:
            raise ValueError(
                f"`{name}` must be left out: the model maximizes its bound, whose "
                f"terms are its metrics. Received: {name}="
                f"{shown(call.arguments[name])}"
            )


def checked_steps(steps: int | Literal["auto"]) -> int:
    """Steps per execution for Keras, which does not know "auto"."""
    if steps == AUTO:
        return 1
    return check_count("steps_per_execution", steps, 1, 'or "auto"')


def kept_by_number(kind: str) -> property:
    """A property for an attribute in which Keras keeps the function of a kind.

    Keras keeps one of a kind; this keeps one for each number of steps at once.
    """

    def get(model: keras.Model) -> Callable[..., Any] | None:
        compilation = model.compilation
        return compilation.functions.get(kind, compilation.steps)

    def set_(model: keras.Model, function: Callable[..., Any] | None) -> None:
        compilation = model.compilation
        compilation.functions.set(kind, compilation.steps, function)

    return property(get, set_, doc=f"What runs a {kind} step, or None.")


def gains_by_xla(model: keras.Model, training: bool = False) -> bool:
    """Whether functions of the model are faster with XLA.

    On a CPU not with convolutions, for which TensorFlow has the faster kernels there,
    in bfloat16 above all; and in training not with layers that draw noise by Keras
    (`keras.layers.Dropout`), for XLA's generator is several times as slow.
    """
    layers = [layer for layer in layers_within(model) if layer is not model]
    if not all(layer.supports_jit for layer in layers):
        return False
    if _has_gpu():
        return True
    draws = training and any(_draws_by_keras(layer) for layer in layers)
    return not draws and not has_convolutions(model)


def has_convolutions(model: keras.Model) -> bool:
    """Whether any layer of the model has a kernel of a certain size."""
    return any(hasattr(layer, "kernel_size") for layer in layers_within(model))


def most_at_once(model: keras.Model) -> int:
    """The largest number of steps at once, of a model compiled with "auto"."""
    are_slow = has_convolutions(model) and not _has_gpu()
    return FEW_STEPS if are_slow else MOST_STEPS


def build_optimizer(model: keras.Model) -> None:
    """Makes the optimizer's variables before the training step is traced.

    Made while tracing, they have TensorFlow trace it twice and keep its graphs.
    """
    if model.compiled and model.optimizer is not None and not model.optimizer.built:
        with model.distribute_strategy.scope():
            model.optimizer.build(model.trainable_variables)


def _has_gpu() -> bool:
    return bool(tf.config.list_physical_devices("GPU"))


def _draws_by_keras(layer: keras.Layer) -> bool:
    return hasattr(layer, "seed_generator") and not isinstance(layer, Dropout)
