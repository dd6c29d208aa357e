"""Weights that change with the training step: pure functions, no counters."""

import math
from collections.abc import Callable
from typing import Self, TypeAlias

import keras
import tensorflow as tf

from vae_zoo.arguments import Config, check_count, check_number

# The optimizer's step.
Iteration: TypeAlias = int | tf.Tensor | keras.Variable
# A function of the optimizer's step: a `Schedule`, or any that Keras can save.
ScheduleLike: TypeAlias = Callable[[tf.Tensor], tf.Tensor]


class Schedule:
    """A function of the optimizer's step. Subclasses define `__call__`.

    Args:
        start: the value at step 0, >= 0.
        stop: the value reached, >= 0.
        num_steps: optimizer steps from `start` to `stop`, >= 1.

    Raises:
        ValueError: if a value is negative or not finite, or `num_steps` no integer
            >= 1.
    """

    def __init__(self, start: float, stop: float, num_steps: int) -> None:
        what = "a weight or a number of nats"
        self.start = check_number("start", start, what, minimum=0)
        self.stop = check_number("stop", stop, what, minimum=0)
        self.num_steps = check_count("num_steps", num_steps, 1, "optimizer steps")

    def __call__(self, step: Iteration) -> tf.Tensor:
        """The value at optimizer step `step` (integer, >= 0): float32 scalar."""
        raise NotImplementedError

    @property
    def warmup_steps(self) -> int:
        """The optimizer's step from which the value is constant: an integer."""
        return self.num_steps

    def progress(self, step: Iteration) -> tf.Tensor:
        """The share of `num_steps` that is done, from 0 to 1."""
        return tf.minimum(tf.cast(step, tf.float32) / self.num_steps, 1.0)

    def between(self, fraction: tf.Tensor) -> tf.Tensor:
        """The value at this fraction of the way from `start` to `stop`."""
        return self.start + (self.stop - self.start) * fraction

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {"start": self.start, "stop": self.stop, "num_steps": self.num_steps}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The schedule with these constructor arguments."""
        return cls(**config)


@keras.saving.register_keras_serializable("vae_zoo")
class Linear(Schedule):
    """A straight line from `start` to `stop` in `num_steps`, then constant.

    `Linear(0, 1, n)` is the warm-up of Bowman et al. 2016 and Sønderby et al.
    2016; `Linear(0, 25, 100_000)` the capacity of Burgess et al. 2018.
    """

    def __call__(self, step: Iteration) -> tf.Tensor:
        """The value at optimizer step `step`: float32 scalar."""
        return self.between(self.progress(step))


@keras.saving.register_keras_serializable("vae_zoo")
class Cosine(Schedule):
    """Half a cosine from `start` to `stop` in `num_steps`, then constant."""

    def __call__(self, step: Iteration) -> tf.Tensor:
        """The value at optimizer step `step`: float32 scalar."""
        return self.between((1 - tf.cos(math.pi * self.progress(step))) / 2)


@keras.saving.register_keras_serializable("vae_zoo")
class Cyclical(Schedule):
    """Linear warm-ups that repeat every `num_steps`, for ever.

    Its `warmup_steps` are the first cycle, since later cycles bring no new values.

    Args:
        start: the value at the start of a cycle.
        stop: the value at its end.
        num_steps: optimizer steps in a cycle.
        ramp: the share of a cycle spent rising, in (0, 1]; `stop` holds for
            the rest.

    Raises:
        ValueError: also if `ramp` is not in (0, 1].

    Source: Fu et al. 2019, equation 6.
    """

    def __init__(
        self, start: float, stop: float, num_steps: int, ramp: float = 0.5
    ) -> None:
        super().__init__(start, stop, num_steps)
        what = "the share of a cycle spent rising"
        self.ramp = check_number("ramp", ramp, what, above=0, maximum=1)

    def __call__(self, step: Iteration) -> tf.Tensor:
        """The value at optimizer step `step`: float32 scalar."""
        within = self.progress(tf.cast(step, tf.int64) % self.num_steps)
        return self.between(tf.minimum(within / self.ramp, 1.0))

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {**super().get_config(), "ramp": self.ramp}
