"""How many steps `fit` and `evaluate` run in one call from Python to TensorFlow."""

import contextlib
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

# For a small model, going back to Python costs a fifth of each step. With this many
# steps at once it costs almost nothing, and the progress bar still moves.
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
    """The number of steps of an execution, separate for each thread.

    So `predict` in one thread does not affect `fit` in another.

    Attributes:
        latest: the last number above 1, for which functions may exist, or None.
    """

    def __init__(self) -> None:
        self._here = threading.local()
        self.latest: int | None = None

    @property
    def number(self) -> int | None:
        """The number of this thread within `having`, else None."""
        return getattr(self._here, "number", None)

    @contextlib.contextmanager
    def having(self, number: int) -> Iterator[None]:
        """Context in which executions of this thread have that number of steps."""
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
    """The most steps per execution that leave the results as with one at a time.

    Args:
        callbacks: a Keras callback, a list of them or None.
        *counts: numbers of steps given to Keras, or None. It runs only whole
            executions, so each must be a multiple of the result.
        num_batches: batches of the data, if known; an execution ends after the last one
            anyway.
        most: the largest number.

    Returns:
        1 if a callback has to see each batch; else the largest common divisor of the
        counts up to `most`; without counts, a number that splits `num_batches` evenly.
        A callback class whose batch methods may run once per execution sets
        `needs_every_batch = False`.
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
    # The attribute holds for the class' own methods, not for those of subclasses.
    content += [
        each
        for each in type(callback).__mro__
        if vars(each).get("needs_every_batch") is False
    ]
    if getattr(callback, "save_freq", None) == "epoch":
        # They count batches only if they save by batches.
        content += [keras.callbacks.ModelCheckpoint, keras.callbacks.BackupAndRestore]
    return any(
        hook in vars(callback)
        or getattr(type(callback), hook)
        not in [getattr(each, hook) for each in content]
        for hook in _BATCH_HOOKS
    )


class StepFunctions:
    """Traced functions by kind and number of steps; Keras keeps only one per kind."""

    def __init__(self) -> None:
        self._functions: dict[tuple[str, int], Callable[..., Any] | None] = {}
        self._here = threading.local()

    def get(self, kind: str, number: int) -> Callable[..., Any] | None:
        """The function, or None if there is none yet.

        Within `held`, a function stays in use even if another thread calls `forget`.
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
        """Context in which this thread keeps the functions that it began with."""
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
            # Now, since another thread may forget it before it is used.
            held[kind] = function

    def __len__(self) -> int:
        return len(self._functions)

    def forget(self, *kinds: str) -> None:
        """Forgets the functions of these kinds, so that Keras traces them again."""
        for key in [key for key in self._functions if key[0] in kinds]:
            self._functions.pop(key, None)
