"""A draw of a model's latent variables, by name."""

from typing import NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp


class DrawOfOne(NamedTuple):
    """A draw of one latent variable.

    Attributes:
        z: float [K, B, *event].
        log_q: its log-density, float [K, B], nats.
        q: the `tfd.Distribution` that drew z, batch [B] or [K, B]; None for a posterior
            without an explicit distribution.
    """

    z: tf.Tensor
    log_q: tf.Tensor
    q: tfp.distributions.Distribution | None


class Draw(NamedTuple):
    """K draws of all latent variables of a model for each of B examples.

    Attributes:
        z: name -> float [K, B, *event].
        log_q: name -> the log-density of the draw under q, float [K, B], nats, given
            the latents drawn before it. It is differentiable with respect to both the
            draw and the weights.
        q: name -> `tfd.Distribution`, with batch [B] for latents that depend only on x,
            [K, B] for those below others; None where a posterior is known only by its
            draws.
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
