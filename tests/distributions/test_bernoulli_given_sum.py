import itertools

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from vae_zoo.distributions import BernoulliGivenSum

LOGITS = np.array([0.5, -1.5, 2.0, 0.0, -30.0, 25.0], "float32")
EVERYTHING = np.array(list(itertools.product((0.0, 1.0), repeat=6)), "float32")


def exact(total):
    """p of every x that sums to `total`, by going through all of them."""
    allowed = EVERYTHING[EVERYTHING.sum(axis=1) == total]
    log_p = allowed.astype("float64") @ LOGITS
    p = np.exp(log_p - log_p.max())
    return allowed, p / p.sum()


@pytest.mark.parametrize("total", range(7))
def test_log_prob_is_that_of_enumeration(total):
    allowed, p = exact(total)
    log_p = BernoulliGivenSum(LOGITS, total).log_prob(allowed)
    with np.errstate(divide="ignore"):
        assert_allclose(log_p, np.log(p), rtol=1e-5, atol=1e-5)
    others = EVERYTHING[EVERYTHING.sum(axis=1) != total]
    assert np.isneginf(BernoulliGivenSum(LOGITS, total).log_prob(others)).all()


@pytest.mark.parametrize("jit_compile", [False, True])
def test_samples_have_the_right_sum_and_inclusion_probabilities(jit_compile):
    totals = np.arange(7)
    logits = np.broadcast_to(LOGITS, (7, 6))

    @tf.function(jit_compile=jit_compile)
    def draw():
        return BernoulliGivenSum(logits, totals).sample(20_000, seed=(1, 2))

    drawn = draw().numpy()
    assert np.isin(drawn, (0, 1)).all()
    assert (drawn.sum(axis=-1) == totals).all()
    for total in totals:
        allowed, p = exact(total)
        second_moments = (allowed.T * p) @ allowed
        found = drawn[:, total].T @ drawn[:, total] / 20_000
        assert_allclose(found, second_moments, atol=5 * 0.5 / 20_000**0.5)


def test_certain_elements_are_certain_whatever_the_noise(monkeypatch):
    for noise in (0.0, 1 - 2.0**-24):
        monkeypatch.setattr(
            "vae_zoo.distributions.bernoulli_given_sum.uniform",
            lambda shape, seed, dtype, noise=noise: tf.fill(
                shape, tf.cast(noise, dtype)
            ),
        )
        for total in range(7):
            drawn = BernoulliGivenSum(LOGITS, total).sample(seed=(0, 1))
            assert np.sum(drawn) == total


def test_equal_logits_are_a_random_choice():
    drawn = BernoulliGivenSum(tf.zeros(16), 5).sample(8000, seed=(0, 1)).numpy()
    error = np.sqrt(5 / 16 * 11 / 16 / 8000)
    assert (np.abs(drawn.mean(axis=0) - 5 / 16) < 4 * error).all()
