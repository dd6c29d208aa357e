"""Every sampler by inversion, at the smallest and the largest share it may be given."""

import mpmath
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from vae_zoo.components import likelihoods
from vae_zoo.components.heads import build_head
from vae_zoo.distributions.bernoulli import Bernoulli
from vae_zoo.distributions.bernoulli_given_sum import BernoulliGivenSum
from vae_zoo.distributions.continuous_bernoulli import ContinuousBernoulli
from vae_zoo.distributions.quantiles import marginal_quantiles

LARGEST = 1 - 2.0**-24
SHARES = np.array([0, 2.0**-25, 1e-3, 0.5, 0.999, LARGEST], "float32")


def test_the_largest_share_is_below_one():
    assert np.float32(LARGEST) == np.nextafter(np.float32(1), np.float32(0))


def exact_continuous_bernoulli(logit, share):
    with mpmath.workdps(40):
        logit, share = mpmath.mpf(float(logit)), mpmath.mpf(float(share))
        if not logit:
            return float(share)
        return float(mpmath.log1p(share * mpmath.expm1(logit)) / logit)


def test_continuous_bernoulli():
    sizes = [0, 1e-7, 1e-5, 1e-3, 0.02, 0.5, 3, 17, 89, 1e4, 1e20]
    logits = np.float32(sizes + [-each for each in sizes])
    logits, shares = np.meshgrid(logits, SHARES, indexing="ij")

    def quantile():
        return ContinuousBernoulli(logits=logits).quantile(shares)

    expected = np.vectorize(exact_continuous_bernoulli)(logits, shares)
    for function in (quantile, tf.function(quantile, jit_compile=True)):
        found = function().numpy()
        assert ((found >= 0) & (found <= 1)).all()
        np.testing.assert_allclose(found, expected, atol=1e-7)


def test_bernoulli():
    logits = np.float32([-1e4, -20, -3, 0, 3, 20, 1e4])[:, None]
    found = Bernoulli(logits=logits, dtype=tf.float32).quantile(SHARES).numpy()
    with mpmath.workdps(40):
        off = [
            float(1 / (1 + mpmath.exp(mpmath.mpf(float(each)))))
            for each in logits[:, 0]
        ]
    # Where the share is within rounding of the probability, both values are right.
    is_near = np.abs(SHARES - np.array(off)[:, None]) < 1e-7
    expected = np.array(off)[:, None] <= SHARES
    assert ((found == expected) | is_near).all()


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_normal(monkeypatch, scale):
    head = likelihoods.Normal(scale)
    build_head(head, (None, 2), SHARES.shape)
    monkeypatch.setattr(
        "vae_zoo.components.likelihoods.likelihood.uniform",
        lambda *args, **kwargs: SHARES[None],
    )
    found = head.draw((0, 0), loc=tf.zeros((1, 6)), scale=tf.constant(scale))
    # What is drawn at 0 is finite: the quantile of half the smallest share above 0.
    shares = np.maximum(SHARES, np.float32(2.0**-25))
    with mpmath.workdps(40):
        root = mpmath.sqrt(2) * scale
        expected = [
            float(root * mpmath.erfinv(2 * mpmath.mpf(float(share)) - 1))
            for share in shares
        ]
    np.testing.assert_allclose(found[0], expected, rtol=2e-6)


@pytest.mark.parametrize("noise", [1e-3, 30.0, 1e9])
def test_what_is_behind_a_noisy_grey_value(noise):
    head = likelihoods.ContinuousBernoulli()
    y = tf.constant(np.linspace(-3, 4, 40)[:, None] * np.ones((40, 50)), tf.float32)
    build_head(head, (None, 2), (50,))
    for logit in (-50.0, 0.0, 50.0):
        logits = tf.fill(y.shape, logit)
        x = head.draw_given_noisy(y, noise, (1, 2), logits=logits).numpy()
        assert ((x >= 0) & (x <= 1)).all()


@pytest.mark.parametrize("size", [30.0, 1e4])
def test_bernoulli_given_sum(size):
    logits = size * np.random.default_rng(0).normal(size=(50, 9)).astype("float32")
    for total in range(10):
        x = BernoulliGivenSum(logits, np.full(50, total)).sample(20, seed=(0, 1))
        assert (np.sum(x, axis=-1) == total).all()
        assert np.isin(x, (0, 1)).all()


@pytest.mark.parametrize("shares", [[0.0], [0.5, 1.0], [np.nan], [-1]])
def test_shares_are_between_zero_and_one(shares):
    p = tfp.distributions.MultivariateNormalDiag([0.0], [1.0])
    with pytest.raises(ValueError, match="`shares` must lie between 0 and 1"):
        marginal_quantiles(p, shares)
