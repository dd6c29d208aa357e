"""Functions of a model that are traced once and kept for as long as the model lives.

TensorFlow does not free all the memory of a trace: megabytes for a graph, tens of
megabytes for an XLA program. So functions that are called often must not be traced
again.
"""

import functools
import inspect
import numbers
import weakref
from collections.abc import Callable, Hashable
from typing import Any

import keras
import tensorflow as tf

from vae_zoo.components.keras_private import layers_within

# For each model: key -> `tf.function`. Kept outside the model so that Keras does not
# track, save or copy them; they are freed with the model.
_FUNCTIONS: weakref.WeakKeyDictionary[
    keras.Model, dict[Hashable, Callable[..., Any]]
] = weakref.WeakKeyDictionary()
# The limit for each model, beyond which the oldest is dropped.
MOST_FUNCTIONS = 32
# Attributes that fitting changes, but that do not change a layer's function.
KERAS_OWN = frozenset(
    ("built", "compiled", "loss", "stop_training", "stop_evaluating", "stop_predicting")
)


def traced(
    function: Callable[..., Any],
    model: keras.Model,
    *settings: Hashable,
    jit_compile: bool = False,
) -> Callable[..., Any]:
    """`function(model, *settings, *tensors)` as a `tf.function` of the tensors.

    The same arguments return the same `tf.function`. It reads the weights when it runs,
    so it follows their training. A changed layer, dtype policy or plain attribute of a
    layer makes a new one. Within another `tf.function` there is nothing to gain, and
    `function` itself runs.

    Args:
        function: a module's function, not a closure, which would be new each time.
        model: a `keras.Model`.
        *settings: hashable values.
        jit_compile: whether XLA compiles it.
    """
    if not tf.executing_eagerly():
        return functools.partial(function, model, *settings)
    functions = _FUNCTIONS.setdefault(model, {})
    key = (function, settings, jit_compile, _state(model))
    if key not in functions:
        while len(functions) >= MOST_FUNCTIONS:
            functions.pop(next(iter(functions)), None)
        functions[key] = _made(function, model, settings, jit_compile)
    return functions[key]


def _made(
    function: Callable[..., Any],
    model: keras.Model,
    settings: tuple[Hashable, ...],
    jit_compile: bool,
) -> Callable[..., Any]:
    # A strong reference would keep the model alive.
    reference = weakref.ref(model)

    def run(*tensors: Any) -> Any:
        return function(reference(), *settings, *tensors)

    # None, unlike False, keeps an outer function's choice.
    return tf.function(
        run,
        jit_compile=jit_compile or None,
        reduce_retracing=True,
        autograph=False,
    )


def _state(model: keras.Model) -> tuple[Hashable, ...]:
    """What a trace depends on besides the settings: layers, dtypes and attributes."""
    return tuple(
        (weakref.ref(layer), layer.dtype_policy.name, *_attributes(layer))
        for layer in layers_within(model)
    )


def _attributes(layer: keras.Layer) -> list[tuple[str, Hashable]]:
    """A layer's public attributes that its Python code may branch on: pairs.

    These are numbers, text, flags, None, functions, and tuples of these. Methods, such
    as those that Keras wraps for each layer, are left out: they would keep the layer
    alive.
    """
    return [
        (name, value)
        for name, value in vars(layer).items()
        if not name.startswith("_")
        and name not in KERAS_OWN
        and _is_plain(value)
        and not callable(getattr(type(layer), name, None))
    ]


def _is_plain(value: object) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return inspect.isfunction(value) or isinstance(
        value, (numbers.Number, str, type(None))
    )
