import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from numpy.testing import assert_allclose
from scipy import stats

from vae_zoo.distributions.multivariate_normal import (
    MultivariateNormalDiag,
    MultivariateNormalTriL,
)

tfd = tfp.distributions
RNG = np.random.default_rng(0)
LOC = RNG.normal(size=(3, 2, 4)).astype("float32")
TRIL = np.tril(RNG.normal(size=(3, 2, 4, 4))) / 2 + 0.7 * np.eye(4)
DIAG = np.exp(RNG.normal(size=(3, 2, 4))).astype("float32")


def pairs():
    """Each normal, TFP's own, and its covariances."""
    tril = TRIL.astype("float32")
    full = TRIL @ np.swapaxes(TRIL, -1, -2)
    diagonal = np.eye(4) * DIAG[..., None, :] ** 2
    yield MultivariateNormalTriL(LOC, tril), tfd.MultivariateNormalTriL, full
    yield MultivariateNormalDiag(LOC, DIAG), tfd.MultivariateNormalDiag, diagonal


def test_the_density_is_the_textbooks_for_any_batch():
    z = RNG.normal(size=(5, 3, 2, 4)).astype("float32")
    for p, kind, covariances in pairs():
        assert isinstance(p, kind)
        found = p.log_prob(z).numpy()
        assert_allclose(found, kind.log_prob(p, z), rtol=1e-5)
        for i, j in np.ndindex(3, 2):
            expected = stats.multivariate_normal(LOC[i, j], covariances[i, j])
            assert_allclose(found[:, i, j], expected.logpdf(z[:, i, j]), rtol=1e-4)


def test_draws_have_the_moments():
    for p, _, covariances in pairs():
        z = p.sample(20_000, seed=(1, 2)).numpy()
        assert z.shape == (20_000, 3, 2, 4)
        for i, j in np.ndindex(3, 2):
            largest = np.abs(covariances[i, j]).max()
            found = np.cov(z[:, i, j].T)
            assert_allclose(found, covariances[i, j], atol=5 * largest * 0.01)
            error = z[:, i, j].mean(axis=0) - LOC[i, j]
            assert np.abs(error).max() < 5 * (largest / len(z)) ** 0.5


def test_draws_are_differentiable_in_all_parameters():
    tril = TRIL.astype("float32")
    for kind, scale in ((MultivariateNormalDiag, DIAG), (MultivariateNormalTriL, tril)):

        def draw(loc, scale, kind=kind):
            return kind(loc, scale).sample(seed=(1, 2))

        analytic, numeric = tf.test.compute_gradient(draw, [LOC, scale], delta=0.1)
        for a, b in zip(analytic, numeric, strict=True):
            assert_allclose(a, b, atol=1e-3)
