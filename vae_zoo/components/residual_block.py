"""Residual blocks of convolutions."""

from typing import Unpack

import keras
import tensorflow as tf

from vae_zoo.arguments import Config, check_count
from vae_zoo.components.dropout import Dropout
from vae_zoo.components.network import Activation, check_activation, check_rate
from vae_zoo.tensors import BatchShape, LayerOptions


@keras.saving.register_keras_serializable("vae_zoo")
class ResidualBlock(keras.layers.Layer):
    """x + conv(drop(act(conv(act(x))))), the identity at initialization.

    Source: He et al. 2016 (pre-activation); zero-initialized last layer as in
    Goyal et al. 2017, section 5.1, which needs no normalization at this depth;
    dropout between the convolutions as in Zagoruyko & Komodakis 2016, section 2.4.
    """

    def __init__(
        self,
        filters: int,
        *,
        activation: Activation = "relu",
        dropout_rate: float = 0.0,
        name: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.filters = check_count("filters", filters, 1, "the channels")
        self.activation = check_activation(activation)
        self.dropout_rate = check_rate("dropout_rate", dropout_rate)
        settings = {
            "padding": "same",
            "data_format": "channels_last",
            "dtype": self.dtype_policy,
        }
        self.first = keras.layers.Conv2D(filters, 3, **settings)
        self.second = keras.layers.Conv2D(
            filters, 3, kernel_initializer="zeros", **settings
        )
        self.dropout = (
            Dropout(dropout_rate, dtype=self.dtype_policy) if dropout_rate else None
        )

    def build(self, input_shape: BatchShape) -> None:
        """Creates both convolutions."""
        self.first.build(input_shape)
        self.second.build(self.first.compute_output_shape(input_shape))

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Float tensor of the shape of `x`."""
        y = self.activation(self.first(self.activation(x)))
        if self.dropout:
            y = self.dropout(y)
        return x + self.second(y)

    def compute_output_shape(self, input_shape: BatchShape) -> tuple[int | None, ...]:
        """The input's shape."""
        return tuple(input_shape)

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "activation": keras.activations.serialize(self.activation),
            "dropout_rate": self.dropout_rate,
        }
