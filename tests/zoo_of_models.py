"""One small, untypical instance of every kind of model, for the laws."""

import functools

import keras
import numpy as np
import pytest

from vae_zoo import VAE, BetaVAE, GaussianMixtureVAE, HypersphericalVAE
from vae_zoo.components import (
    cluster_initializers,
    distortions,
    likelihoods,
    networks,
    posteriors,
    priors,
    products,
    schedules,
)

SHAPE = (6, 5, 1)
# Thirty-two binary images with structure that a model can learn.
IMAGES = np.repeat(
    np.random.default_rng(0).random((32, 6, 1, 1)) < 0.5, 5, axis=2
).astype("float32")


def vae():
    return VAE(SHAPE, 3, encoder=networks.MLP((16, 8), activation="tanh"), seed=7)


def full_covariance_vae():
    return VAE(
        SHAPE,
        3,
        encoder=networks.MLP((16,)),
        decoder=networks.MLP((8,), activation="elu"),
        posterior=posteriors.FullCovarianceNormal(),
        likelihood=likelihoods.Normal(per_element=True, min_scale=0.1),
        seed=8,
        name="full",
    )


def dropout_vae():
    return VAE(
        SHAPE,
        1,
        encoder=networks.MLP((16,), dropout_rate=0.3),
        posterior=posteriors.FullCovarianceNormal(),
        seed=12,
    )


def convolutional_vae():
    return VAE(
        SHAPE,
        2,
        encoder=networks.Conv((4, 6), hidden_units=(8,), kernel_size=3),
        likelihood=likelihoods.ContinuousBernoulli(),
        seed=9,
    )


def residual_beta_vae():
    return BetaVAE(
        SHAPE,
        2,
        encoder=networks.ResNet((4,), num_blocks=1, hidden_units=(8,)),
        likelihood=likelihoods.Normal(),
        beta=schedules.Cyclical(0.1, 2.0, 10, ramp=0.4),
        normalized=True,
        seed=10,
    )


def capacity_vae():
    return BetaVAE(
        SHAPE,
        2,
        encoder=networks.MLP((8,)),
        likelihood=likelihoods.Normal(0.5),
        beta=10.0,
        capacity=schedules.Linear(0.0, 5.0, 20),
        seed=11,
    )


def hyperspherical_vae():
    return HypersphericalVAE(SHAPE, 4, encoder=networks.MLP((16,)), seed=13)


def product_of_spheres_vae():
    parts = [
        posteriors.PowerSpherical(min_concentration=0.5),
        posteriors.VonMisesFisher(),
    ]
    uniform = [priors.SphericalUniform(), priors.SphericalUniform()]
    return HypersphericalVAE(
        SHAPE,
        5,
        encoder=networks.MLP((16,)),
        posterior=products.ProductPosterior(parts, sizes=(2, 3)),
        prior=products.ProductPrior(uniform, sizes=(2, 3)),
        likelihood=likelihoods.Normal(0.5),
        beta=schedules.Linear(0.1, 1.0, 10),
        seed=14,
    )


def mixture_prior_vae():
    start = cluster_initializers.KMeans(1, num_restarts=2, max_examples=30)
    return VAE(
        SHAPE,
        3,
        encoder=distortions.Distorted(
            networks.MLP((16,)), rotation=20.0, elastic=0.1, seed=1
        ),
        prior=priors.MixtureOfNormals(3, initialization=start),
        seed=15,
    )


def gaussian_mixture_vae():
    return GaussianMixtureVAE(
        SHAPE,
        2,
        num_clusters=4,
        noise_dim=3,
        cluster_network=networks.MLP((5,), activation="tanh"),
        encoder=networks.MLP((16,)),
        full_covariance=False,
        initialization=None,
        beta=schedules.Linear(0.5, 1.0, 10),
        free_bits=0.5,
        seed=16,
    )


def flow_vae():
    return VAE(
        SHAPE,
        3,
        encoder=networks.MLP((16,)),
        posterior=posteriors.InverseAutoregressiveFlow(2, (12,)),
        prior=priors.Flow(2, (8,)),
        seed=17,
    )


def vamp_prior_vae():
    return VAE(
        SHAPE,
        2,
        encoder=networks.MLP((16,), dropout_rate=0.3),
        likelihood=likelihoods.Normal(0.5),
        prior=priors.VampPrior(6),
        seed=18,
    )


# Those that differ most from each other, and among them have every part of the others,
# which run with `pytest -m ""` too.
ALL = [
    pytest.param(vae, marks=pytest.mark.slow),
    pytest.param(full_covariance_vae, marks=pytest.mark.slow),
    pytest.param(dropout_vae),
    pytest.param(convolutional_vae),
    pytest.param(residual_beta_vae, marks=pytest.mark.slow),
    pytest.param(capacity_vae, marks=pytest.mark.slow),
    pytest.param(hyperspherical_vae),
    pytest.param(mixture_prior_vae, marks=pytest.mark.slow),
    pytest.param(gaussian_mixture_vae),
    pytest.param(flow_vae, marks=pytest.mark.slow),
    pytest.param(vamp_prior_vae, marks=pytest.mark.slow),
]

every_model = pytest.mark.parametrize("make_model", ALL)
# For laws of the latents: the network and the likelihood are only in between.
every_posterior = pytest.mark.parametrize(
    "make_model",
    [
        pytest.param(convolutional_vae, marks=pytest.mark.slow)
        if each.values == (convolutional_vae,)
        else each
        for each in ALL
    ],
)


def state(model):
    """The values of all variables, also of the optimizer."""
    return [each.numpy() for each in (*model.variables, *model.optimizer.variables)]


def set_state(model, values):
    """Makes a model what it was; what it has traced since then serves again."""
    variables = (*model.variables, *model.optimizer.variables)
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


@functools.cache
def trained(make_model):
    """One model of its kind for all laws of a worker, after a training of two epochs.

    A law may train it on and take from its random generators: each holds for a model
    in any state.
    """
    model = make_model()
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(IMAGES, epochs=2, batch_size=16, verbose=0)
    return model
