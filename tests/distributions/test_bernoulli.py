import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from numpy.testing import assert_allclose
from scipy.special import log_expit

from vae_zoo.distributions import Bernoulli

LOGITS = np.array([-200.0, -30.0, -1.5, -1e-6, 0.0, 0.3, 18.0, 120.0], "float32")


def test_log_prob_is_exact_at_certain_and_at_unlikely_outcomes():
    for x in (0.0, 1.0):
        exact = log_expit((2 * x - 1) * LOGITS.astype("float64"))
        assert_allclose(Bernoulli(logits=LOGITS).log_prob(x), exact, 1e-6, 1e-37)


def test_it_is_tfps_with_any_arguments():
    rng = np.random.default_rng(0)
    logits = (5 * rng.normal(size=(7, 1, 3))).astype("float32")
    x = rng.integers(2, size=(4, 3))
    ours, theirs = (
        family(logits=logits) for family in (Bernoulli, tfp.distributions.Bernoulli)
    )
    assert_allclose(ours.log_prob(x), theirs.log_prob(x), rtol=1e-5, atol=1e-6)
    probs = rng.random(3).astype("float32")
    assert_allclose(Bernoulli(probs=probs).prob(1), probs, rtol=1e-5)
    assert_allclose(ours.sample(seed=(1, 2)), theirs.sample(seed=(1, 2)))
    kl = tfp.distributions.kl_divergence(ours[0], theirs[1])
    assert_allclose(kl, tfp.distributions.kl_divergence(theirs[0], theirs[1]))


def test_the_derivative_is_the_residual():
    logits = tf.constant(LOGITS)
    for x in (0.0, 1.0):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            log_p = Bernoulli(logits=logits).log_prob(x)
        residual = x - 1 / (1 + np.exp(-LOGITS.astype("float64")))
        assert_allclose(tape.gradient(log_p, logits), residual, atol=1e-6)
