"""Normals truncated on both sides, with quantiles exact in the tails."""

import math
from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from vae_zoo.distributions.finite import check_parameter, is_positive
from vae_zoo.tensors import TensorLike

# Newton's method converges quadratically from one side; eight steps always suffice.
_NUM_STEPS = 12
# In units of the interval; for larger scales the density is exponential to 12 digits.
_LARGEST_SCALE = 1e6


class TruncatedNormal(tfd.TruncatedNormal):
    """`tfd.TruncatedNormal` with a `quantile` that is exact at any distance.

    TFP's inverts the distribution function. If [low, high] is more than about five
    `scale` from `loc`, that is 0 or 1 in float32, and TFP's quantile is infinite.
    """

    def __init__(
        self,
        loc: TensorLike,
        scale: TensorLike,
        low: TensorLike,
        high: TensorLike,
        **kwargs: Any,
    ) -> None:
        super().__init__(loc, scale, low, high, **kwargs)
        check_parameter("loc", self.loc)
        check_parameter("scale", self.scale, is_positive, "finite and > 0")

    @classmethod
    def _parameter_properties(
        cls, dtype: tf.DType, num_classes: int | None = None
    ) -> dict[str, tfp.util.ParameterProperties]:
        # TFP warns unless a class with its own constructor defines this.
        return super()._parameter_properties(dtype, num_classes)

    def _quantile(self, share: tf.Tensor) -> tf.Tensor:
        loc, scale, low, high, share = (
            tf.cast(each, tf.float64)
            for each in (self.loc, self.scale, self.low, self.high, share)
        )
        # For an almost flat density only the slope matters, and only a few digits of
        # it.
        largest = _LARGEST_SCALE * (high - low)
        flat = tf.minimum(largest, scale) / scale
        loc, scale = low + (loc - low) * flat**2, scale * flat
        # Mirrored so that the bound nearer to `loc` is the lower one.
        is_mirrored = loc > (low + high) / 2
        start = tf.where(is_mirrored, loc - high, low - loc) / scale
        length = (high - low) / scale
        share = tf.where(is_mirrored, 1 - share, share)
        step = scale * tf.where(
            start > 0,
            _in_tail(tf.maximum(start, 0), length, share),
            _around_mode(tf.minimum(start, 0), length, share),
        )
        quantile = tf.where(is_mirrored, high - step, low + step)
        # Clipped again, since rounding to this dtype moves the bounds.
        quantile = tf.cast(quantile, self.dtype)
        return tf.clip_by_value(quantile, self.low, self.high)


def _around_mode(start: tf.Tensor, length: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    """The step from `start` <= 0 to the quantile of a standard normal on the interval.

    Args:
        start: float64 [...], no further from 0 than `start + length`.
        length: float64 [...], of the interval.
        share: float64 [...], in [0, 1].
    """
    end = start + length
    below, above = _below(start), _below(-end)
    inside = _below(end) - below
    # Each tail separately, since 1 minus the other one would lose digits.
    lower, upper = below + share * inside, above + (1 - share) * inside
    z = tf.where(
        lower < upper, tf.math.ndtri(lower), -tf.math.ndtri(tf.minimum(upper, 0.5))
    )
    return tf.clip_by_value(z - start, 0, length)


def _below(z: tf.Tensor) -> tf.Tensor:
    """Phi(z), precise for z far below 0."""
    return tf.math.erfc(-z / math.sqrt(2)) / 2


def _in_tail(start: tf.Tensor, length: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    """As `_around_mode` for `start` >= 0, where p falls along the whole interval.

    Beyond a step w from `start`, the share exp(-start w - w^2 / 2) R(start + w) /
    R(start) of the tail is left, where R is Mills' ratio. Nothing in it under- or
    overflows.
    """
    beyond = tf.exp(_log_tail(start, length))
    target = tf.math.log1p(-share * (1 - beyond))
    step = tf.zeros_like(start + length + share)
    for _ in range(_NUM_STEPS):
        excess = _log_tail(start, step) - target
        step = tf.clip_by_value(step + excess * _mills_ratio(start + step), 0, length)
    return step


def _log_tail(start: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
    """Log of the share of the tail above `start` that is above `start + step`."""
    log_ratio = tf.math.log(_mills_ratio(start + step) / _mills_ratio(start))
    return log_ratio - start * step - step**2 / 2


def _mills_ratio(z: tf.Tensor) -> tf.Tensor:
    """(1 - Phi(z)) / phi(z) for z >= 0."""
    return math.sqrt(math.pi / 2) * tfp.math.erfcx(z / math.sqrt(2))
