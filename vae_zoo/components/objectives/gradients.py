"""Gradients of an objective that differ from those of its value."""

from collections.abc import Callable

import tensorflow as tf


class GradientScale:
    """Multiplies the gradient that comes back through what has passed through it.

    The factor may depend on what is computed from these values, so it is set after
    they have passed and before the gradient is taken.

    Attributes:
        factor: float [K, B], or a scalar.
    """

    factor: float | tf.Tensor

    def __call__(self, value: tf.Tensor) -> tf.Tensor:
        """`value` [K, B, ...] as it is."""

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
    """`value`, whose gradient is that of `surrogate`, of the same shape."""
    return surrogate + tf.stop_gradient(value - surrogate)
