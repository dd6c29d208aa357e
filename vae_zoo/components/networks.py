"""Encoder and decoder networks for inputs of rank 1 to 3."""

from collections.abc import Sequence
from typing import Unpack

import keras

from vae_zoo.arguments import Config
from vae_zoo.components.convolutional import Conv, ResNet
from vae_zoo.components.network import (
    Activation,
    Network,
    NetworkOptions,
    check_activation,
    check_sizes,
)

__all__ = ["MLP", "Conv", "ResNet"]


@keras.saving.register_keras_serializable("vae_zoo")
class MLP(Network):
    """Flatten, then dense layers.

    Args:
        hidden_units: units of each hidden layer, from input to output.
        activation: of every hidden layer; anything Keras takes.
        dropout_rate: share of units dropped after each layer, in [0, 1).
        decoder_dropout_rate: the same in the decoder that mirrors it.

    Raises:
        ValueError: if a size is not a positive integer, a rate off range, or
            `activation` no function.
    """

    def __init__(
        self,
        hidden_units: Sequence[int],
        *,
        activation: Activation = "relu",
        name: str | None = None,
        **kwargs: Unpack[NetworkOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.hidden_units = check_sizes("hidden_units", hidden_units)
        self.activation = check_activation(activation)

    def encoder_stack(self, input_shape: tuple[int, ...]) -> list[keras.Layer]:
        """Flatten, dense layers."""
        del input_shape
        flatten = keras.layers.Flatten("channels_last", dtype=self.dtype_policy)
        dense = self.dense(self.hidden_units, self.activation, self.dropout_rate)
        return [flatten, *dense]

    def decoder_stack(self, output_shape: tuple[int, ...]) -> list[keras.Layer]:
        """The dense layers in reverse order."""
        del output_shape
        units = self.hidden_units[::-1]
        return self.dense(units, self.activation, self.decoder_dropout_rate)

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "hidden_units": self.hidden_units,
            "activation": keras.activations.serialize(self.activation),
        }
