import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import multivariate_normal

from tests.laws.test_linear_vae import linear_vae, moments
from vae_zoo import VAE
from vae_zoo.components import likelihoods
from vae_zoo.evaluation import (
    annealed_marginal_likelihood,
    hamiltonian_marginal_likelihood,
    marginal_likelihood,
)


def test_all_three_estimates_are_exact_on_a_linear_vae():
    keras.utils.set_random_seed(0)
    model = linear_vae(5, 2, likelihoods.Normal(0.8))
    mean, covariance, *_ = moments(model)
    marginal = multivariate_normal(mean, covariance)
    x = marginal.rvs(40, random_state=0).astype("float32")
    model.compile(keras.optimizers.Adam(0.02), jit_compile=False)
    model.fit(marginal.rvs(2000, random_state=1), epochs=5, verbose=0)
    mean, covariance, *_ = moments(model)
    exact = multivariate_normal(mean, covariance).logpdf(x).mean()
    data = tf.data.Dataset.from_tensor_slices(x).batch(20)
    importance = marginal_likelihood(model, data, 2000)["log_marginal_likelihood"]
    annealed = annealed_marginal_likelihood(model, data, 20, num_chains=20)
    hamiltonian = hamiltonian_marginal_likelihood(model, data, 1000)
    for found in (importance, annealed, hamiltonian):
        assert found.num_examples == 40
        assert found.sampling_error < 0.02
        assert abs(found.mean - exact) < 4 * found.sampling_error


def test_many_latents_are_refused():
    model = VAE((4,), 5)
    data = tf.data.Dataset.from_tensors(np.zeros((1, 4), "float32"))
    with pytest.raises(ValueError, match="at most 4 latent variables.*Received: 5"):
        hamiltonian_marginal_likelihood(model, data, 100)
    with pytest.raises(ValueError, match="`num_samples` must be an integer >= 20"):
        hamiltonian_marginal_likelihood(VAE((4,), 2), data, 3)
