"""Gradients of draws on a sphere, through the draws."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from numpy.testing import assert_allclose

from tests.distributions.spheres import (
    CONCENTRATIONS,
    both,
    direction,
    reference,
    references,
    some_dimensions,
)
from vae_zoo.distributions import PowerSpherical, VonMisesFisher

tfd = tfp.distributions


@some_dimensions
def test_the_pathwise_gradient_in_the_concentration(dim):
    mu, concentration = direction(dim), tf.constant(CONCENTRATIONS)
    # On a circle the slopes vary most: so many keep their error well below 1%.
    total = 400_000 if dim == 2 else 80_000
    # What fits into the processor's cache is faster.
    rounds = total // 8000 * max(1, dim // 16)
    blocks = -(-total // (10 * rounds))

    @tf.function
    def cosines_and_slopes(seed):
        # One concentration for ten samples, so that the gradient comes ten by ten.
        repeated = tf.repeat(concentration[None], blocks, axis=0)
        with tf.GradientTape() as tape:
            tape.watch(repeated)
            z = VonMisesFisher(mu, repeated).sample(10, seed=seed)
            cosine = tf.reduce_sum(mu * z, axis=-1)
            mean = tf.reduce_mean(cosine, axis=0)
        cosine = tf.reshape(cosine, [-1, len(concentration)])
        return cosine, tape.gradient(mean, repeated)

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


def exact_second_moment(make, dim, kappa):
    """E[mu.z], E[(mu.z)^2]."""
    if make is VonMisesFisher:
        length = reference(dim, kappa)["length"]
        return length, 1 - (dim - 1) * length / kappa
    a, b = kappa + (dim - 1) / 2, (dim - 1) / 2
    return (a - b) / (a + b), 1 - 4 * a * b / ((a + b) * (a + b + 1))


@both
@some_dimensions
@pytest.mark.parametrize("where", ["+e1", "-e1", "e2", "anywhere"])
def test_the_pathwise_gradient_in_the_mean_direction(make, dim, where):
    axes = np.eye(dim, dtype="float32")
    mu = {"+e1": axes[0], "-e1": -axes[0], "e2": axes[1]}.get(where, direction(dim))
    # A tangent at mu, to move it along, and the function f(z) = (a.z)^2 + a.z.
    tangent = direction(dim, 1) - (direction(dim, 1) @ mu) * mu
    tangent /= np.linalg.norm(tangent)
    a = (mu + 2 * tangent + direction(dim, 2)).astype("float32")
    concentration = CONCENTRATIONS

    # Five parts need a fifth of the memory.
    def slopes(seed):
        turn = tf.zeros([max(1000, 20_000 // dim) // 5, len(concentration)])
        with tf.GradientTape() as tape:
            tape.watch(turn)
            moved = tf.cos(turn)[..., None] * mu + tf.sin(turn)[..., None] * tangent
            z = make(moved, concentration).sample(seed=seed)
            projected = tf.reduce_sum(a * z, axis=-1)
            value = projected**2 + projected
        return tape.gradient(value, turn)

    parts = [slopes(tf.constant([number, dim])) for number in range(1, 6)]
    received = np.concatenate(parts).astype("float64")
    error = received.std(0, ddof=1) / len(received) ** 0.5
    for index, kappa in enumerate(concentration):
        first, second = exact_second_moment(make, dim, kappa)
        across = (1 - second) / (dim - 1)

        def expectation(turn, first=first, second=second, across=across):
            along = a @ (np.cos(turn) * mu + np.sin(turn) * tangent).astype("float64")
            return across * (a @ a) + (second - across) * along**2 + first * along

        difference = (expectation(1e-4) - expectation(-1e-4)) / 2e-4
        gap = abs(received[:, index].mean() - difference)
        assert gap < 5 * error[index] + 1e-4 * abs(difference) + 1e-5


def test_the_pathwise_gradient_of_the_power_spherical_concentration():
    dims, concentration = (2, 3, 10, 128), tf.constant(CONCENTRATIONS)
    # Ten parts need a tenth of the memory.
    repeated = tf.repeat(concentration[None], 2000, axis=0)

    def slopes_of(dim, seed):
        with tf.GradientTape() as tape:
            tape.watch(repeated)
            z = PowerSpherical(direction(dim), repeated).sample(seed=seed)
            cosine = tf.reduce_sum(direction(dim) * z, axis=-1)
        return tape.gradient(cosine, repeated)

    for dim in dims:
        parts = [slopes_of(dim, (number, dim)) for number in range(1, 11)]
        slopes = np.concatenate(parts).astype("float64")
        expected = (dim - 1) / (CONCENTRATIONS.astype("float64") + dim - 1) ** 2
        error = slopes.std(0, ddof=1) / len(slopes) ** 0.5
        assert (np.abs(slopes.mean(0) - expected) < 5 * error).all()
