"""Models of flows and pseudo-inputs on a server, and in files."""

import keras
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

import vae_zoo
from tests.serving.operations import foreign_operations
from tests.zoo_of_models import (
    IMAGES,
    SHAPE,
    flow_vae,
    trained,
    vamp_prior_vae,
)
from vae_zoo import VAE
from vae_zoo.components import networks, posteriors


def sylvester_vae():
    return VAE(
        SHAPE, 3, encoder=networks.MLP((8,)), posterior=posteriors.Sylvester(2, 2)
    )


@pytest.mark.parametrize(
    "make_model",
    [
        flow_vae,
        pytest.param(vamp_prior_vae, marks=pytest.mark.slow),
        pytest.param(sylvester_vae, marks=pytest.mark.slow),
    ],
)
def test_what_is_exported_is_the_model(make_model, tmp_path):
    model = trained(make_model)
    x, seeds = tf.constant(IMAGES[:3]), tf.constant([[1, 2], [3, 4], [5, 6]])
    folder = vae_zoo.export(model, tmp_path / "model", num_importance_samples=40)
    assert foreign_operations(folder) == set()
    served = tf.saved_model.load(str(folder)).signatures
    has_density = model.posterior_head.has_density
    assert ("impute" in served) == has_density
    assert "cluster" not in served
    answers = {
        "encode": served["encode"](inputs=x),
        "sample": served["sample"](seeds=seeds),
        "score": served["score"](inputs=x, seeds=seeds),
    }
    assert_allclose(answers["encode"]["latents"], model.encode(x), rtol=1e-4, atol=1e-5)
    expected = model.sample(3, seed=seeds)
    assert_allclose(answers["sample"]["outputs"], expected, rtol=1e-4, atol=1e-5)
    expected = model.log_marginal_likelihood(x, 40, seed=seeds)
    found = answers["score"]["log_marginal_likelihood"]
    assert_allclose(found, expected, rtol=1e-4)
    for row in range(3):
        own = slice(row, row + 1)
        alone = served["score"](inputs=x[own], seeds=seeds[own])
        for name, value in answers["score"].items():
            assert_allclose(alone[name], value[own], rtol=1e-4)
    model.save(tmp_path / "model.keras")
    for loaded in (
        type(model).from_preset(folder),
        keras.models.load_model(tmp_path / "model.keras"),
    ):
        assert loaded.get_config() == model.get_config()
        assert_allclose(loaded.elbo(x, seed=1), model.elbo(x, seed=1), rtol=1e-5)
        for a, b in zip(loaded.weights, model.weights, strict=True):
            assert_array_equal(a, b)
