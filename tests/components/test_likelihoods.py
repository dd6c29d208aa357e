import numpy as np
import pytest
import scipy.special
import scipy.stats
from numpy.testing import assert_allclose

from vae_zoo.components import likelihoods
from vae_zoo.components.heads import build_head

FEATURES = np.random.default_rng(0).normal(size=(3, 7)).astype("float32")
SHAPE = (4, 2)


def built(likelihood):
    build_head(likelihood, (None, 7), SHAPE)
    parameters = likelihood(FEATURES)
    distribution = likelihood.distribution(**parameters)
    assert distribution.batch_shape == (3,)
    assert distribution.event_shape == SHAPE
    return {k: v.numpy().astype("float64") for k, v in parameters.items()}, distribution


def test_bernoulli_log_prob_is_the_sum_over_elements():
    parameters, distribution = built(likelihoods.Bernoulli())
    x = (np.random.default_rng(1).random((3, *SHAPE)) < 0.5).astype("float32")
    p = scipy.special.expit(parameters["logits"])
    expected = scipy.stats.bernoulli(p).logpmf(x).sum((1, 2))
    assert_allclose(distribution.log_prob(x), expected, rtol=1e-5)
    assert_allclose(distribution.mean(), p, rtol=1e-5)


def test_continuous_bernoulli_is_normalized():
    parameters, distribution = built(likelihoods.ContinuousBernoulli())
    # An independent integral of exp(log p) over [0, 1], element by element.
    nodes, weights = np.polynomial.legendre.leggauss(64)
    nodes, weights = (nodes + 1) / 2, weights / 2
    element = distribution.distribution
    density = np.stack([element.prob(np.full((3, *SHAPE), n, "f")) for n in nodes])
    assert_allclose(np.tensordot(weights, density, 1), 1, rtol=1e-5)
    mean = np.tensordot(weights * nodes, density, 1)
    assert_allclose(distribution.mean(), mean, rtol=1e-4)


def test_a_head_belongs_to_one_model():
    likelihood = likelihoods.Bernoulli()
    build_head(likelihood, (None, 7), SHAPE)
    build_head(likelihood, (None, 7), SHAPE)
    with pytest.raises(ValueError, match="already belongs to a model"):
        build_head(likelihood, (None, 8), SHAPE)
