"""How many steps `fit` and `evaluate` run for one trip from Python to TensorFlow."""

import contextlib
import math

import keras
import tensorflow as tf

AUTO = "auto"
# Of a small model's step the trip is a fifth; beyond so many steps it is nothing, and
# a progress bar should move.
MOST_STEPS = 20
_BATCH_HOOKS = tuple(
    f"on_{part}batch_{moment}"
    for part in ("", "train_", "test_")
    for moment in ("begin", "end")
)


class Executions:
    """The steps of one execution, with the functions that Keras has traced for them."""

    def __init__(self):
        self._functions = {}

    @contextlib.contextmanager
    def of(self, model, number):
        """Within it `model.steps_per_execution` is `number`."""
        before = model.steps_per_execution
        self._switch(model, number)
        try:
            yield
        finally:
            self._switch(model, before)

    def _switch(self, model, number):
        if number == model.steps_per_execution:
            return
        self._functions[model.steps_per_execution] = (
            model.train_function,
            model.test_function,
        )
        model.steps_per_execution = number
        functions = self._functions.pop(number, (None, None))
        model.train_function, model.test_function = functions


def most_steps(callbacks, *counts):
    """Steps per execution that nobody can tell from one at a time, but by the clock.

    Args:
        callbacks: a Keras callback, a list of them or None.
        *counts: numbers of steps that must end with an execution, since Keras runs
            whole ones where it was told a number; None where it was not.

    Returns:
        1 if a callback has to see each batch, else the largest divisor up to
        `MOST_STEPS`. A callback whose methods on batches may as well run once per
        execution says so by an attribute `needs_every_batch` that is False.
    """
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks = callbacks.callbacks
    if any(_needs_every_batch(each) for each in tf.nest.flatten(callbacks or [])):
        return 1
    greatest = math.gcd(*(count for count in counts if count)) or MOST_STEPS
    return max(n for n in range(1, MOST_STEPS + 1) if greatest % n == 0)


def _needs_every_batch(callback):
    # Keras' own that write checkpoints count batches only if they save by batches.
    is_content = (
        isinstance(callback, keras.callbacks.ProgbarLogger)
        or getattr(callback, "save_freq", None) == "epoch"
        or not getattr(callback, "needs_every_batch", True)
    )
    return not is_content and any(
        hook in vars(callback)
        or getattr(type(callback), hook) is not getattr(keras.callbacks.Callback, hook)
        for hook in _BATCH_HOOKS
    )
