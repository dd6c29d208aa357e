"""How many steps `fit` and `evaluate` run for one trip from Python to TensorFlow."""

import contextlib
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

# For a small model, going back to Python costs a fifth of each step. With so many steps
# at once it costs next to nothing, and the progress bar still moves.
MOST_STEPS = 20
# For steps that take up to seconds, in which going back to Python costs little anyway:
# Ctrl-C waits until an execution ends.
FEW_STEPS = 5
_BATCH_HOOKS = tuple(
    f"on_{part}batch_{moment}"
    for part in ("", "train_", "test_")
    for moment in ("begin", "end")
)


class StepsInThreads:
    """How many steps one execution has, in each thread for itself.

    So `predict` in one thread is no matter to `fit` in another.

    Attributes:
        latest: the last number above 1, for which there may be functions; or None.
    """

    def __init__(self) -> None:
        self._here = threading.local()
        self.latest: int | None = None

    @property
    def number(self) -> int | None:
        """That of this thread, within `having`; else None."""
        return getattr(self._here, "number", None)

    @contextlib.contextmanager
    def having(self, number: int) -> Iterator[None]:
        """Within it executions of this thread have that number of steps."""
        before = self.number
        self._here.number = number
        self.latest = number if number > 1 else self.latest
        try:
            yield
        finally:
            self._here.number = before


def most_steps(
    callbacks: keras.callbacks.CallbackList
    | Sequence[keras.callbacks.Callback]
    | keras.callbacks.Callback
    | None,
    *counts: int | None,
    num_batches: int | None = None,
    most: int = MOST_STEPS,
) -> int:
    """Steps per execution with the results of one at a time.

    Args:
        callbacks: a Keras callback, a list of them or None.
        *counts: numbers of steps that must end with an execution, since Keras runs
            whole ones where it was told a number; None where it was not.
        num_batches: of the data, if known, after which an execution ends anyway.
        most: the largest number.

    Returns:
        1 if a callback has to see each batch, else the largest divisor of the counts up
        to `most`, or, without any, what splits `num_batches` evenly. A class of
        callbacks whose own methods on batches may as well run once per execution says
        so by an attribute `needs_every_batch` that is False.
    """
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks = callbacks.callbacks
    if any(_needs_every_batch(each) for each in tf.nest.flatten(callbacks or [])):
        return 1
    given = [count for count in (*counts, keras.config.max_steps_per_epoch()) if count]
    if given:
        greatest = math.gcd(*given)
        return max(n for n in range(1, most + 1) if greatest % n == 0)
    if num_batches:
        return math.ceil(num_batches / math.ceil(num_batches / most))
    return most


def _needs_every_batch(callback: keras.callbacks.Callback) -> bool:
    content = [keras.callbacks.Callback, keras.callbacks.ProgbarLogger]
    # It speaks for its own methods, not for those of a class made from it.
    content += [
        each
        for each in type(callback).__mro__
        if vars(each).get("needs_every_batch") is False
    ]
    if getattr(callback, "save_freq", None) == "epoch":
        # Only if they save by batches do they count them.
        content += [keras.callbacks.ModelCheckpoint, keras.callbacks.BackupAndRestore]
    return any(
        hook in vars(callback)
        or getattr(type(callback), hook)
        not in [getattr(each, hook) for each in content]
        for hook in _BATCH_HOOKS
    )


class StepFunctions:
    """What Keras has traced, by kind and number of steps; it keeps one of a kind."""

    def __init__(self) -> None:
        self._functions: dict[tuple[str, int], Callable[..., Any] | None] = {}
        self._here = threading.local()

    def get(self, kind: str, number: int) -> Callable[..., Any] | None:
        """The function, or None if there is none yet.

        Within `held` a function that another thread has had forgotten stays in use.
        """
        function = self._functions.get((kind, number))
        held = getattr(self._here, "held", None)
        if held is None:
            return function
        if function is not None:
            held[kind] = function
        return held.get(kind)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Within it this thread goes on with the functions that it has begun with."""
        before = getattr(self._here, "held", None)
        self._here.held = {}
        try:
            yield
        finally:
            self._here.held = before

    def set(self, kind: str, number: int, function: Callable[..., Any] | None) -> None:
        """Keeps a function."""
        self._functions[kind, number] = function
        held = getattr(self._here, "held", None)
        if held is not None:
            # At once: another thread may have it forgotten before it is used.
            held[kind] = function

    def __len__(self) -> int:
        return len(self._functions)

    def forget(self, *kinds: str) -> None:
        """Has the functions of these kinds traced anew, for all numbers."""
        for key in [key for key in self._functions if key[0] in kinds]:
            self._functions.pop(key, None)
