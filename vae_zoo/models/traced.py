"""Functions of a model that are traced once and kept for as long as the model lives.

TensorFlow does not give back all that a trace takes: megabytes for a graph, tens of
them for a program of XLA's. What is called again and again must not trace anew.
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

# Of each model: key -> `tf.function`. Kept here, they are no part of the model that
# Keras tracks, saves or copies, and they go when it goes.
_FUNCTIONS: weakref.WeakKeyDictionary[
    keras.Model, dict[Hashable, Callable[..., Any]]
] = weakref.WeakKeyDictionary()
# For each model; the oldest makes room for another.
MOST_FUNCTIONS = 32
# What fitting changes, and no layer's function.
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

    It is the same one for the same arguments. It reads the weights when it runs, so it
    follows their training; another layer, dtype policy or plain attribute of a layer
    has it made anew. Within another `tf.function` nothing is to be gained, and
    `function` itself runs.

    Args:
        function: a function of a module, not a closure: those are new each time.
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

    # None, unlike False, lets an outer function's choice stand.
    return tf.function(
        run,
        jit_compile=jit_compile or None,
        reduce_retracing=True,
        autograph=False,
    )


def _state(model: keras.Model) -> tuple[Hashable, ...]:
    """What a trace holds fast, beside the settings: layers, dtypes and attributes."""
    return tuple(
        (weakref.ref(layer), layer.dtype_policy.name, *_attributes(layer))
        for layer in layers_within(model)
    )


def _attributes(layer: keras.Layer) -> list[tuple[str, Hashable]]:
    """A layer's public attributes that its Python code may branch on: pairs.

    Numbers, text, flags, None, functions, and tuples of these. Not methods, such as
    those that Keras wraps for each layer, which would keep the layer alive.
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
