import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose
from scipy.special import logsumexp

from vae_zoo import VAE
from vae_zoo.components import networks
from vae_zoo.evaluation import Estimate, marginal_likelihood
from vae_zoo.evaluation.estimate import log_mean, relative_variance
from vae_zoo.models import importance


@pytest.fixture(scope="module")
def model():
    """A model whose q(z|x) is the prior, so that the weights are p(x|z): bounded."""
    keras.utils.set_random_seed(0)
    model = VAE((6, 5, 1), 2, encoder=networks.MLP((8,)), seed=0)
    for weight in model.posterior_head.weights:
        weight.assign(tf.zeros_like(weight))
    bias = model.posterior_head.raw_scale.dense.bias
    bias.assign(tf.fill(bias.shape, math.log(math.e - 1)))
    return model


def test_the_error_is_that_of_repetitions(model, binary_images):
    x = binary_images[:20]
    sums = tf.function(importance.log_weight_sums, autograph=False)
    inputs = model.as_inputs(x)
    found = [sums(model, inputs, 50, tf.constant([seed, 1])) for seed in range(60)]
    values = np.array([log_sum for log_sum, _ in found]).mean(axis=1)
    errors = [
        np.sqrt(np.sum(relative_variance(*pair, 50), dtype=np.float64)) / 20
        for pair in found
    ]
    # A standard deviation of sixty is known to 9 percent.
    assert_allclose(np.mean(errors), np.std(values, ddof=1), rtol=5 * 0.09)
    data = tf.data.Dataset.from_tensor_slices(x).batch(10)
    estimates = marginal_likelihood(model, data, 50)
    error = estimates["log_marginal_likelihood"].sampling_error
    assert min(errors) * 0.8 < error < max(errors) * 1.2
    assert estimates["elbo"].sampling_error is None


def test_the_effective_sample_size_is_that_of_the_weights(model, binary_images):
    x = binary_images[:4]
    z = np.random.default_rng(0).normal(size=(100_000, 2)).astype("float32")
    log_p = np.stack([model.likelihood(z).log_prob(row[None]) for row in x], axis=1)
    weights = np.exp(log_p.astype(np.float64))
    share = weights.mean(axis=0) ** 2 / (weights**2).mean(axis=0)
    data = tf.data.Dataset.from_tensor_slices(x).batch(4)
    found = marginal_likelihood(model, data, 2000)
    assert_allclose(found["effective_sample_size"].mean, 2000 * share.mean(), rtol=0.05)
    exact = np.log(weights.mean(axis=0)).mean()
    estimate = found["log_marginal_likelihood"]
    assert abs(estimate.mean - exact) < 5 * estimate.sampling_error


def test_small_weights_count_beside_a_large_log_p():
    # 20,000 steps of equal weights whose logarithm has steps of a thousandth.
    weights = tf.fill([1, 1], -1.0e4)
    start = (tf.constant([-3e38]), tf.zeros(1), tf.zeros(1))

    @tf.function
    def summed():
        def add(step, *sums):
            return step + 1, *importance._added(sums, weights)

        return tf.while_loop(lambda step, *_: step < 20_000, add, (0, *start))[1:]

    largest, total, squares = summed()
    assert largest == -1e4
    assert_allclose([total, squares], 20_000, rtol=1e-6)


def test_arrays_of_any_float_type_will_do(model, binary_images):
    data = tf.data.Dataset.from_tensor_slices(binary_images).batch(100)
    expected = marginal_likelihood(model, data, 20)
    assert marginal_likelihood(model, binary_images, 20) == expected
    doubled = data.map(lambda x: tf.cast(x, tf.float64))
    assert marginal_likelihood(model, doubled, 20) == expected
    with pytest.raises(ValueError, match="`data` must be a tf.data.Dataset"):
        marginal_likelihood(model, list(binary_images), 20)
    with pytest.raises(ValueError, match="`data` must have at least one example"):
        marginal_likelihood(model, data.take(0), 20)


def test_the_mean_of_weights_and_its_variance():
    rng = np.random.default_rng(0)
    log_weights = rng.normal(size=(7, 3)).astype("float32")
    mean, variance = log_mean(tf.constant(log_weights), (7, 0))
    weights = np.exp(log_weights)
    assert_allclose(mean, logsumexp(log_weights, axis=0) - np.log(7), rtol=1e-5)
    expected = weights.var(axis=0, ddof=1) / 7 / weights.mean(axis=0) ** 2
    assert_allclose(variance, expected, rtol=1e-4)
    assert np.isnan(log_mean(tf.constant(log_weights[:1]), (1,))[1]).all()
    # Weights of two distributions: each varies about a mean of its own.
    mean, variance = log_mean(tf.constant(log_weights), (4, 3))
    assert_allclose(mean, logsumexp(log_weights, axis=0) - np.log(7), rtol=1e-5)
    parts = (weights[:4], weights[4:])
    expected = sum(len(part) * part.var(axis=0, ddof=1) for part in parts) / 49
    assert_allclose(variance, expected / weights.mean(axis=0) ** 2, rtol=1e-4)


def test_an_estimate_has_the_errors_of_its_mean():
    found = Estimate.of([1.0, 2.0, 6.0], [0.1, 0.2, 0.6])
    assert found.mean == 3
    assert found.num_examples == 3
    assert found.standard_error == pytest.approx(math.sqrt(7 / 3))
    assert found.sampling_error == pytest.approx(math.sqrt(0.9) / 3)
    assert math.isnan(Estimate.of([1.0]).standard_error)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_samples": 0}, "`num_samples` must be an integer >= 1"),
        ({"num_samples": "3"}, "num_samples='3'"),
        ({"num_samples": None}, "num_samples=None"),
        ({"num_samples": 2.5}, "num_samples=2.5"),
        ({"model": keras.Sequential()}, "`model` must be a model of vae_zoo"),
        ({"model": VAE}, "`model` must be .*the class VAE"),
        ({"data": None}, "`data` must be a tf.data.Dataset.*data=None"),
        ({"data": []}, r"`data` must be a tf.data.Dataset.*data=\[\]"),
        ({"data": "digits"}, "data='digits'"),
        ({"data": np.zeros((2, 6, 5, 1), "uint8") + 255}, "`x` must .*255"),
        ({"data": np.zeros((2, 6))}, r"`x` must have shape \[B, 6, 5, 1\]"),
        ({"data": np.zeros((0, 6, 5, 1))}, "`data` must have at least one example"),
        ({"prior_share": math.nan}, "`prior_share` must be a finite number"),
        ({"prior_share": "half"}, "prior_share='half'"),
        ({"prior_share": -0.1}, r"`prior_share` must lie in \[0, 1\)"),
        ({"seed": (1, 2)}, "`seed` must be an integer"),
        ({"seed": None}, "`seed` must be an integer"),
        ({"verbose": "yes"}, "`verbose` must be one of"),
    ],
)
def test_bad_arguments_are_named(model, binary_images, change, message):
    given = {"model": model, "data": binary_images, "num_samples": 2, **change}
    with pytest.raises(ValueError, match=message):
        marginal_likelihood(**given)


def test_seeds_of_any_size_are_taken(model, binary_images):
    x, found = binary_images[:2], []
    for seed in (-1, 2**31 + 5, 5 - 2**31, 2**70):
        with pytest.warns(UserWarning, match="The effective sample size"):
            found.append(marginal_likelihood(model, x, 2, seed=seed)["elbo"].mean)
    assert found[1] == found[2]
    assert len(set(found)) == 3
