"""A linear VAE is probabilistic PCA, of which everything is known in closed form."""

import keras
import numpy as np
import pytest
import sklearn.datasets
from numpy.testing import assert_allclose
from scipy.stats import multivariate_normal

from vae_zoo import VAE
from vae_zoo.components import likelihoods, posteriors


def linear_vae(dim, latent_dim, likelihood):
    return VAE(
        (dim,),
        latent_dim,
        encoder=keras.layers.Identity(),
        decoder=keras.layers.Identity(),
        posterior=posteriors.FullCovarianceNormal(),
        likelihood=likelihood,
        seed=0,
    )


def moments(model):
    """The exact marginal N(b, W W^T + s^2 I) of a linear VAE."""
    dense = model.likelihood_head.loc.dense
    w, b = np.array(dense.kernel, np.float64), np.array(dense.bias, np.float64)
    scale = model.likelihood_head(np.zeros((1, model.latent_dim)))["scale"].numpy()
    return b, w.T @ w + scale.astype(np.float64) ** 2 * np.eye(len(b)), w, scale


@pytest.fixture(scope="module")
def small():
    """A trained linear VAE, its data, and its exact marginal."""
    keras.utils.set_random_seed(3)
    rng = np.random.default_rng(0)
    w = rng.normal(size=(2, 5))
    x = rng.normal(size=(1000, 2)) @ w + 0.7 * rng.normal(size=(1000, 5)) + 1
    x = x.astype("float32")
    model = linear_vae(5, 2, likelihoods.Normal(0.7))
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(x, epochs=30, batch_size=50, verbose=0)
    mean, covariance, *_ = moments(model)
    return model, x[:6], mean, covariance


def test_every_sample_weighs_the_same_under_the_exact_posterior(small):
    # log p(x,z) - log q(z|x) is log p(x) for EVERY z if q is the true posterior.
    model, x, mean, covariance = small
    _, _, w, scale = moments(model)
    precision = np.eye(2) + w @ w.T / scale**2
    location = np.linalg.solve(precision, w @ (x - mean).T).T / scale**2
    z = np.random.default_rng(1).normal(size=(6, 2)).astype("float32")
    log_q = [
        multivariate_normal(m, np.linalg.inv(precision)).logpdf(row)
        for m, row in zip(location, z, strict=True)
    ]
    log_weights = model.likelihood(z).log_prob(x) + model.prior().log_prob(z) - log_q
    exact = multivariate_normal(mean, covariance).logpdf(x)
    assert_allclose(log_weights, exact, atol=1e-4)


def test_the_importance_sampled_likelihood_is_the_gaussian_marginal(small):
    model, x, mean, covariance = small
    exact = multivariate_normal(mean, covariance).logpdf(x)
    draws = np.stack(
        [model.log_marginal_likelihood(x, 20_000, seed=seed) for seed in range(10)]
    )
    error = draws.std(0, ddof=1) / 10**0.5
    assert (error < 0.05).all()
    assert (np.abs(draws.mean(0) - exact) < 5 * error + 1e-4).all()


def test_imputation_has_the_conditional_mean_and_variance(small):
    model, x, mean, covariance = small
    mask = np.array([1, 1, 1, 0, 0], "float32")
    seen, missing = slice(0, 3), slice(3, 5)
    gain = covariance[missing, seen] @ np.linalg.inv(covariance[seen, seen])
    expected = mean[missing] + gain @ (x[0, seen] - mean[seen])
    variance = covariance[missing, missing] - gain @ covariance[seen, missing]
    copies = np.repeat(x[:1], 4000, axis=0)
    drawn = model.impute(copies, np.repeat(mask[None], 4000, axis=0), 200, seed=0)
    drawn = drawn.numpy()[:, missing]
    error = np.sqrt(np.diag(variance) / len(drawn))
    assert (np.abs(drawn.mean(0) - expected) < 5 * error).all()
    assert_allclose(
        np.cov(drawn.T), variance, atol=5 * variance.max() * (2 / 4000) ** 0.5
    )


def test_a_linear_vae_reaches_the_likelihood_of_probabilistic_pca():
    x = (sklearn.datasets.load_digits().data / 16).astype("float32")
    latent_dim = 8
    count, dim = x.shape
    eigenvalues = np.sort(np.linalg.eigvalsh(np.cov(x.T, bias=True)))[::-1]
    noise = eigenvalues[latent_dim:].mean()
    log_determinant = np.log(eigenvalues[:latent_dim]).sum()
    log_determinant += (dim - latent_dim) * np.log(noise)
    # Tipping & Bishop 1999, equation 8: the maximum over W, b and the noise.
    maximum = -0.5 * (dim * np.log(2 * np.pi) + log_determinant + dim)

    model = linear_vae(dim, latent_dim, likelihoods.Normal())
    epochs, batch_size = 40, 100
    rate = keras.optimizers.schedules.CosineDecay(0.02, epochs * count // batch_size)
    model.compile(keras.optimizers.Adam(rate))
    model.fit(x, epochs=epochs, batch_size=batch_size, verbose=0)
    elbo = np.mean([model.elbo(x, seed=seed) for seed in range(5)])
    mean, covariance, *_ = moments(model)
    reached = multivariate_normal(mean, covariance).logpdf(x).mean()
    assert maximum - 0.5 < reached <= maximum + 1e-3
    assert maximum - 0.5 < elbo <= reached + 0.05
