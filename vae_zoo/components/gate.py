"""Gated units."""

import keras
import tensorflow as tf

from vae_zoo.arguments import Config
from vae_zoo.components.network import Activation, check_activation
from vae_zoo.tensors import BatchShape


@keras.saving.register_keras_serializable("vae_zoo")
class Gate(keras.layers.Layer):
    """activation(a) sigmoid(b) for the two halves a, b of the last axis.

    Args:
        activation: activation of a; "linear" makes gated linear units.

    Raises:
        ValueError: if `activation` is no function.

    Source: Dauphin et al. 2017, section 2.
    """

    def __init__(
        self,
        activation: Activation = "linear",
        *,
        name: str | None = None,
        dtype: keras.DTypePolicy | str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.activation = check_activation(activation)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Features [..., U] of x [..., 2 U]."""
        through, gate = keras.ops.split(x, 2, axis=-1)
        return self.activation(through) * keras.ops.sigmoid(gate)

    def compute_output_shape(self, input_shape: BatchShape) -> tuple[int | None, ...]:
        """Half as many units."""
        units = tf.TensorShape(input_shape)[-1] // 2
        return (*input_shape[:-1], units)

    def get_config(self) -> Config:
        """The constructor's arguments."""
        activation = keras.activations.serialize(self.activation)
        return {**super().get_config(), "activation": activation}
