"""A network that runs forwards as an encoder and, mirrored, as a decoder."""

import keras


class Network(keras.layers.Layer):
    """A stack of layers that is made when the input's shape is known."""

    def encoder_stack(self, input_shape):
        """The layers from inputs of shape `input_shape` to features."""
        raise NotImplementedError

    def decoder_stack(self, output_shape):
        """The layers from latents to features for outputs of `output_shape`."""
        raise NotImplementedError

    def mirror(self, target_shape):
        """The decoder that runs this network backwards, to `target_shape`."""
        return Mirror(self, target_shape, dtype=self.dtype_policy)

    def stack_for(self, input_shape):
        """The layers to build for inputs of shape `input_shape`."""
        return self.encoder_stack(input_shape)

    def build(self, input_shape):
        """Creates and builds the stack."""
        shape = tuple(input_shape)
        self.stack = self.stack_for(shape[1:])
        for layer in self.stack:
            layer.build(shape)
            shape = tuple(layer.compute_output_shape(shape))

    def call(self, x):
        """Features [B, ...]."""
        for layer in self.stack:
            x = layer(x)
        return x

    def compute_output_shape(self, input_shape):
        """The features' shape."""
        shape = tuple(input_shape)
        for layer in self.stack if self.built else self.stack_for(shape[1:]):
            shape = tuple(layer.compute_output_shape(shape))
        return shape

    def dense(self, hidden_units, activation):
        """Dense layers of these sizes."""
        return [
            keras.layers.Dense(units, activation=activation, dtype=self.dtype_policy)
            for units in hidden_units
        ]


@keras.saving.register_keras_serializable("vae_zoo")
class Mirror(Network):
    """The mirror image of an encoder, as a decoder with weights of its own.

    Args:
        network: an encoder of this module, as the pattern: the layers' order is
            reversed and convolutions are transposed.
        target_shape: the shape of the data, without the batch.
    """

    def __init__(self, network, target_shape, *, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.target_shape = tuple(target_shape)
        # A bound method, since Keras would track the pattern as a sublayer.
        self.pattern_stack = network.decoder_stack

    def stack_for(self, input_shape):
        """The pattern's layers in reverse."""
        del input_shape
        return self.pattern_stack(self.target_shape)

    def get_config(self):
        """The constructor's arguments."""
        pattern = self.pattern_stack.__self__
        return {
            **super().get_config(),
            "network": keras.saving.serialize_keras_object(pattern),
            "target_shape": self.target_shape,
        }

    @classmethod
    def from_config(cls, config):
        """The decoder with these constructor arguments."""
        network = keras.saving.deserialize_keras_object(config["network"])
        return cls(**{**config, "network": network})


def check_sizes(name, sizes):
    """`sizes`; raises ValueError under `name` unless all are positive integers."""
    if any(not isinstance(size, int) or size < 1 for size in sizes):
        raise ValueError(
            f"`{name}` must be a sequence of positive integers. Received: "
            f"{name}={sizes}"
        )
    return sizes
