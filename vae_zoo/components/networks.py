"""Encoder and decoder networks for inputs of rank 1 to 3."""

import keras

from vae_zoo.components.convolutional import Conv, ResNet
from vae_zoo.components.dropout import Dropout
from vae_zoo.components.network import Network, check_sizes

__all__ = ["MLP", "Conv", "ResNet"]


@keras.saving.register_keras_serializable("vae_zoo")
class MLP(Network):
    """Flatten, then dense layers.

    Args:
        hidden_units: units of each hidden layer, from input to output.
        activation: of every hidden layer; anything Keras takes.
        dropout_rate: share of units dropped after each layer, in [0, 1).

    Raises:
        ValueError: if a size is not a positive integer or the rate off range.
    """

    def __init__(
        self, hidden_units, *, activation="relu", dropout_rate=0.0, name=None, **kwargs
    ):
        super().__init__(name=name, **kwargs)
        self.hidden_units = check_sizes("hidden_units", tuple(hidden_units))
        if not 0 <= dropout_rate < 1:
            raise ValueError(
                "`dropout_rate` must lie in [0, 1). Received: "
                f"dropout_rate={dropout_rate}"
            )
        self.activation = keras.activations.get(activation)
        self.dropout_rate = dropout_rate

    def encoder_stack(self, input_shape):
        """Flatten, dense layers, each followed by dropout where there is any."""
        del input_shape
        layers = [keras.layers.Flatten(dtype=self.dtype_policy)]
        for dense in self.dense(self.hidden_units, self.activation):
            layers.append(dense)
            if self.dropout_rate:
                layers.append(Dropout(self.dropout_rate, dtype=self.dtype_policy))
        return layers

    def decoder_stack(self, output_shape):
        """The dense layers in reverse order, without dropout."""
        del output_shape
        return self.dense(self.hidden_units[::-1], self.activation)

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "hidden_units": self.hidden_units,
            "activation": keras.activations.serialize(self.activation),
            "dropout_rate": self.dropout_rate,
        }
