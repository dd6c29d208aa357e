"""Priors that are densities of their own: flows and mixtures."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from tests.zoo_of_models import IMAGES, SHAPE
from vae_zoo import VAE
from vae_zoo.components import networks, priors
from vae_zoo.distributions.multivariate_normal import MultivariateNormalDiag

SIZE = 3


def values(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=shape), tf.float32)


def made(make, size=SIZE, change=0.4):
    """A prior with weights that are not those of its start."""
    prior = make()
    prior.build((size,))
    for number, weight in enumerate(prior.trainable_weights):
        weight.assign(weight + change * values(*weight.shape, seed=number))
    return prior


flow = functools.partial(made, lambda: priors.Flow(3, (8,)))
mixture = functools.partial(made, lambda: priors.MixtureDensity(4))
every_density = pytest.mark.parametrize("make", [flow, mixture])


def test_a_flow_is_standard_normal_at_first():
    prior, z = flow(change=0.0), values(4, SIZE)
    seed = tf.constant([1, 2])
    normal = MultivariateNormalDiag(tf.zeros(SIZE), tf.ones(SIZE))
    p = prior.distribution()
    assert_array_equal(p.log_prob(z), normal.log_prob(z))
    assert_array_equal(p.sample(4, seed=seed), normal.sample(4, seed=seed))


@pytest.mark.parametrize("size", [2, 5])
def test_a_flow_can_be_inverted(size):
    p, u = flow(size).distribution(), values(2, 4, size)
    z, log_det = p.forward(u)
    again, same = p.inverse(z)
    assert np.abs(z - u).max() > 0.1
    assert_allclose(again, u, rtol=1e-4, atol=1e-5)
    assert_allclose(same, log_det, rtol=1e-4, atol=1e-5)


def test_the_log_determinant_of_a_flow_is_that_of_its_jacobian():
    p, u = flow().distribution(), values(4, SIZE)
    with tf.GradientTape() as tape:
        tape.watch(u)
        z, log_det = p.forward(u)
    jacobian = tape.batch_jacobian(z, u).numpy().astype("float64")
    # Every element depends on every other.
    assert np.abs(jacobian).min(axis=0).min() > 1e-6
    assert_allclose(log_det, np.linalg.slogdet(jacobian)[1], rtol=1e-4, atol=1e-5)


@every_density
def test_a_density_on_the_plane_integrates_to_one(make):
    ticks = np.linspace(-12, 12, 401)
    grid = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    # Not so far from the start that it has tails beyond the grid.
    p = make(2, change=0.2).distribution()
    density = np.exp(p.log_prob(tf.constant(grid, tf.float32)))
    assert_allclose(np.sum(density) * (ticks[1] - ticks[0]) ** 2, 1, rtol=1e-3)


@every_density
def test_draws_have_the_density(make):
    p = make(2).distribution()
    drawn = p.sample(40_000, seed=tf.constant([1, 2]))
    # Of the square around the origin, by the density and by the draws.
    ticks = np.linspace(-1, 1, 101)[:-1] + 0.01
    grid = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    share = np.mean(np.exp(p.log_prob(tf.constant(grid, tf.float32)))) * 4
    found = np.mean(np.abs(drawn).max(axis=1) < 1)
    assert abs(found - share) < 5 * (share / 40_000) ** 0.5
    assert 0.05 < share < 0.9


@every_density
def test_a_prior_is_the_same_function_from_its_config(make):
    prior, z = make(), values(4, SIZE)
    other = type(prior).from_config(prior.get_config())
    assert other.get_config() == prior.get_config()
    other.build((SIZE,))
    other.set_weights(prior.get_weights())
    found, expected = (each.distribution().log_prob(z) for each in (other, prior))
    assert_array_equal(found, expected)


def test_a_mixture_density_has_no_clusters():
    prior = priors.MixtureDensity(4)
    model = VAE(SHAPE, SIZE, encoder=networks.MLP((8,)), prior=prior)
    assert model.num_clusters is None
    assert "cluster" not in model.signatures()
    assert not model.make_metrics()
    assert {*model.predict(IMAGES[:2], verbose=0)} == {
        *("latents", "reconstructions", "elbo", "log_likelihood", "kl")
    }
    with pytest.raises(ValueError, match="Clusters must be those of a mixture"):
        model.cluster_probabilities(IMAGES[:2])
