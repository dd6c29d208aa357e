"""The values that data may take, and a plain error for others."""

import dataclasses
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from vae_zoo.components.batch_checks import check_batch

ArrayT = TypeVar("ArrayT", np.ndarray, tf.Tensor)

_HINT = "; divide images of 0 to 255 by 255"


@dataclasses.dataclass(frozen=True)
class ValueRule:
    """A rule that all values are finite and in [low, high].

    Attributes:
        low: the smallest value allowed.
        high: the largest value allowed.
        owner: what requires it, named in the error.
        name: of the argument, for the error.
    """

    low: float
    high: float
    owner: str
    name: str = "x"

    @property
    def message(self) -> str:
        """The error message, with three placeholders for what was received."""
        return (
            f"`{self.name}` must be finite and lie in [{self.low:g}, {self.high:g}] "
            f"under a {self.owner} likelihood. "
            "Received: values from {} to {}, {} of them NaN"
        )

    def check(self, x: npt.ArrayLike) -> None:
        """Raises ValueError unless array `x` follows the rule."""
        x = np.asarray(x)
        if not np.all(self._is_obeyed(x, np.isfinite)):
            numbers = x[~np.isnan(x)]
            extremes = (numbers.min(), numbers.max()) if numbers.size else ("NaN",) * 2
            message = self.message.format(*extremes, x.size - numbers.size)
            if numbers.size and self._look_like_bytes(*extremes):
                message += _HINT
            raise ValueError(message)

    def check_in_graph(self, x: tf.Tensor) -> None:
        """As `check`, as an assertion in the graph, for `tf.data`."""
        x = tf.cast(x, tf.float32)
        is_nan = tf.math.is_nan(x)
        smallest = tf.reduce_min(tf.where(is_nan, np.inf, x))
        largest = tf.reduce_max(tf.where(is_nan, -np.inf, x))
        received = [smallest, largest, tf.math.count_nonzero(is_nan)]
        if (self.low, self.high) == (0, 1):
            are_bytes = (smallest >= 0) & (largest > 1) & (largest <= 255)
            check_batch(~are_bytes, self.message + _HINT, received)
        obeyed = tf.reduce_all(self._is_obeyed(x, tf.math.is_finite))
        check_batch(obeyed, self.message, received)

    def _look_like_bytes(
        self, smallest: np.floating, largest: np.floating
    ) -> bool | np.bool_:
        return (self.low, self.high) == (0, 1) and smallest >= 0 and 1 < largest <= 255

    def _is_obeyed(self, x: ArrayT, is_finite: Callable[[ArrayT], ArrayT]) -> ArrayT:
        inside = (x >= self.low) & (x <= self.high)
        # NaN fails the comparisons, and so does infinity unless it is a bound.
        bounded = np.isfinite(self.low) and np.isfinite(self.high)
        return inside if bounded else inside & is_finite(x)
