"""Laws of the von Mises-Fisher and power spherical distributions."""

import functools

import mpmath
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from numpy.testing import assert_allclose

from vae_zoo.distributions import PowerSpherical, VonMisesFisher

tfd = tfp.distributions

DIMENSIONS = (2, 3, 5, 10, 20, 50, 128, 256, 512)
CONCENTRATIONS = np.array([0.1, 1, 10, 100, 1e3, 1e4], "float32")
every_dimension = pytest.mark.parametrize("dim", DIMENSIONS)
both = pytest.mark.parametrize("make", [VonMisesFisher, PowerSpherical])


@functools.cache
def reference(dim, concentration):
    """Mean resultant length, its derivative, log normalizer and entropy, exactly."""
    with mpmath.workdps(50):
        d, kappa = mpmath.mpf(dim), mpmath.mpf(float(concentration))
        order = d / 2 - 1
        bessel = mpmath.besseli(order, kappa)
        length = mpmath.besseli(order + 1, kappa) / bessel
        log_area = (
            mpmath.log(2) + d / 2 * mpmath.log(mpmath.pi) - mpmath.loggamma(d / 2)
        )
        log_normalizer = (
            d / 2 * mpmath.log(2 * mpmath.pi) + mpmath.log(bessel)
        ) - order * mpmath.log(kappa)
        entropy = log_normalizer - kappa * length
        return {
            "length": float(length),
            "slope": float(1 - length**2 - (d - 1) * length / kappa),
            "log_normalizer": float(log_normalizer),
            "entropy": float(entropy),
            "kl": float(log_area - entropy),
        }


def references(dim, name, concentrations=CONCENTRATIONS):
    return np.array([reference(dim, kappa)[name] for kappa in concentrations])


def direction(dim, seed=0):
    vector = np.random.default_rng(seed).normal(size=dim)
    return (vector / np.linalg.norm(vector)).astype("float32")


def near(received, expected):
    """Within 1e-4 relative, 1e-5 absolute near zero."""
    assert_allclose(received, expected, rtol=1e-4, atol=1e-5)


@every_dimension
def test_log_prob_entropy_mean_and_divergence(dim):
    mu = direction(dim)
    q = VonMisesFisher(mu, CONCENTRATIONS)
    near(q.entropy(), references(dim, "entropy"))
    near(tfd.kl_divergence(q, tfd.SphericalUniform(dim)), references(dim, "kl"))
    near(np.linalg.norm(q.mean(), axis=-1), references(dim, "length"))
    for z in (mu, -mu, direction(dim, 1)):
        exact_mu, exact_z = (v.astype("float64") for v in (mu, z))
        cosine = exact_mu @ exact_z
        cosine /= np.linalg.norm(exact_mu) * np.linalg.norm(exact_z)
        expected = CONCENTRATIONS * cosine - references(dim, "log_normalizer")
        near(q.log_prob(z), expected)


@every_dimension
def test_the_divergence_has_the_derivative_of_its_closed_form(dim):
    concentration = tf.constant(CONCENTRATIONS)
    with tf.GradientTape() as tape:
        tape.watch(concentration)
        q = VonMisesFisher(direction(dim), concentration)
        kl = tfd.kl_divergence(q, tfd.SphericalUniform(dim))
    # d KL / d kappa = kappa dA / dkappa.
    expected = CONCENTRATIONS * references(dim, "slope")
    assert_allclose(tape.gradient(kl, concentration), expected, rtol=2e-3, atol=1e-6)


@every_dimension
def test_the_pathwise_gradient_in_the_concentration(dim):
    mu, concentration = direction(dim), tf.constant(CONCENTRATIONS)
    rounds, total = 8, 120_000

    @tf.function(jit_compile=True)
    def cosines_and_slopes(seed):
        # One concentration a sample, so that the gradient comes sample by sample.
        repeated = tf.repeat(concentration[None], total // rounds, axis=0)
        with tf.GradientTape() as tape:
            tape.watch(repeated)
            z = VonMisesFisher(mu, repeated).sample(seed=seed)
            cosine = tf.reduce_sum(mu * z, axis=-1)
        return cosine, tape.gradient(cosine, repeated)

    seeds = [tf.constant([dim, number]) for number in range(rounds)]
    parts = [cosines_and_slopes(seed) for seed in seeds]
    cosines, slopes = (np.concatenate(each) for each in zip(*parts, strict=True))
    for values, name in ((cosines, "length"), (slopes, "slope")):
        values = values.astype("float64")
        difference = np.abs(values.mean(0) - references(dim, name))
        error = values.std(0, ddof=1) / len(values) ** 0.5
        assert (difference < 5 * error + 1e-7).all(), (name, difference / error)
    assert_allclose(
        slopes.mean(0, dtype="float64"), references(dim, "slope"), rtol=0.01
    )
