"""The layers of the contenders that are hand-written in Keras."""

import keras
from protocol import DENSE_UNITS, FILTERS, HIDDEN_UNITS, KERNEL_SIZE, SIDE

NUM_EPOCHS = 1_000_000


def encoder(network):
    """From images to features."""
    if network == "mlp":
        return keras.Sequential([_dense(units) for units in HIDDEN_UNITS])
    layers = [_strided(keras.layers.Conv2D, filters) for filters in FILTERS]
    return keras.Sequential([*layers, keras.layers.Flatten(), _dense(DENSE_UNITS)])


def decoder(network):
    """From latents to logits of the images' shape."""
    # The logits are float32 under every policy.
    if network == "mlp":
        layers = [_dense(units) for units in reversed(HIDDEN_UNITS)]
        return keras.Sequential(
            [*layers, keras.layers.Dense(SIDE * SIDE, dtype="float32")]
        )
    small = SIDE // 2 ** len(FILTERS)
    layers = [
        _dense(DENSE_UNITS),
        _dense(small * small * FILTERS[-1]),
        keras.layers.Reshape((small, small, FILTERS[-1])),
        *(_strided(keras.layers.Conv2DTranspose, FILTERS[0]) for _ in FILTERS),
    ]
    return keras.Sequential([*layers, keras.layers.Dense(1, dtype="float32")])


def _dense(units):
    return keras.layers.Dense(units, activation="relu")


def _strided(layer_class, filters):
    return layer_class(
        filters, KERNEL_SIZE, strides=2, padding="same", activation="relu"
    )


class Epochs(keras.callbacks.Callback):
    """Lets a clock of `protocol` time the epochs of `fit`."""

    def __init__(self, clock):
        super().__init__()
        self.clock = clock

    def on_epoch_begin(self, epoch, logs=None):
        self.clock.start()

    def on_epoch_end(self, epoch, logs=None):
        self.clock.stop()
