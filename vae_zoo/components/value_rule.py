"""Which values data may take, and a plain error for the others."""

import dataclasses

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class ValueRule:
    """All values are finite and lie in [low, high], or `check` says which do not.

    Attributes:
        low: the smallest value allowed.
        high: the largest value allowed.
        owner: what asks for it, named in the error.
    """

    low: float
    high: float
    owner: str

    @property
    def message(self):
        """The error, with three blanks for what came."""
        return (
            f"`x` must be finite and lie in [{self.low:g}, {self.high:g}] under a "
            f"{self.owner} likelihood. "
            "Received: values from {} to {}, {} of them NaN"
        )

    def check(self, x):
        """Raises ValueError unless array `x` obeys the rule."""
        x = np.asarray(x)
        if not np.all(self._is_obeyed(x, np.isfinite)):
            numbers = x[~np.isnan(x)]
            extremes = (numbers.min(), numbers.max()) if numbers.size else ("NaN",) * 2
            raise ValueError(self.message.format(*extremes, x.size - numbers.size))

    def check_in_graph(self, x):
        """The same as an assertion among TensorFlow ops, for `tf.data`."""
        x = tf.cast(x, tf.float32)

        def fail():
            is_nan = tf.math.is_nan(x)
            received = [
                tf.reduce_min(tf.where(is_nan, np.inf, x)),
                tf.reduce_max(tf.where(is_nan, -np.inf, x)),
                tf.math.count_nonzero(is_nan),
            ]
            message = tf.strings.format(self.message, received)
            return tf.debugging.Assert(False, [message], summarize=-1)

        obeyed = tf.reduce_all(self._is_obeyed(x, tf.math.is_finite))
        tf.cond(obeyed, tf.no_op, fail)

    def _is_obeyed(self, x, is_finite):
        inside = (x >= self.low) & (x <= self.high)
        # NaN fails the comparisons; so does infinity, unless it is the bound.
        bounded = np.isfinite(self.low) and np.isfinite(self.high)
        return inside if bounded else inside & is_finite(x)
