"""MADE, an autoregressive network: each output depends on earlier inputs only."""

from collections.abc import Sequence
from typing import Unpack

import keras
import numpy as np
import tensorflow as tf

from vae_zoo.arguments import Config, check_count, check_flag
from vae_zoo.components.network import Activation, check_activation, check_sizes
from vae_zoo.tensors import BatchShape, LayerOptions


@keras.saving.register_keras_serializable("vae_zoo")
class MADE(keras.layers.Layer):
    """A masked dense network: the outputs for an input depend on earlier inputs only.

    The last layer's weights start at zero, and so do the outputs.

    Args:
        hidden_units: units of each hidden layer, one or more.
        num_outputs: P, the outputs for each input.
        activation: of every hidden layer.
        is_reversed: whether the order is from the last input to the first.
        name: the layer's name.
        **kwargs: what every Keras layer takes.

    Raises:
        ValueError: if a size is not a positive integer, or `activation` no function.

    Source: Germain et al. 2015; with a context, Kingma et al. 2016, section 4.
    """

    def __init__(
        self,
        hidden_units: Sequence[int],
        num_outputs: int = 1,
        *,
        activation: Activation = "elu",
        is_reversed: bool = False,
        name: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.hidden_units = check_sizes("hidden_units", hidden_units, 1)
        self.num_outputs = check_count("num_outputs", num_outputs, 1, "for each input")
        self.activation = check_activation(activation)
        self.is_reversed = check_flag("is_reversed", is_reversed)

    def build(
        self, z_shape: BatchShape, context_shape: BatchShape | None = None
    ) -> None:
        """Creates the weights for z [..., D] and, unless it is None, context [..., C].

        A unit of degree k depends on the first k inputs. Units of degree 0 depend on
        the context alone; without a context there are none.
        """
        size = tf.TensorShape(z_shape)[-1]
        order = np.arange(size)[::-1] if self.is_reversed else np.arange(size)
        lowest = 0 if context_shape is not None or size == 1 else 1
        self.degrees = [order + 1]
        for units in self.hidden_units:
            self.degrees.append(lowest + np.arange(units) * (size - lowest) // units)
        self.degrees.append(np.tile(order, self.num_outputs))
        self.kernels, self.biases = [], []
        for number, units in enumerate(map(len, self.degrees[1:])):
            is_last = number == len(self.hidden_units)
            kernel = self.add_weight(
                shape=(len(self.degrees[number]), units),
                initializer="zeros" if is_last else "glorot_uniform",
                name=f"kernel_{number}",
            )
            bias = self.add_weight(
                shape=(units,), initializer="zeros", name=f"bias_{number}"
            )
            self.kernels.append(kernel)
            self.biases.append(bias)
        if context_shape is not None:
            self.context_kernel = self.add_weight(
                shape=(context_shape[-1], self.hidden_units[0]), name="context_kernel"
            )

    def call(self, z: tf.Tensor, context: tf.Tensor | None = None) -> list[tf.Tensor]:
        """The outputs for each input: P tensors [..., D].

        Args:
            z: float [..., D].
            context: float [..., C], what all outputs may depend on; its axes before
                the last one are those of z, or the last few of these.
        """
        hidden = self._masked(z, 0)
        if context is not None:
            hidden += tf.tensordot(context, self.context_kernel, 1)
        for number in range(1, len(self.kernels)):
            hidden = self._masked(self.activation(hidden), number)
        return tf.split(hidden, self.num_outputs, axis=-1)

    def _masked(self, values: tf.Tensor, number: int) -> tf.Tensor:
        # The graph makes the mask from two short vectors. As a constant it would make
        # an exported graph larger by the size of the kernel.
        below, above = (tf.constant(self.degrees[number + i]) for i in (0, 1))
        mask = tf.cast(below[:, None] <= above, values.dtype)
        kernel = tf.convert_to_tensor(self.kernels[number]) * mask
        return tf.tensordot(values, kernel, 1) + self.biases[number]

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "hidden_units": self.hidden_units,
            "num_outputs": self.num_outputs,
            "activation": keras.activations.serialize(self.activation),
            "is_reversed": self.is_reversed,
        }
