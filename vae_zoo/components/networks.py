"""Encoder and decoder networks for inputs of rank 1 to 3."""

from collections.abc import Sequence
from typing import Unpack

import keras

from vae_zoo.arguments import Config, check_flag
from vae_zoo.components.convolutional import Conv, ResNet
from vae_zoo.components.gate import Gate
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
        activation: activation of every hidden layer; anything Keras takes.
        gated: whether each unit is multiplied by a gate, the sigmoid of another linear
            unit; gated linear units with the activation "linear".
        dropout_rate: share of units dropped after each layer, in [0, 1).
        decoder_dropout_rate: the same in the decoder that mirrors it.

    Raises:
        ValueError: if a size is not a positive integer, a rate off range, or
            `activation` no function.

    Source of gates: Dauphin et al. 2017.
    """

    def __init__(
        self,
        hidden_units: Sequence[int],
        *,
        activation: Activation = "relu",
        gated: bool = False,
        name: str | None = None,
        **kwargs: Unpack[NetworkOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.hidden_units = check_sizes("hidden_units", hidden_units)
        self.activation = check_activation(activation)
        self.gated = check_flag("gated", gated)

    def hidden_layer(self, units: int, activation: Activation) -> list[keras.Layer]:
        """A dense layer; with gates, one of twice the units and a `Gate`."""
        if not self.gated:
            return super().hidden_layer(units, activation)
        policy = self.dtype_policy
        dense = keras.layers.Dense(2 * units, dtype=policy)
        return [dense, Gate(activation, dtype=policy)]

    def encoder_stack(self, input_shape: tuple[int, ...]) -> list[keras.Layer]:
        """Flattens, then dense layers."""
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
            "gated": self.gated,
        }
