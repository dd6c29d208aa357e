import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm

from tests.small_mixtures import bent
from vae_zoo.distributions import MixtureOfNormals, marginal_quantiles

tfd = tfp.distributions
SHARES = (np.arange(8) + 0.5) / 8


def test_those_of_normals_are_exact():
    loc, scale = np.array([1.0, -2.0]), np.array([[3.0, 0.0], [1.5, 2.0]])
    p = tfd.MultivariateNormalTriL(
        loc.astype("float32"), tf.constant(scale, tf.float32)
    )
    expected = norm(loc, np.sqrt([9, 1.5**2 + 4])).ppf(SHARES[:, None])
    assert_allclose(marginal_quantiles(p, SHARES), expected, rtol=1e-5)


def test_a_mixture_has_the_same_probability_between_neighbours():
    weights = np.array([0.5, 0.3, 0.2])
    loc = np.array([[0.0, 4.0], [1.0, -3.0], [-5.0, 0.0]])
    scale = np.array([[1.0, 0.2], [0.3, 2.0], [1.0, 1.0]])
    p = MixtureOfNormals(
        *(tf.constant(value, tf.float32) for value in (np.log(weights), loc, scale))
    )
    quantiles = marginal_quantiles(p, SHARES).numpy()
    shares = (weights[:, None] * norm.cdf(quantiles[:, None], loc, scale)).sum(axis=1)
    # Five standard errors of a share among a hundred thousand draws.
    expected = np.broadcast_to(SHARES[:, None], shares.shape)
    assert_allclose(shares, expected, atol=5 * np.sqrt(0.25 / 100_000))


def test_a_prior_to_draw_from_is_enough():
    p = bent().prior()
    quantiles = marginal_quantiles(p, SHARES).numpy()
    assert_array_equal(quantiles, marginal_quantiles(p, SHARES))
    below = p.sample(20_000, seed=(5, 6)).numpy() < quantiles[:, None]
    expected = np.broadcast_to(SHARES[:, None], (8, 2))
    assert_allclose(below.mean(axis=1), expected, atol=5 * np.sqrt(0.25 / 20_000))
