"""Gradients that differ from those of an objective's value."""

from collections.abc import Callable

import tensorflow as tf


class GradientScale:
    """An identity that multiplies the gradient flowing back through it.

    The factor may depend on results computed from the values. So it is set after the
    values have passed and before the gradient is taken.

    Attributes:
        factor: float [K, B], or a scalar.
    """

    factor: float | tf.Tensor

    def __call__(self, value: tf.Tensor) -> tf.Tensor:
        """`value` [K, B, ...] itself."""

        @tf.custom_gradient
        def passed(
            value: tf.Tensor,
        ) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
            return tf.identity(value), self._scaled

        return passed(value)

    def _scaled(self, gradient: tf.Tensor) -> tf.Tensor:
        factor = tf.convert_to_tensor(self.factor)
        for _ in range(gradient.shape.rank - factor.shape.rank if factor.shape else 0):
            factor = factor[..., None]
        return gradient * factor


def with_gradient_of(value: tf.Tensor, surrogate: tf.Tensor) -> tf.Tensor:
    """`value` with the gradient of `surrogate`, which has the same shape."""
    return surrogate + tf.stop_gradient(value - surrogate)
