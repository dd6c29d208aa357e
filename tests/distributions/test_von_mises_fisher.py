"""Laws of the von Mises-Fisher and power spherical distributions."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp
from numpy.testing import assert_allclose, assert_array_equal

from tests.distributions.spheres import (
    CONCENTRATIONS,
    both,
    direction,
    every_dimension,
    near,
    references,
    some_dimensions,
)
from vae_zoo.distributions import PowerSpherical, SphericalUniform, VonMisesFisher

tfd = tfp.distributions


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


def angle_distribution(make, dim, kappa):
    """The distribution function of the angle, tabulated in float64."""
    mean, spread = np.pi / 2, 1.0
    for _ in range(4):  # Narrow the grid to where the mass is.
        grid = np.linspace(
            max(mean - 12 * spread, 1e-12),
            min(mean + 12 * spread, np.pi - 1e-9),
            20_001,
        )
        height = (
            np.cos(grid) - 1 if make is VonMisesFisher else 2 * np.log(np.cos(grid / 2))
        )
        log_density = kappa * height + (dim - 2) * np.log(np.sin(grid))
        density = np.exp(log_density - log_density.max())
        density /= density.sum()
        mean = density @ grid
        spread = (density @ (grid - mean) ** 2) ** 0.5
    return lambda angle: np.interp(angle, grid, np.cumsum(density) - density / 2)


@both
@some_dimensions
def test_samples_have_the_angle_and_are_uniform_around_mu(make, dim):
    mu = direction(dim)
    size = 20_000 if dim < 200 else 5000
    q = make(mu, CONCENTRATIONS)
    # Five parts need a fifth of the memory.
    parts = [q.sample(size // 5, seed=(number, dim)) for number in range(5)]
    z = np.concatenate(parts).astype("float64")
    assert_allclose(np.linalg.norm(z, axis=-1), 1, atol=3e-6)
    across = z - (z @ mu)[..., None] * mu
    angles = np.arctan2(np.linalg.norm(across, axis=-1), z @ mu)
    across /= np.linalg.norm(across, axis=-1, keepdims=True)
    other = direction(dim, 1) - (direction(dim, 1) @ mu) * mu
    side = across @ (other / np.linalg.norm(other))
    for index, kappa in enumerate(CONCENTRATIONS):
        cdf = angle_distribution(make, dim, kappa)
        # 108 tests of fixed seeds: with right samples each p-value is uniform.
        assert scipy.stats.kstest(angles[:, index], cdf).pvalue > 1e-4
        if dim == 2:
            assert abs((side[:, index] > 0).mean() - 0.5) < 2.5 / size**0.5
        else:
            # One element of a uniform unit vector of D - 1 elements.
            half = (dim - 2) / 2
            beta = scipy.stats.beta(half, half, loc=-1, scale=2)
            assert scipy.stats.kstest(side[:, index], beta.cdf).pvalue > 1e-4
        assert abs(np.corrcoef(angles[:, index], side[:, index])[0, 1]) < 5 / size**0.5


@both
@every_dimension
def test_nothing_is_infinite_at_extreme_concentrations(make, dim):
    concentration = tf.constant([0, 1e-6, 1e-3, 1e6, 1e8, 1e10])
    mu = tf.repeat(direction(dim)[None], 6, axis=0)
    with tf.GradientTape() as tape:
        tape.watch([mu, concentration])
        q = make(mu, concentration)
        z = q.sample(50, seed=(1, 2))
        kl = tfd.kl_divergence(q, SphericalUniform(dim))
        total = tf.reduce_sum(z**3) + tf.reduce_sum(kl)
    log_prob = q.log_prob(z)
    for value in (
        z,
        kl,
        log_prob,
        q.entropy(),
        *tape.gradient(total, [mu, concentration]),
    ):
        assert np.isfinite(value).all()
    assert (kl.numpy() > -1e-4).all()


@pytest.mark.parametrize(
    ("make", "dim"), [(VonMisesFisher, 2), (VonMisesFisher, 5), (PowerSpherical, 5)]
)
def test_the_same_seed_gives_the_same_sample_however_it_is_run(make, dim):
    mu = tf.stack([direction(dim, n) for n in range(3)])
    concentration = tf.constant([0.5, 5.0, 500.0])

    def draw(number=9):
        with tf.GradientTape() as tape:
            tape.watch([mu, concentration])
            z = make(mu, concentration).sample(7, seed=(8, number))
            cubes = tf.reduce_sum(z**3)
        return z, *tape.gradient(cubes, [mu, concentration])

    expected = draw()
    assert expected[0].shape == (7, 3, dim)
    assert_array_equal(draw()[0], expected[0])
    for jit_compile in (False, True):
        compiled = tf.function(draw, jit_compile=jit_compile)
        for first, second, eager in zip(compiled(), compiled(), expected, strict=True):
            assert_array_equal(first, second)
            # A compiler may round otherwise, and draws nothing else.
            assert_allclose(first, eager, rtol=1e-4, atol=1e-5)
    assert np.abs(draw(number=10)[0] - expected[0]).max() > 0.1


@both
def test_shapes_may_be_known_only_when_the_graph_runs(make):
    @tf.function(input_signature=[tf.TensorSpec(None), tf.TensorSpec(None)])
    def call(mu, concentration):
        q = make(mu, concentration)
        z = q.sample(4, seed=(1, 2))
        return z, q.log_prob(z), q.entropy()

    mu = np.stack([direction(6, n) for n in range(3)])
    concentration = np.array([1.0, 10.0, 100.0], "float32")
    z, log_prob, entropy = call(mu, concentration)
    q = make(mu, concentration)
    assert_allclose(z, q.sample(4, seed=(1, 2)), atol=1e-6)
    assert_allclose(log_prob, q.log_prob(z), rtol=1e-4, atol=1e-4)
    assert_allclose(entropy, q.entropy(), rtol=1e-5, atol=1e-5)


def test_parameters_broadcast_and_the_distribution_passes_through_functions():
    mu = direction(4)
    q = VonMisesFisher(mu[None, None], np.ones((3, 1), "f") * [1.0, 2.0])
    assert q.batch_shape == (3, 2)
    assert q.reparameterization_type == tfd.FULLY_REPARAMETERIZED
    for value in (q.mean(), q.mode(), q.variance()):
        assert value.shape == (3, 2, 4)
    assert q.entropy().shape == (3, 2)
    z = tf.function(lambda q: q.sample(5, seed=(1, 2)))(q)
    assert_array_equal(z, q.sample(5, seed=(1, 2)))
    assert_array_equal(q[1:].mean(), q.mean()[1:])
    assert_array_equal(
        q.copy(concentration=2.0).mean(), VonMisesFisher(mu[None, None], 2.0).mean()
    )


def test_covariance_is_that_of_the_samples():
    q = VonMisesFisher(direction(4), 3.0)
    z = q.sample(100_000, seed=(5, 6)).numpy()
    assert_allclose(np.cov(z.T), q.covariance(), atol=5 / 100_000**0.5)
    assert_allclose(np.diag(q.covariance()), q.variance())


def test_float64_is_exact_to_ten_digits():
    for dim in (2, 3, 20, 512):
        kappa = CONCENTRATIONS.astype("float64")
        mu = direction(dim).astype("float64")
        q = VonMisesFisher(mu / np.linalg.norm(mu), kappa)
        assert q.sample(seed=(1, 2)).dtype == tf.float64
        kl = tfd.kl_divergence(q, SphericalUniform(dim, dtype=tf.float64))
        assert_allclose(kl, references(dim, "kl"), rtol=1e-9, atol=1e-12)
        assert_allclose(q.entropy(), references(dim, "entropy"), rtol=1e-10)


def test_dimensions_two_and_three_are_the_known_distributions():
    # On the circle it is von Mises' distribution of the angle.
    angle = np.linspace(-3, 3, 7).astype("float32")
    z = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    expected = tfd.VonMises(0.0, 2.0).log_prob(angle)
    assert_allclose(VonMisesFisher([1.0, 0.0], 2.0).log_prob(z), expected, atol=1e-5)
    # In three dimensions TFP's is right.
    mu, other = direction(3), np.stack([direction(3, n) for n in range(1, 9)])
    expected = tfd.VonMisesFisher(mu, 7.0).log_prob(other)
    assert_allclose(VonMisesFisher(mu, 7.0).log_prob(other), expected, rtol=1e-5)


@both
def test_the_divergence_is_its_monte_carlo_estimate(make):
    q, p = make(direction(6), [0.5, 20.0]), SphericalUniform(6)
    z = q.sample(50_000, seed=(1, 2))
    estimates = (q.log_prob(z) - p.log_prob(z)).numpy()
    error = estimates.std(0, ddof=1) / len(estimates) ** 0.5
    assert (
        np.abs(estimates.mean(0) - tfd.kl_divergence(q, p)) < 5 * error + 1e-5
    ).all()


def test_the_uniform_distribution_is_the_limit():
    q, p = VonMisesFisher(direction(5), 0.0), SphericalUniform(5)
    z = p.sample(3, seed=(1, 2))
    assert_allclose(q.log_prob(z), p.log_prob(z), rtol=1e-6)
    assert_allclose(tfd.kl_divergence(q, p), 0, atol=1e-6)
    assert_allclose(np.linalg.norm(z, axis=-1), 1, rtol=1e-6)


@both
@pytest.mark.parametrize("jit_compile", [False, True])
def test_sampling_ends_for_every_concentration(make, jit_compile):
    # Rejection may not wait for what is never accepted: a server would hang.
    @tf.function(jit_compile=jit_compile)
    def draw(concentration):
        return make([0.6, 0.8], concentration).sample(seed=(1, 2))

    z = draw(tf.constant([np.nan, 1e19, 3e38, 3.0])).numpy()
    assert np.isnan(z[0]).all()
    assert_allclose(np.linalg.norm(z[1:], axis=-1), 1, rtol=1e-6)
    assert_allclose(z[1:3], [[0.6, 0.8], [0.6, 0.8]], atol=1e-6)


@every_dimension
def test_the_power_spherical_is_that_of_tfp(dim):
    mu = direction(dim).astype("float64")
    mu /= np.linalg.norm(mu)
    exact = tfd.PowerSpherical(mu, CONCENTRATIONS.astype("float64"))
    q = PowerSpherical(direction(dim), CONCENTRATIONS)
    assert isinstance(q, tfd.PowerSpherical)
    z = direction(dim, 1)
    exact_z = z.astype("float64") / np.linalg.norm(z.astype("float64"))
    near(q.log_prob(z), exact.log_prob(exact_z))
    near(q.entropy(), exact.entropy())
    near(q.mean(), exact.mean())
    expected = tfd.kl_divergence(exact, tfd.SphericalUniform(dim, dtype=tf.float64))
    near(tfd.kl_divergence(q, tfd.SphericalUniform(dim)), expected)


def test_bad_parameters_are_named():
    with pytest.raises(ValueError, match=r"`mean_direction` must have shape.*\(1,\)"):
        VonMisesFisher([1.0], 1.0)
    for bad in (-2.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"`concentration` must be.*>= 0.*{bad}"):
            VonMisesFisher([[1.0, 0.0]], [bad])
    for bad, length in (([0.0, 0.0], "0.0"), ([1.0, 1.0], "1.414")):
        with pytest.raises(
            ValueError, match=f"`mean_direction` must have length 1.*{length}"
        ):
            VonMisesFisher(bad, 1.0, validate_args=True)
    with pytest.raises(ValueError, match="`mean_direction` must be float32.*float16"):
        VonMisesFisher(np.array([1.0, 0.0], "float16"), 1.0)
    with pytest.raises(ValueError, match="same sphere"):
        tfd.kl_divergence(VonMisesFisher([1.0, 0.0], 1.0), SphericalUniform(3))

    @tf.function
    def mean(mu, concentration):
        return VonMisesFisher(mu, concentration, validate_args=True).mean()

    good_mu, good_kappa = tf.constant([0.6, 0.8]), tf.constant(3.0)
    assert np.isfinite(mean(good_mu, good_kappa)).all()
    error = tf.errors.InvalidArgumentError
    with pytest.raises(error, match="`concentration` must be finite and >= 0"):
        mean(good_mu, tf.constant(-3.0))
    with pytest.raises(error, match="`mean_direction` must have length 1"):
        mean(tf.constant([0.5, 0.0]), good_kappa)
