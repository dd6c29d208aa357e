"""Images are [H, W, C] here, whatever Keras' settings say."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from vae_zoo import VAE
from vae_zoo.components import distortions, networks

SHAPE = (7, 5, 3)
NETWORKS = [
    lambda: networks.MLP((6,)),
    lambda: networks.Conv((3, 4), hidden_units=(5,)),
    lambda: networks.ResNet((3,), num_blocks=1, hidden_units=(5,)),
    lambda: distortions.Distorted(networks.Conv((3,)), rotation=9.0, seed=0),
]


@pytest.fixture
def channels_first():
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format("channels_last")


@pytest.mark.parametrize("make", NETWORKS)
def test_a_config_is_one_function_whatever_keras_is_set_to(make, channels_first):
    x = np.random.default_rng(0).random((2, *SHAPE)).astype("float32")
    config = VAE(SHAPE, 2, encoder=make(), seed=0).get_config()
    found = VAE.from_config(config)
    keras.config.set_image_data_format("channels_last")
    expected = VAE.from_config(config)
    expected.set_weights(found.get_weights())
    reconstructions = expected.reconstruct(x)
    keras.config.set_image_data_format("channels_first")
    assert_allclose(found.reconstruct(x), reconstructions, atol=1e-6)


def test_a_preset_with_convolutions_loads(channels_first):
    model = VAE.from_preset("resnet_vae_mnist")
    images = model.sample(2, seed=0)
    keras.config.set_image_data_format("channels_last")
    expected = VAE.from_preset("resnet_vae_mnist").sample(2, seed=0)
    assert_allclose(images, expected, atol=1e-6)
