"""A posterior with two modes of which q knows one."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.stats import norm

from vae_zoo import VAE
from vae_zoo.components import likelihoods
from vae_zoo.evaluation import (
    annealed_marginal_likelihood,
    hamiltonian_marginal_likelihood,
    marginal_likelihood,
)
from vae_zoo.models.proposal import DefensiveProposal

X, SCALE = 2.0, 0.3


@pytest.fixture(scope="module")
def model():
    """x = z^2 + noise: p(z|x = 2) is near +-sqrt(2), q(z|x) near +sqrt(2) alone."""
    square = keras.layers.Lambda(tf.square, output_shape=(1,))
    model = VAE(
        (1,),
        1,
        encoder=keras.layers.Identity(),
        decoder=square,
        likelihood=likelihoods.Normal(SCALE),
        seed=0,
    )
    model.likelihood_head.loc.dense.set_weights([np.ones((1, 1)), np.zeros(1)])
    head = model.posterior_head
    head.loc.dense.set_weights([np.zeros((1, 1)), np.full(1, 2**0.5)])
    head.raw_scale.dense.set_weights([np.zeros((1, 1)), np.full(1, np.log(0.11))])
    return model


@pytest.fixture(scope="module")
def exact():
    density = quad(
        lambda z: norm.pdf(X, z**2, SCALE) * norm.pdf(z), -6, 6, points=(-1.4, 1.4)
    )
    return np.log(density[0])


@pytest.fixture(scope="module")
def data():
    x = np.full((20, 1), X, "float32")
    return tf.data.Dataset.from_tensor_slices(x).batch(10)


def test_draws_of_q_alone_miss_half(model, data, exact):
    found = marginal_likelihood(model, data, 500)["log_marginal_likelihood"]
    # They do not tell: by their own error this is a precise estimate.
    assert_allclose(found.mean, exact - np.log(2), atol=5 * found.sampling_error)
    assert found.sampling_error < 0.05
    annealed = annealed_marginal_likelihood(
        model, data, 20, num_chains=20, prior_share=0.0
    )
    assert_allclose(annealed.mean, exact - np.log(2), atol=0.1)


def test_with_draws_of_the_prior_all_three_are_exact(model, data, exact):
    importance = marginal_likelihood(model, data, 500, prior_share=0.3)
    for found in (
        importance["log_marginal_likelihood"],
        annealed_marginal_likelihood(model, data, 20, num_chains=40),
        hamiltonian_marginal_likelihood(model, data, 1000),
    ):
        assert found.sampling_error < 0.05
        assert abs(found.mean - exact) < 4 * found.sampling_error


def test_the_mixture_has_the_share_and_the_density(model):
    x = tf.fill([3, 1], X)
    inputs, features = model.as_inputs(x), model.features(x)
    q, prior = model.posterior(x), model.prior()
    proposal = DefensiveProposal(model, inputs, features, 10, 0.3)
    assert proposal.sizes == (7, 3)
    z = proposal.sample(tf.constant([1, 2])).z["z"]
    assert z.shape == (10, 3, 1)
    expected = np.log(0.7 * q.prob(z) + 0.3 * prior.prob(z))
    assert_allclose(proposal.log_prob({"z": z}), expected, rtol=1e-5)
    # Without the prior it is q, draw by draw.
    alone = DefensiveProposal(model, inputs, features, 10, 0.0)
    drawn = alone.sample(tf.constant([1, 2])).z["z"]
    assert_allclose(drawn, q.sample(10, seed=(1, 2)))
    assert_allclose(alone.log_prob({"z": z}), q.log_prob(z))


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_shares_outside_of_the_interval_are_named(model, data, share):
    for call in (
        lambda: marginal_likelihood(model, data, 5, prior_share=share),
        lambda: annealed_marginal_likelihood(model, data, 5, prior_share=share),
    ):
        with pytest.raises(ValueError, match="`prior_share` must lie in"):
            call()
