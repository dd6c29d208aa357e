import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from tests.laws.test_linear_vae import linear_vae, moments
from vae_zoo import VAE, HypersphericalVAE
from vae_zoo.components import likelihoods, networks, priors
from vae_zoo.evaluation import latent_usage


def batches(x):
    return tf.data.Dataset.from_tensor_slices(x).batch(700)


@pytest.fixture(scope="module")
def gaussian():
    """A linear VAE with the exact posterior's mean; one latent of three is not used."""
    keras.utils.set_random_seed(0)
    model = linear_vae(5, 3, likelihoods.Normal(0.5))
    rng = np.random.default_rng(0)
    weights = 0.8 * rng.normal(size=(3, 5))
    weights[2] = 0
    model.likelihood_head.loc.dense.kernel.assign(weights)
    mean, covariance, w, scale = moments(model)
    precision = np.eye(3) + w @ w.T / scale**2
    head = model.posterior_head
    head.loc.dense.kernel.assign((np.linalg.inv(precision) @ w / scale**2).T)
    head.loc.dense.bias.assign(-np.linalg.inv(precision) @ w @ mean / scale**2)
    for projection in (head.raw_diagonal, head.below_diagonal):
        projection.dense.kernel.assign(0 * projection.dense.kernel)
    return model, covariance, rng


def test_a_gaussian_channel_has_the_information_of_the_closed_form(gaussian):
    model, covariance, rng = gaussian
    x = rng.multivariate_normal(np.zeros(5), covariance, 4000).astype("float32")
    q = model.posterior(x[:1])
    usage = latent_usage(model, batches(x), num_examples=4000)
    # I(x; z) of a Gaussian posterior with mean A x and covariance S.
    a = np.array(model.posterior_head.loc.dense.kernel, np.float64).T
    own = np.array(q.covariance()[0], np.float64)
    total = a @ covariance @ a.T + own
    exact = 0.5 * (np.linalg.slogdet(total)[1] - np.linalg.slogdet(own)[1])
    error = usage.mutual_information.standard_error
    assert error < 0.05
    assert abs(usage.mutual_information.mean - exact) < 4 * error + 0.02
    gap = 0.5 * (np.trace(total) - 3 - np.linalg.slogdet(total)[1])
    assert (
        abs(usage.aggregate_gap.mean - gap)
        < 4 * usage.aggregate_gap.standard_error + 0.02
    )
    assert_allclose(usage.variances, np.diag(a @ np.cov(x.T) @ a.T), rtol=1e-3)
    assert usage.num_active == 2
    assert usage.order()[-1] == 2
    assert usage.kl_per_dimension is None
    assert not usage.is_collapsed


def test_information_and_gap_add_up_to_the_kl():
    keras.utils.set_random_seed(0)
    model = VAE((6, 5, 1), 4, encoder=networks.MLP((16,)), seed=0)
    x = np.random.default_rng(0).random((1500, 6, 5, 1)).astype("float32")
    usage = latent_usage(model, batches(x))
    kl = model.elbo_terms(x)["kl"].numpy().mean()
    assert_allclose(sum(usage.kl_per_dimension), kl, rtol=1e-4)
    parts = (usage.mutual_information, usage.aggregate_gap)
    error = np.sqrt(sum(part.standard_error**2 for part in parts))
    assert abs(sum(part.mean for part in parts) - kl) < 4 * error
    assert usage.mutual_information.mean < np.log(1500)
    assert usage.mutual_information.num_examples == 1500


def test_a_collapsed_posterior_is_told():
    model = VAE((4,), 3, encoder=networks.MLP((4,)), seed=0)
    for weight in model.posterior_head.weights:
        weight.assign(0 * weight)
    x = np.random.default_rng(0).random((300, 4)).astype("float32")
    with pytest.warns(UserWarning, match="The posterior has collapsed"):
        usage = latent_usage(model, batches(x))
    assert usage.is_collapsed
    assert abs(usage.mutual_information.mean) < 1e-4


def test_on_a_sphere_variances_are_relative_to_the_uniform_ones():
    model = HypersphericalVAE((4,), 5, encoder=keras.layers.Identity(), seed=0)
    x = np.random.default_rng(0).normal(size=(1000, 4)).astype("float32")
    x = 1 / (1 + np.exp(-x))
    usage = latent_usage(model, batches(x))
    mean = np.asarray(model.posterior(x).mean())
    assert_allclose(usage.variances, 5 * mean.var(axis=0), rtol=1e-4)
    assert usage.kl_per_dimension is None


def test_mixtures_are_measured_too():
    prior = priors.MixtureOfNormals(3, initialization=None)
    model = VAE((4,), 3, encoder=networks.MLP((4,)), prior=prior, seed=0)
    x = np.random.default_rng(0).random((300, 4)).astype("float32")
    usage = latent_usage(model, batches(x), num_examples=200)
    assert usage.mutual_information.num_examples == 200
    assert np.isfinite(usage.aggregate_gap.mean)


def test_one_example_is_too_few():
    model = VAE((4,), 3)
    with pytest.raises(ValueError, match="`num_examples` must be an integer >= 2"):
        latent_usage(model, batches(np.zeros((5, 4))), num_examples=1)
