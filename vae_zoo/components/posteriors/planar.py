"""Posteriors q(z|x) by planar flows."""

import math
from typing import Unpack

import keras
import tensorflow as tf

from vae_zoo.arguments import Config, check_count
from vae_zoo.components.heads import built_projection
from vae_zoo.components.posteriors.flow import FlowPosterior
from vae_zoo.tensors import BatchShape, LayerOptions

# Where log(1 + exp(a)) - 1 is 0: with u.w = a a step changes nothing.
_NEUTRAL = math.log(math.e - 1)
# The determinant stays above this, and the square of |w| in a denominator.
_LEAST = 1e-5
_LEAST_SQUARE = 1e-12


@keras.saving.register_keras_serializable("vae_zoo")
class Planar(FlowPosterior):
    """q(z|x) by invertible steps z -> z + u(x) tanh(w(x).z + b(x)).

    Args:
        num_flows: steps of the flow, >= 1.
        name: the layer's name.
        **kwargs: what every Keras layer takes.

    Raises:
        ValueError: if `num_flows` is no integer >= 1.

    Source: Rezende & Mohamed 2015, section 4.1 and appendix A.1.
    """

    def __init__(
        self,
        num_flows: int = 10,
        *,
        name: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.num_flows = check_count("num_flows", num_flows, 1, "the steps")

    def build_flow(self, features_shape: BatchShape, size: int) -> None:
        """See `FlowPosterior`."""
        shape = (self.num_flows, size)
        self.direction = built_projection(
            features_shape, shape, "direction", starts_at_zero=True
        )
        self.normal = built_projection(features_shape, shape, "normal")
        # Where all features are 0 there must be a plane, too.
        start = keras.initializers.RandomNormal(stddev=size**-0.5)(shape)
        self.normal.dense.bias.assign(tf.reshape(start, [-1]))
        self.shift = built_projection(features_shape, (self.num_flows,), "shift")

    def flow_parameters(self, features: tf.Tensor) -> dict[str, tf.Tensor]:
        """`direction` u and `normal` w [B, T, D], and `shift` b [B, T].

        The first one is such that u.w > -1, as invertible steps must have it.
        """
        w, free = self.normal(features), self.direction(features)
        product = tf.reduce_sum(free * w, axis=-1, keepdims=True)
        square = tf.reduce_sum(w**2, axis=-1, keepdims=True)
        wanted = tf.math.softplus(product + _NEUTRAL) - 1
        u = free + (wanted - product) * w / tf.maximum(square, _LEAST_SQUARE)
        return {"direction": u, "normal": w, "shift": self.shift(features)}

    def flow(
        self, z: tf.Tensor, direction: tf.Tensor, normal: tf.Tensor, shift: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """See `FlowPosterior`."""
        log_det = tf.zeros_like(z[..., 0])
        for number in range(self.num_flows):
            u, w = direction[:, number], normal[:, number]
            bent = tf.tanh(tf.reduce_sum(w * z, axis=-1) + shift[:, number])
            z += u * bent[..., None]
            change = (1 - bent**2) * tf.reduce_sum(u * w, axis=-1)
            log_det += tf.math.log(tf.maximum(1 + change, _LEAST))
        return z, log_det

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {**super().get_config(), "num_flows": self.num_flows}
