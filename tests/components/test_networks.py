import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from vae_zoo import VAE
from vae_zoo.components import convolutional, networks

SHAPES = [(13,), (1,), (28, 20), (7, 5, 3), (8, 8, 1)]
NETWORKS = [
    lambda: networks.MLP((12, 6), activation="elu", gated=True, dropout_rate=0.1),
    lambda: networks.Conv((3, 4), hidden_units=(9,), kernel_size=3),
    lambda: networks.ResNet((3, 4), num_blocks=1, hidden_units=(9,), activation="elu"),
    lambda: networks.ResNet((3,), dropout_rate=0.2, decoder_dropout_rate=0.1),
    lambda: networks.Conv((3, 4), hidden_units=(9,), upsampling="nearest"),
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("make", NETWORKS)
def test_every_network_takes_every_shape(make, shape):
    model = VAE(shape, 2, encoder=make())
    x = np.random.default_rng(0).random((3, *shape)).astype("float32")
    assert model.decode(model.encode(x)).shape == x.shape
    features = model.encoder(x)
    assert model.encoder.compute_output_shape((None, *shape)) == (
        None,
        *features.shape[1:],
    )


def test_a_convolutional_decoder_shares_weights_across_positions():
    # The likelihood's projection is one for all pixels, not one for each.
    model = VAE((9, 7, 2), 2, encoder=networks.Conv((4,), hidden_units=(5,)))
    assert model.likelihood_head.count_params() == 4 * 2 + 2


def test_a_mirror_runs_the_encoder_backwards():
    encoder = networks.MLP((12, 6), activation="tanh", dropout_rate=0.5)
    mirror = encoder.mirror((13,))
    mirror.build((None, 2))
    units = [layer.units for layer in mirror.stack]
    assert units == [6, 12]
    assert [layer.activation.__name__ for layer in mirror.stack] == ["tanh"] * 2


def test_a_gate_lets_a_share_of_each_unit_through():
    encoder = networks.MLP((4,), activation="tanh", gated=True)
    x = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    found = encoder(x)
    kernel, bias = encoder.get_weights()
    through, gate = np.split(x @ kernel + bias, 2, axis=1)
    assert_allclose(found, np.tanh(through) / (1 + np.exp(-gate)), rtol=1e-5)
    again = networks.MLP.from_config(encoder.get_config())
    again.build((None, 3))
    again.set_weights(encoder.get_weights())
    assert_array_equal(again(x), found)


@pytest.mark.parametrize("make", [networks.MLP, networks.Conv, networks.ResNet])
def test_encoder_and_decoder_drop_units_in_training_at_rates_of_their_own(make):
    x = np.ones((64, 8, 8, 1), "float32")

    def differ(layer, inputs):
        once, twice = (layer(inputs, training=True).numpy() for _ in range(2))
        assert_array_equal(layer(inputs), layer(inputs, training=False))
        return bool((once != twice).any())

    for rates in ((0.5, 0.0), (0.0, 0.5)):
        encoder = make(
            (4, 4),
            activation="elu",
            dropout_rate=rates[0],
            decoder_dropout_rate=rates[1],
        )
        decoder = encoder.mirror((8, 8, 1))
        z = np.ones((64, 3), "float32")
        assert (differ(encoder, x), differ(decoder, z)) == (rates[0] > 0, rates[1] > 0)


def test_a_residual_block_drops_units():
    block = convolutional.ResidualBlock(4, dropout_rate=0.5)
    x = np.random.default_rng(0).normal(size=(2, 5, 5, 4)).astype("float32")
    block(x)
    block.second.kernel.assign(np.ones(block.second.kernel.shape, "float32"))
    once, twice = (block(x, training=True).numpy() for _ in range(2))
    assert (once != twice).any()
    assert_array_equal(block(x), block(x))


def test_a_residual_block_starts_as_the_identity():
    block = convolutional.ResidualBlock(4)
    x = np.random.default_rng(0).normal(size=(2, 5, 5, 4)).astype("float32")
    assert_array_equal(block(x), x)


@pytest.mark.parametrize("make", NETWORKS)
def test_configs_survive(make):
    network = make().mirror((7, 5, 3))
    config = keras.saving.serialize_keras_object(network)
    again = keras.saving.deserialize_keras_object(config)
    assert keras.saving.serialize_keras_object(again) == config
    assert again.compute_output_shape((None, 2)) == network.compute_output_shape(
        (None, 2)
    )


def test_foreign_layers_serve_as_networks(binary_images):
    encoder = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(4)])
    model = VAE((6, 5, 1), 2, encoder=encoder)
    model.compile("adam")
    model.fit(binary_images, verbose=0)
    assert model.encode(binary_images).shape == (32, 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: networks.MLP((5, 0)), r"`hidden_units` must be.*\(5, 0\)"),
        (lambda: networks.MLP((5,), dropout_rate=1.0), "`dropout_rate` must lie"),
        (
            lambda: networks.ResNet(decoder_dropout_rate=-0.1),
            "`decoder_dropout_rate` must lie",
        ),
        (lambda: networks.MLP(256), r"such as \(256,\). Received: hidden_units=256"),
        (lambda: networks.MLP("256"), "`hidden_units` must be.*hidden_units='256'"),
        (lambda: networks.MLP(("5",)), "`hidden_units` must be a sequence of positive"),
        (lambda: networks.MLP((True,)), "`hidden_units` must be"),
        (lambda: networks.MLP((5,), dropout_rate="0.1"), "`dropout_rate` must.*'0.1'"),
        (lambda: networks.MLP((5,), dropout_rate=np.nan), "`dropout_rate` must lie"),
        (lambda: networks.MLP((5,), activation="rleu"), "`activation` must.*'rleu'"),
        (lambda: networks.MLP((5,), activation=3), "`activation` must.*activation=3"),
        (lambda: networks.MLP((5,), activation=keras.layers.ReLU), "the class ReLU"),
        (lambda: networks.MLP((5,), activation="glu"), "keeps the shape.*'glu'"),
        (lambda: networks.MLP((5,), gated=1), "`gated` must be True or False"),
        (lambda: networks.Conv((2.5,)), "`filters` must be"),
        (lambda: networks.Conv(()), "`filters` must be a sequence of one or more"),
        (lambda: networks.Conv(32), r"`filters` must be.*such as \(32,\)"),
        (lambda: networks.Conv(kernel_size=(3, 3)), "`kernel_size` must be an integer"),
        (lambda: networks.Conv(upsampling="cubic"), "`upsampling` must be one of"),
        (lambda: networks.ResNet(num_blocks=-1), "`num_blocks` must be"),
        (lambda: networks.ResNet(num_blocks=1.5), "`num_blocks` must be"),
        (lambda: networks.MLP((5,)).mirror(3), "`target_shape` must be"),
        (lambda: convolutional.ResidualBlock("8"), "`filters` must be an integer"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
