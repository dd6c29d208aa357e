"""A draw of a model's latent variables, by their names."""

from typing import NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp


class DrawOfOne(NamedTuple):
    """A draw of one latent variable.

    Attributes:
        z: float [K, B, *event].
        log_q: its log-density, float [K, B], nats.
        q: the `tfd.Distribution` that it is from, batch [B] or [K, B]; None where the
            posterior is known only by what it draws.
    """

    z: tf.Tensor
    log_q: tf.Tensor
    q: tfp.distributions.Distribution | None


class Draw(NamedTuple):
    """K draws of all latent variables of a model for each of B examples.

    Attributes:
        z: name -> float [K, B, *event].
        log_q: name -> the log-density of the draw under q, float [K, B], nats, given
            the latents drawn before it. It is differentiable through the draw as well
            as through the weights.
        q: name -> `tfd.Distribution`: of batch [B] for latents given x alone, [K, B]
            for those below others; None where a posterior is known only by its draws.
    """

    z: dict[str, tf.Tensor]
    log_q: dict[str, tf.Tensor]
    q: dict[str, tfp.distributions.Distribution | None]

    @classmethod
    def of(cls, parts: dict[str, DrawOfOne]) -> "Draw":
        """The draws of single latents put together, name -> `DrawOfOne`."""
        return cls(*({name: each[i] for name, each in parts.items()} for i in range(3)))


def total(values: dict[str, tf.Tensor]) -> tf.Tensor:
    """The sum over the names: float [K, B]."""
    return sum(values.values())
