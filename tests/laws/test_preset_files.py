"""Every preset is the function that its own SavedModel computes."""

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from vae_zoo import VAE
from vae_zoo.serving import weights
from vae_zoo.zoo import presets

# One of each family and the one with convolutions; the others run with `pytest -m ""`.
FIRST = ("vae_digits", "gaussian_mixture_vae_mnist", "hyperspherical_vae_mnist")


def examples(model, count=3):
    rng = np.random.default_rng(0)
    return (rng.random((count, *model.input_shape)) < 0.3).astype("float32")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in FIRST else pytest.mark.slow)
        for name in sorted(VAE.presets)
    ],
)
def test_a_preset_is_its_own_saved_model(name):
    model = VAE.from_preset(name)
    served = tf.saved_model.load(str(presets.root() / name / "1")).signatures
    # Eager code and graphs round differently, by the precision of the networks.
    is_float32 = model.encoder.compute_dtype == "float32"
    near = {"rtol": 1e-4, "atol": 1e-4} if is_float32 else {"rtol": 0.02, "atol": 0.02}
    x, seeds = examples(model), tf.constant([[1, 2], [3, 4], [5, 6]])
    answer = served["serving_default"](inputs=tf.constant(x))
    assert_allclose(answer["latents"], model.encode(x), **near)
    reconstructions = model.reconstruct(x)
    assert_allclose(answer["reconstructions"], reconstructions, **near)
    samples = served["sample"](seeds=seeds)["outputs"]
    assert_allclose(samples, model.sample(3, seed=seeds), **near)
    if model.num_clusters:
        expected = model.cluster_probabilities(x)
        found = served["cluster"](inputs=tf.constant(x))["probabilities"]
        assert_allclose(found, expected, **near)


@pytest.mark.parametrize("name", sorted(VAE.presets))
def test_a_preset_stores_the_names_of_its_weights(name):
    names = VAE.presets[name]["weights"]
    assert names == weights.weight_names(VAE.from_preset(name))
    assert len(set(names)) == len(names)
