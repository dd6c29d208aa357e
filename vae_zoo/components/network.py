"""A network that runs forwards as an encoder and, mirrored, as a decoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Self, TypeAlias, Unpack

import keras
import numpy as np
import tensorflow as tf

from vae_zoo.arguments import Config, check_count, check_instance, check_number, shown
from vae_zoo.components.dropout import Dropout
from vae_zoo.tensors import BatchShape, LayerOptions

# A function, or Keras' name for it.
Activation: TypeAlias = str | Callable[[tf.Tensor], tf.Tensor]


class Stack(keras.layers.Layer):
    """A sequence of layers, made when the input's shape is known."""

    def stack_for(self, input_shape: tuple[int, ...]) -> list[keras.Layer]:
        """The layers to build for inputs of shape `input_shape`."""
        raise NotImplementedError

    def build(self, input_shape: BatchShape) -> None:
        """Creates and builds the stack."""
        self.stack = self.stack_for(_row_shape(input_shape))
        shape = tuple(input_shape)
        for layer in self.stack:
            layer.build(shape)
            shape = tuple(layer.compute_output_shape(shape))

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Features [B, ...]."""
        for layer in self.stack:
            x = layer(x)
        return x

    def compute_output_shape(self, input_shape: BatchShape) -> tuple[int | None, ...]:
        """The features' shape."""
        shape = tuple(input_shape)
        own = self.stack if self.built else self.stack_for(_row_shape(shape))
        for layer in own:
            shape = tuple(layer.compute_output_shape(shape))
        return shape


class NetworkOptions(LayerOptions, total=False):
    """The keyword arguments of every network of the package."""

    dropout_rate: float
    decoder_dropout_rate: float


class Network(Stack):
    """An encoder, which also defines the decoder that mirrors it.

    Args:
        dropout_rate: share of the units dropped in training, in [0, 1).
        decoder_dropout_rate: the same for the mirror image.

    Raises:
        ValueError: if a rate is out of range.

    Source of dropout: Srivastava et al. 2014.
    """

    def __init__(
        self,
        *,
        dropout_rate: float = 0.0,
        decoder_dropout_rate: float = 0.0,
        name: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.dropout_rate = check_rate("dropout_rate", dropout_rate)
        self.decoder_dropout_rate = check_rate(
            "decoder_dropout_rate", decoder_dropout_rate
        )

    def encoder_stack(self, input_shape: tuple[int, ...]) -> list[keras.Layer]:
        """The layers from inputs of shape `input_shape` to features."""
        raise NotImplementedError

    def decoder_stack(self, output_shape: tuple[int, ...]) -> list[keras.Layer]:
        """The layers from latents to features for outputs of `output_shape`."""
        raise NotImplementedError

    def stack_for(self, input_shape: tuple[int, ...]) -> list[keras.Layer]:
        """The encoder's layers."""
        return self.encoder_stack(input_shape)

    def mirror(self, target_shape: Sequence[int]) -> Mirror:
        """The decoder that runs this network backwards, to `target_shape`."""
        return Mirror(self, target_shape, dtype=self.dtype_policy)

    def dense(
        self, hidden_units: Sequence[int], activation: Activation, dropout_rate: float
    ) -> list[keras.Layer]:
        """Dense layers of these sizes, each followed by dropout if there is any."""
        layers = []
        for units in hidden_units:
            layers += self.hidden_layer(units, activation)
            if dropout_rate:
                layers.append(Dropout(dropout_rate, dtype=self.dtype_policy))
        return layers

    def hidden_layer(self, units: int, activation: Activation) -> list[keras.Layer]:
        """The layers that make `units` units from a vector."""
        policy = self.dtype_policy
        return [keras.layers.Dense(units, activation=activation, dtype=policy)]

    def get_config(self) -> Config:
        """The arguments of every network."""
        return {
            **super().get_config(),
            "dropout_rate": self.dropout_rate,
            "decoder_dropout_rate": self.decoder_dropout_rate,
        }


@keras.saving.register_keras_serializable("vae_zoo")
class Mirror(Stack):
    """The mirror image of an encoder, as a decoder with weights of its own.

    Args:
        network: an encoder of this package; its layers are reversed and its
            convolutions transposed.
        target_shape: the shape of the data, without the batch.
    """

    def __init__(
        self,
        network: Network,
        target_shape: Sequence[int],
        *,
        name: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.target_shape = check_sizes("target_shape", target_shape, 1)
        check_instance("network", network, Network, "a network of vae_zoo.components")
        # A bound method, since Keras would track the pattern as a sublayer.
        self.pattern_stack = network.decoder_stack

    def stack_for(self, input_shape: tuple[int, ...]) -> list[keras.Layer]:
        """The pattern's layers in reverse."""
        del input_shape
        return self.pattern_stack(self.target_shape)

    def get_config(self) -> Config:
        """The constructor's arguments."""
        # A bound method, as the constructor says.
        pattern = self.pattern_stack.__self__  # type: ignore[attr-defined]
        return {
            **super().get_config(),
            "network": keras.saving.serialize_keras_object(pattern),
            "target_shape": self.target_shape,
        }

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The decoder with these constructor arguments."""
        network = keras.saving.deserialize_keras_object(config["network"])
        return cls(**{**config, "network": network})


def _row_shape(input_shape: BatchShape) -> tuple[int, ...]:
    """The shape without the batch; every size must be known."""
    return tuple(tf.TensorShape(input_shape[1:]).as_list())


def check_rate(name: str, rate: object) -> float:
    """`rate` as a float; raises ValueError under `name` unless it is in [0, 1)."""
    try:
        number = check_number(name, rate, "", minimum=0)
    except ValueError:
        number = 1.0
    if number >= 1:
        raise ValueError(
            f"`{name}` must lie in [0, 1), the share of units dropped. Received: "
            f"{name}={shown(rate)}"
        )
    return number


def check_sizes(name: str, sizes: object, minimum_length: int = 0) -> tuple[int, ...]:
    """`sizes` as a tuple; raises ValueError under `name` unless all are sizes.

    Args:
        name: of the argument.
        sizes: a sequence of positive integers.
        minimum_length: the least number of sizes.
    """
    try:
        if not isinstance(sizes, (tuple, list, np.ndarray)):
            raise ValueError
        numbers = tuple(check_count(name, size, 1, "") for size in sizes)
        if len(numbers) < minimum_length:
            raise ValueError
    except ValueError:
        how_many = "one or more " if minimum_length else ""
        example = f"({sizes},)" if isinstance(sizes, int) else "(64, 32)"
        raise ValueError(
            f"`{name}` must be a sequence of {how_many}positive integers, such as "
            f"{example}. Received: {name}={shown(sizes)}"
        ) from None
    return numbers


def check_activation(activation: object) -> Callable[[tf.Tensor], tf.Tensor]:
    """Keras' function for `activation`; raises ValueError if there is none.

    A named activation must keep the shape, which "glu" does not.
    """
    try:
        function = keras.activations.get(activation)
        is_named = isinstance(activation, str)
        fits = not is_named or function(np.zeros((1, 2))).shape == (1, 2)
    except Exception:
        function, fits = None, False
    if not (fits and callable(function)) or isinstance(function, type):
        raise ValueError(
            "`activation` must be a function or the name of one that Keras knows and "
            'that keeps the shape, such as "relu". Received: activation='
            f"{shown(activation)}"
        )
    return function
