import functools
import itertools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from tests import zoo_of_models
from tests.laws.test_linear_vae import linear_vae, moments
from vae_zoo import VAE, tasks
from vae_zoo.components import likelihoods, networks

COUNT = 4000


@pytest.fixture(scope="module")
def linear():
    """A linear VAE whose q(z|x) is close to p(z|x), and its exact marginal."""
    keras.utils.set_random_seed(0)
    model = linear_vae(4, 2, likelihoods.Normal(0.6))
    x = np.random.default_rng(0).normal(size=(1000, 2)) @ [[1, 2, 0, 1], [1, 0, 1, -1]]
    x = x + 0.6 * np.random.default_rng(1).normal(size=x.shape) + 1
    model.compile(keras.optimizers.Adam(0.02))
    model.fit(x.astype("float32"), epochs=20, batch_size=50, verbose=0)
    return model, *moments(model)[:2]


def assert_normal(drawn, mean, covariance):
    """Draws [COUNT, D] of a normal distribution have its moments."""
    error = np.sqrt(np.diag(covariance) / COUNT)
    assert (np.abs(drawn.mean(axis=0) - mean) < 5 * error + 1e-6).all()
    tolerance = 5 * np.diag(covariance).max() * (2 / COUNT) ** 0.5
    assert_allclose(np.cov(drawn.T), covariance, atol=tolerance)


def test_denoising_has_the_conditional_mean_and_variance(linear):
    model, mean, covariance = linear
    y, noise = np.array([2.0, -1.0, 0.5, 3.0]), 0.9
    gain = covariance @ np.linalg.inv(covariance + noise**2 * np.eye(4))
    drawn = tasks.denoise(model, np.tile(y, (COUNT, 1)), noise, 50, seed=0)
    assert_normal(
        drawn.numpy(), mean + gain @ (y - mean), covariance - gain @ covariance
    )


def test_very_strong_noise_tells_nothing_and_very_weak_noise_all(linear):
    model, mean, covariance = linear
    y = np.tile([2.0, -1.0, 0.5, 3.0], (COUNT, 1))
    assert_normal(tasks.denoise(model, y, 1e4, 50, seed=0).numpy(), mean, covariance)
    assert_allclose(tasks.denoise(model, y, 1e-4, 10, seed=0), y, atol=1e-3)


@pytest.fixture(scope="module")
def binary():
    """A model of 2x2 binary images, and log p(x) of all sixteen of them."""
    keras.utils.set_random_seed(0)
    model = VAE((2, 2, 1), 2, encoder=networks.MLP((16,)), seed=0)
    rows = np.random.default_rng(0).random((400, 2, 1, 1)) < [[[0.3]], [[0.8]]]
    model.compile(keras.optimizers.Adam(0.02))
    model.fit(np.repeat(rows, 2, axis=2).astype("float32"), epochs=20, verbose=0)
    every_x = np.array(list(itertools.product((0, 1), repeat=4)), "float32")
    z = np.random.default_rng(1).normal(size=(100_000, 2)).astype("float32")
    p = model.likelihood(z)
    log_p = [
        logsumexp(p.log_prob(x.reshape(1, 2, 2, 1))) - np.log(len(z)) for x in every_x
    ]
    return model, every_x, np.array(log_p)


def assert_frequencies(drawn, every_x, p):
    """Draws [COUNT, 2, 2, 1] of binary images have probabilities `p`."""
    codes = np.reshape(drawn, (COUNT, 4)) @ [8, 4, 2, 1]
    found = np.bincount(codes.astype(int), minlength=16) / COUNT
    assert (np.abs(found - p) < 5 * np.sqrt(p * (1 - p) / COUNT) + 2e-3).all()


@pytest.mark.parametrize("noise", [0.1, 0.8])
def test_denoising_binary_images_is_bayes_rule(binary, noise):
    model, every_x, log_p = binary
    y = np.array([0, 1, 1, 1], "float32")
    flips = np.abs(every_x - y).sum(axis=1)
    p = np.exp(log_p) * noise**flips * (1 - noise) ** (4 - flips)
    copies = np.tile(y.reshape(1, 2, 2, 1), (COUNT, 1, 1, 1))
    drawn = tasks.denoise(model, copies, noise, 200, seed=0)
    assert_frequencies(drawn, every_x, p / p.sum())


@pytest.mark.parametrize("total", [1, 2])
def test_super_resolution_of_binary_images_is_bayes_rule(binary, total):
    model, every_x, log_p = binary
    p = np.exp(log_p) * (every_x.sum(axis=1) == total)
    means = np.full((COUNT, 1, 1, 1), total / 4, "float32")
    drawn = tasks.super_resolve(model, means, 50, seed=0).numpy()
    assert (drawn.mean(axis=(1, 2)) == total / 4).all()
    assert_frequencies(drawn, every_x, p / p.sum())


def test_super_resolution_of_a_linear_model_has_the_conditional_moments():
    keras.utils.set_random_seed(0)
    flat, shape = linear_vae(8, 2, likelihoods.Normal(0.6)), (2, 4, 1)
    model = VAE(
        shape,
        2,
        encoder=keras.layers.Flatten(),
        decoder=keras.layers.Identity(),
        posterior=type(flat.posterior_head)(),
        likelihood=likelihoods.Normal(0.6),
    )
    x = np.random.default_rng(0).normal(size=(500, 1)) * np.linspace(-1, 2, 8)
    x += 0.6 * np.random.default_rng(1).normal(size=x.shape)
    model.compile(keras.optimizers.Adam(0.02))
    model.fit(x.reshape(-1, *shape), epochs=20, batch_size=50, verbose=0)
    mean, covariance, *_ = moments(model)
    means = np.array([1.5, -0.5])
    # The pixels of the left block are 0, 1, 4, 5 in the order of the vector.
    pooling = np.array([[1, 1, 0, 0, 1, 1, 0, 0], [0, 0, 1, 1, 0, 0, 1, 1]]) / 4
    gain = covariance @ pooling.T @ np.linalg.inv(pooling @ covariance @ pooling.T)
    drawn = tasks.super_resolve(
        model, np.tile(means.reshape(1, 1, 2, 1), (COUNT, 1, 1, 1)), 100, seed=0
    )
    drawn = drawn.numpy().reshape(COUNT, 8)
    assert_allclose(drawn @ pooling.T, np.tile(means, (COUNT, 1)), atol=1e-5)
    expected = covariance - gain @ pooling @ covariance
    assert_normal(drawn, mean + gain @ (means - pooling @ mean), expected)


@pytest.mark.parametrize("logit", [-15.0, 0.0, 3.0])
def test_noisy_grey_values_have_the_conditional_moments(logit):
    # Of p(x) ~ exp(logit x) on [0, 1] and y = x + noise, by numerical integration.
    y, noise = 0.4, 0.3

    def density(x):
        return np.exp(logit * x - (y - x) ** 2 / 2 / noise**2)

    first, second = (
        quad(lambda x, k=k: x**k * density(x), 0, 1)[0] / quad(density, 0, 1)[0]
        for k in (1, 2)
    )
    family = likelihoods.ContinuousBernoulli()
    family.build((None, 1), (1,))
    drawn = family.draw_given_noisy(
        tf.constant(y), noise, (3, 4), logits=tf.fill([COUNT, 1], logit)
    )
    error = np.sqrt((second - first**2) / COUNT)
    assert abs(np.mean(drawn) - first) < 4 * error
    assert abs(np.mean(drawn**2) - second) < 4 * np.std(drawn**2) / COUNT**0.5


@pytest.mark.parametrize(
    "make_model",
    [
        pytest.param(zoo_of_models.full_covariance_vae, marks=pytest.mark.slow),
        zoo_of_models.product_of_spheres_vae,
        zoo_of_models.gaussian_mixture_vae,
    ],
)
def test_models_of_every_space_denoise_and_compare(make_model, binary_images):
    model = make_model()
    x = binary_images[:5]
    denoise = functools.partial(tasks.denoise, model, noise=0.2, num_steps=5, seed=1)
    in_graph = tf.function(denoise, autograph=False)
    assert_allclose(in_graph(x), denoise(x), atol=1e-4)
    # a is to b as a is to b, and nothing changes if one goes no part of the way.
    a, b = x[:1], x[1:2]
    assert_allclose(tasks.analogy(model, a, b, a), model.reconstruct(b), atol=1e-4)
    assert_allclose(
        tasks.analogy(model, x[:2], x[2:], x, amount=0.0),
        model.reconstruct(x),
        atol=1e-4,
    )


def test_anomaly_scores_are_the_exact_information_content(linear):
    model, mean, covariance = linear
    marginal = multivariate_normal(mean, covariance)
    x = marginal.rvs(200, random_state=0).astype("float32")
    data = tf.data.Dataset.from_tensor_slices(x).batch(64)
    scores = tasks.anomaly_scores(model, data, 2000)
    assert_allclose(scores, -marginal.logpdf(x), atol=0.1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, x: tasks.denoise(m, x, 0.0, 5), "`noise` must be a probability"),
        (lambda m, x: tasks.denoise(m, x, 1.0, 5), "Received: noise=1.0"),
        (
            lambda m, x: tasks.denoise(m, x, 0.1, 0),
            "`num_steps` must be an integer >= 1",
        ),
        (lambda m, x: tasks.denoise(m, x[:, 1:], 0.1, 5), "`y` must have shape"),
        (lambda m, x: tasks.denoise(m, x / 2, 0.1, 5), "`y` must hold only 0 and 1"),
        (lambda m, x: tasks.super_resolve(m, x[:, :1, :1], 0), "`num_steps` must be"),
        (lambda m, x: tasks.super_resolve(m, x[:, 0], 5), "must have shape.*H / f"),
        (lambda m, x: tasks.super_resolve(m, x[:, :1], 5), "must have shape.*H / f"),
        (
            lambda m, x: tasks.super_resolve(m, x[:, :1, :1] + 0.1, 5),
            "`x` must hold only multiples of 1/4",
        ),
        (
            lambda m, x: tasks.analogy(m, x[:0], x, x),
            r"`len\(start\)` must be an integer >= ",
        ),
        (lambda m, x: tasks.analogy(m, x, x, x[:, 1:]), "`x` must have shape"),
        (lambda m, x: tasks.analogy(m, x, None, x), "`end` must be an array.*None"),
        (lambda m, x: tasks.analogy(m, x, x, x, math.nan), "`amount` must be a finite"),
        (lambda m, x: tasks.analogy(m, x, x, x, "1"), "amount='1'"),
        (lambda m, x: tasks.analogy(keras.Model(), x, x, x), "`model` must be a model"),
        (lambda m, x: tasks.denoise(m, x, math.nan, 5), "`noise` must be a finite"),
        (lambda m, x: tasks.denoise(m, x, "0.1", 5), "noise='0.1'"),
        (lambda m, x: tasks.denoise(m, "x", 0.1, 5), "`y` must be an array.*'x'"),
        (lambda m, x: tasks.denoise(m, x, 0.1, "5"), "num_steps='5'"),
        (lambda m, x: tasks.denoise(None, x, 0.1, 5), "`model` must be a model"),
        (lambda m, x: tasks.denoise(m, x, 0.1, 5, seed="1"), "`seed` must be an int"),
        (
            lambda m, x: tasks.denoise(m, x, 0.1, 5, seed=np.ones((2, 2), int)),
            "`seed` must have a row for each example",
        ),
        (lambda m, x: tasks.super_resolve(m, None, 5), "`x` must be an array.*None"),
        (lambda m, x: tasks.super_resolve(VAE, x, 5), "`model` must be.*class VAE"),
        (lambda m, x: tasks.anomaly_scores(m, None), "`data` must be .*data=None"),
        (lambda m, x: tasks.anomaly_scores(m, x, seed="1"), "`seed` must be an int"),
        (lambda m, x: m.impute(None, x, 5), "`x` must be an array of numbers"),
        (lambda m, x: m.impute(x, "mask", 5), "`mask` must be an array.*'mask'"),
        (lambda m, x: m.traverse([[0.0, 1.0]], 1.5, 5), "`dimension` must be an int"),
        (
            lambda m, x: m.interpolate(np.ones((3, 2)), np.ones((2, 2)), 5),
            "`end` must have the shape of `start`",
        ),
    ],
)
def test_bad_input_is_named(binary, call, message):
    x = np.tile(np.array([0, 1, 1, 1], "float32").reshape(1, 2, 2, 1), (3, 1, 1, 1))
    with pytest.raises(ValueError, match=message):
        call(binary[0], x)


def test_tasks_that_a_likelihood_has_no_rule_for_are_refused(linear):
    model = VAE((2, 2, 1), 2, likelihood=likelihoods.ContinuousBernoulli())
    with pytest.raises(ValueError, match="known mean, as.*ContinuousBernoulli"):
        tasks.super_resolve(model, np.full((1, 1, 1, 1), 0.5), 5)
    with pytest.raises(ValueError, match="`x` must have shape"):
        tasks.super_resolve(linear[0], np.zeros((1, 2)), 5)
    with pytest.raises(ValueError, match="`noise` must be a positive standard dev"):
        tasks.denoise(linear[0], np.zeros((1, 4)), -1.0, 5)
    with pytest.raises(ValueError, match="`y` must hold only finite values"):
        tasks.denoise(linear[0], np.full((1, 4), np.nan), 1.0, 5)
    with pytest.raises(ValueError, match="`num_samples` must be an integer >= 1"):
        tasks.anomaly_scores(linear[0], None, 0)
