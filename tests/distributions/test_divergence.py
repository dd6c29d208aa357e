import numpy as np
import pytest
import tensorflow_probability as tfp

from vae_zoo.distributions import kl_divergence
from vae_zoo.distributions.multivariate_normal import (
    MultivariateNormalDiag,
    MultivariateNormalTriL,
)

tfd = tfp.distributions
RNG = np.random.default_rng(0)


def diagonal(dim):
    loc = RNG.normal(size=(4, dim)).astype("float32")
    scale = RNG.uniform(0.1, 2, size=(4, dim)).astype("float32")
    return MultivariateNormalDiag(loc, scale)


def triangular(dim):
    loc = RNG.normal(size=(4, dim)).astype("float32")
    scale = np.tril(RNG.normal(size=(4, dim, dim))) * 0.5 + np.eye(dim)
    scale[:, range(dim), range(dim)] = RNG.uniform(0.1, 2, size=(4, dim))
    return MultivariateNormalTriL(loc, scale.astype("float32"))


@pytest.mark.parametrize("make", [diagonal, triangular])
@pytest.mark.parametrize("dim", [1, 3, 20])
def test_the_closed_form_is_the_monte_carlo_estimate(make, dim):
    q = make(dim)
    p = MultivariateNormalDiag(np.zeros(dim, "float32"), np.ones(dim, "float32"))
    closed = kl_divergence(q, p, None).numpy()
    z = q.sample(20_000, seed=(1, 2))
    estimates = (q.log_prob(z) - p.log_prob(z)).numpy()
    error = estimates.std(0, ddof=1) / len(estimates) ** 0.5
    assert (closed >= 0).all()
    assert (np.abs(closed - estimates.mean(0)) < 5 * error + 1e-5).all()


@pytest.mark.parametrize("make", [diagonal, triangular])
def test_samples_have_the_mean_and_covariance_of_their_distribution(make):
    q = make(3)
    z = q.sample(40_000, seed=(4, 5)).numpy()
    error = q.stddev().numpy() / len(z) ** 0.5
    assert (np.abs(z.mean(0) - q.mean().numpy()) < 5 * error).all()
    covariance = q.covariance().numpy()
    for index, expected in enumerate(covariance):
        received = np.cov(z[:, index].T)
        scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)) + expected**2)
        assert (np.abs(received - expected) < 5 * scale / len(z) ** 0.5).all()


def test_without_a_closed_form_the_sample_is_used():
    q = diagonal(2)
    p = tfd.MixtureSameFamily(
        tfd.Categorical(probs=[0.3, 0.7]),
        tfd.MultivariateNormalDiag(np.eye(2, dtype="float32"), np.ones((2, 2), "f")),
    )
    z = q.sample(seed=(1, 2))
    expected = q.log_prob(z) - p.log_prob(z)
    np.testing.assert_array_equal(kl_divergence(q, p, z), expected)


def test_other_event_shapes_are_refused():
    with pytest.raises(ValueError, match="same event shape.*2.*3"):
        kl_divergence(diagonal(2), diagonal(3), None)
