import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from vae_zoo import VAE
from vae_zoo.components import networks
from vae_zoo.components.transposed_convolution import (
    Conv2DTranspose,
    smooth_kernel,
    stretched,
)


def keras_layer(
    size, activation=None, dtype="float32", make=keras.layers.Conv2DTranspose
):
    made = make(5, size, strides=2, padding="same", activation=activation, dtype=dtype)
    made.build((None, 6, 7, 3))
    made.bias.assign(np.random.default_rng(0).normal(size=5))
    return made


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("size", [2, 3, 4, 5, 6, 7])
def test_it_is_keras_transposed_convolution(size, jit_compile):
    layer = keras_layer(size)
    x = tf.random.stateless_normal((2, 6, 7, 3), (size, 0))
    arguments = x, layer.kernel.value, layer.bias.value

    def plain(x, kernel, bias):
        return tf.nn.conv2d_transpose(x, kernel, (2, 12, 14, 5), 2) + bias

    functions = {
        "linear": (plain, stretched),
        "relu": (
            lambda *arguments: tf.nn.relu(plain(*arguments)),
            functools.partial(stretched, has_relu=True),
        ),
    }

    def with_gradients(function, *arguments):
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            y = function(*arguments)
            loss = tf.reduce_sum(tf.sin(y))
        return y, *tape.gradient(loss, arguments)

    @tf.function(jit_compile=jit_compile, autograph=False)
    def compared(*arguments):
        return {
            name: [with_gradients(each, *arguments) for each in pair]
            for name, pair in functions.items()
        }

    for name, (expected, found) in compared(*arguments).items():
        for a, b in zip(expected, found, strict=True):
            assert_allclose(b, a, rtol=1e-5, atol=2e-5, err_msg=name)
        y = keras.activations.get(name)(layer(x))
        assert_allclose(found[0], y, atol=1e-5, err_msg=name)


@pytest.mark.parametrize(
    ("activation", "size"), [("relu", 4), ("elu", 4), ("relu", 3), ("relu", 1)]
)
def test_in_bfloat16_it_is_as_close_as_keras(activation, size):
    layers = [
        keras_layer(size, activation),
        keras_layer(size, activation, "mixed_bfloat16"),
        keras_layer(size, activation, "mixed_bfloat16", Conv2DTranspose),
    ]
    for layer in layers[1:]:
        layer.set_weights(layers[0].get_weights())
    x = tf.random.stateless_normal((8, 6, 7, 3), (0, 0))
    exact, theirs, ours = (tf.cast(layer(x), tf.float32).numpy() for layer in layers)
    assert layers[-1](x).dtype == tf.bfloat16
    assert np.abs(ours - exact).max() < 1.5 * np.abs(theirs - exact).max()


def test_a_decoder_trains_in_bfloat16_and_survives_a_file(tmp_path):
    x = np.random.default_rng(0).integers(0, 2, (64, 7, 10, 1)).astype("float32")
    encoder = networks.Conv((3, 4), hidden_units=(9,), dtype="mixed_bfloat16")
    model = VAE((7, 10, 1), 2, encoder=encoder, seed=0)
    model.compile(keras.optimizers.Adam(0.01))
    losses = model.fit(x, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    # Under the name of Keras' layer, so that weights saved with that one load.
    assert any(layer.name.startswith("conv2d_t") for layer in model.decoder.stack)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    z = np.zeros((2, 2), "float32")
    assert_array_equal(loaded.decode(z), model.decode(z))


def pattern_on_a_plain_image(layer):
    """How much one pixel differs from the next where the input is one colour.

    As a share of the size of the output; at the edges what lies outside is seen too.
    """
    y = layer(np.ones((1, 12, 12, 3), "float32")).numpy()
    inside = y[0, 8:-8, 8:-8]
    return max(np.abs(np.diff(inside, axis=axis)).max() for axis in (0, 1)) / y.std()


@pytest.mark.parametrize("size", [2, 3, 4, 5, 6, 7])
def test_it_starts_without_a_checkerboard(size):
    settings = {"strides": 2, "padding": "same", "data_format": "channels_last"}
    plain = Conv2DTranspose(8, size, **settings)
    smooth = Conv2DTranspose(8, size, kernel_initializer=smooth_kernel, **settings)
    assert pattern_on_a_plain_image(plain) > 0.5
    assert pattern_on_a_plain_image(smooth) < 1e-5
    # Of the size that Keras gives it, so that the signal's is kept.
    ratio = np.std(smooth.kernel) / np.std(plain.kernel)
    assert 0.4 < ratio < 1.3


@pytest.mark.parametrize("make", [networks.Conv, networks.ResNet])
def test_a_decoder_starts_without_a_checkerboard(make):
    for upsampling in ("transposed", "nearest", "bilinear"):
        arguments = {"num_blocks": 1} if make is networks.ResNet else {}
        network = make((4, 6), hidden_units=(5,), upsampling=upsampling, **arguments)
        decoder = network.mirror((96, 96, 3))
        decoder.build((None, 2))
        if upsampling != "transposed":  # With whatever weights.
            for weight in decoder.trainable_weights:
                weight.assign(tf.random.stateless_normal(weight.shape, (1, 2)))
        start = [isinstance(each, keras.layers.Reshape) for each in decoder.stack]
        y = np.ones((1, 24, 24, 6), "float32")
        for layer in decoder.stack[start.index(True) + 1 :]:
            y = layer(y).numpy()
        inside = y[0, 30:-30, 30:-30]
        for axis in (0, 1):
            assert np.abs(np.diff(inside, axis=axis)).max() < 1e-4 * np.abs(y).max()
