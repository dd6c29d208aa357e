import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from vae_zoo import VAE
from vae_zoo.components import networks
from vae_zoo.components.transposed_convolution import Conv2DTranspose, stretched


def keras_layer(
    size, activation=None, dtype="float32", make=keras.layers.Conv2DTranspose
):
    made = make(5, size, strides=2, padding="same", activation=activation, dtype=dtype)
    made.build((None, 6, 7, 3))
    made.bias.assign(np.random.default_rng(0).normal(size=5))
    return made


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("activation", [None, "relu"])
@pytest.mark.parametrize("size", [2, 3, 4, 5, 6, 7])
def test_it_is_keras_transposed_convolution(size, activation, jit_compile):
    layer = keras_layer(size, activation)
    x = tf.random.stateless_normal((2, 6, 7, 3), (size, 0))
    weights = layer.kernel.value, layer.bias.value

    @tf.function(jit_compile=jit_compile)
    def with_gradients(function):
        arguments = [tf.identity(each) for each in (x, *weights)]
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            y = function(*arguments)
            loss = tf.reduce_sum(tf.sin(y))
        return y, *tape.gradient(loss, arguments)

    def expected(x, kernel, bias):
        y = tf.nn.conv2d_transpose(x, kernel, (2, 12, 14, 5), 2) + bias
        return layer.activation(y)

    found = with_gradients(lambda *a: stretched(*a, has_relu=activation == "relu"))
    assert_allclose(found[0], layer(x), atol=1e-5)
    for a, b in zip(found, with_gradients(expected), strict=True):
        assert_allclose(a, b, rtol=1e-5, atol=2e-5)


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
