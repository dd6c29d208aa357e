import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from numpy.testing import assert_allclose
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from vae_zoo.distributions import Marginal, MixtureOfNormals
from vae_zoo.distributions.mixture_of_normals import unmixed
from vae_zoo.distributions.multivariate_normal import MultivariateNormalDiag

WEIGHTS = np.array([0.2, 0.5, 0.3])
LOC = np.array([[0.0, 1.0], [3.0, -1.0], [-2.0, 0.5]], np.float32)
FACTORS = np.array(
    [[[1.0, 0.0], [0.7, 0.5]], [[0.3, 0.0], [-0.4, 2.0]], [[0.8, 0.0], [0.0, 0.9]]],
    np.float32,
)


def mixture():
    scale, unmixing = unmixed(tf.constant(FACTORS))
    logits = tf.constant(np.log(WEIGHTS) + 2.0, tf.float32)
    return MixtureOfNormals(logits, tf.constant(LOC), scale, unmixing)


def log_joint(z):
    """log p(c) p(z|c) in double precision, by SciPy."""
    parts = [
        np.log(weight) + multivariate_normal(loc, factor @ factor.T).logpdf(z)
        for weight, loc, factor in zip(WEIGHTS, LOC, FACTORS.astype(float), strict=True)
    ]
    return np.stack(parts, axis=-1)


def test_the_density_sums_over_the_components():
    z = np.random.default_rng(0).normal(size=(50, 2)).astype("float32") * 3
    expected = log_joint(z)
    assert_allclose(mixture().log_joint(z), expected, rtol=1e-4, atol=1e-4)
    total = logsumexp(expected, axis=-1)
    assert_allclose(mixture().log_prob(z), total, rtol=1e-4, atol=1e-4)


def test_without_unmixing_it_is_tfps_mixture_of_diagonal_normals():
    scale = tf.constant([[0.5, 1.0], [2.0, 0.1], [1.0, 1.0]])
    logits = tf.constant([0.3, -1.0, 0.2])
    ours = MixtureOfNormals(logits, tf.constant(LOC), scale)
    theirs = tfp.distributions.MixtureSameFamily(
        tfp.distributions.Categorical(logits=logits),
        tfp.distributions.MultivariateNormalDiag(LOC, scale),
    )
    z = np.random.default_rng(1).normal(size=(50, 2)).astype("float32")
    assert_allclose(ours.log_prob(z), theirs.log_prob(z), rtol=1e-4, atol=1e-4)


def test_samples_have_the_moments_of_the_mixture():
    count = 20_000
    z = mixture().sample(count, seed=(1, 2)).numpy()
    mean = WEIGHTS @ LOC
    second = sum(
        weight * (factor @ factor.T + np.outer(loc, loc))
        for weight, loc, factor in zip(WEIGHTS, LOC, FACTORS, strict=True)
    )
    covariance = second - np.outer(mean, mean)
    error = np.sqrt(np.diag(covariance) / count)
    assert (np.abs(z.mean(axis=0) - mean) < 5 * error).all()
    products = (z - mean)[:, :, None] * (z - mean)[:, None, :]
    error = products.std(axis=0) / count**0.5
    assert (np.abs(products.mean(axis=0) - covariance) < 5 * error).all()


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_component_is_its_normal(index):
    z = np.random.default_rng(2).normal(size=(5, 2)).astype("float32")
    expected = log_joint(z)[:, index] - np.log(WEIGHTS[index])
    assert_allclose(mixture().component(index).log_prob(z), expected, rtol=1e-4)


def marginal():
    """z|w ~ half N(w, 1), half N(-w, 1): marginally N(0, 2), whatever the cluster."""

    def given(w):
        loc = tf.stack([w, -w], axis=1)
        return MixtureOfNormals(tf.zeros(2), loc, tf.ones_like(loc))

    return Marginal(MultivariateNormalDiag([0.0], [1.0]), given, (1,))


def test_the_marginal_of_a_hierarchical_mixture():
    draws = marginal().sample(20_000, seed=(3, 4)).numpy()
    assert draws.shape == (20_000, 1)
    squares = draws[:, 0] ** 2
    assert abs(squares.mean() - 2.0) < 5 * squares.std() / 20_000**0.5
    with pytest.raises(NotImplementedError):
        marginal().log_prob(draws)


def test_bad_arguments_are_named():
    logits, loc, scale = np.zeros(3), np.zeros((3, 2)), np.ones((3, 2))
    for arguments in (
        (logits[:2], loc, scale),
        (logits, loc, scale[:, :1]),
        (logits, loc, scale, np.eye(2)),
        (logits, None, scale),
        ("logits", loc, scale),
    ):
        with pytest.raises(ValueError, match="`logits` must have shape .*Received: "):
            MixtureOfNormals(*arguments)
    mixture = MixtureOfNormals(*(np.float32(each) for each in (logits, loc, scale)))
    for index in (3, -1, 1.5, "1", True):
        with pytest.raises(ValueError, match="`index` must be .*0..2.*Received: "):
            mixture.component(index)
    noise = MultivariateNormalDiag([0.0], [1.0])
    with pytest.raises(ValueError, match="`given` must be a function of w"):
        Marginal(noise, None, (2,))
    with pytest.raises(ValueError, match="`noise` must be a distribution of w"):
        Marginal(3.0, lambda w: mixture, (2,))
