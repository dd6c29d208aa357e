import functools

import keras
import numpy as np
import pytest
import sklearn.datasets
import tensorflow as tf
from numpy.testing import assert_allclose

from tests import zoo_of_models
from vae_zoo import BetaVAE, HypersphericalVAE
from vae_zoo.components import networks, posteriors, priors, schedules

both_posteriors = pytest.mark.parametrize(
    "posterior", [posteriors.VonMisesFisher, posteriors.PowerSpherical]
)


def small(latent_dim, posterior=posteriors.VonMisesFisher, **options):
    return HypersphericalVAE(
        (6, 5, 1),
        latent_dim,
        encoder=networks.MLP((16,)),
        posterior=posterior(),
        seed=3,
        **options,
    )


@both_posteriors
def test_the_likelihood_is_the_integral_over_the_circle(posterior, binary_images):
    model = small(2, functools.partial(posterior, min_concentration=0.0))
    # Eagerly: five steps take less time than their graph.
    model.compile(keras.optimizers.Adam(0.01), run_eagerly=True)
    model.fit(binary_images, epochs=5, verbose=0)
    # On the circle the weights of a power spherical proposal, whose density is 0
    # opposite mu, have a variance up to a concentration of 1/2 only.
    projection = model.posterior_head.raw_concentration.dense
    projection.kernel.assign(0 * projection.kernel)
    projection.bias.assign([-1.0])
    x = binary_images[:5]
    angles = 2 * np.pi * np.arange(2000) / 2000
    z = np.stack([np.cos(angles), np.sin(angles)], axis=-1).astype("float32")
    log_likelihood = model.likelihood(z).log_prob(x[:, None])
    exact = tf.reduce_logsumexp(log_likelihood, axis=1) - np.log(2000)
    draws = np.stack(
        [model.log_marginal_likelihood(x, 2000, seed=seed) for seed in range(10)]
    )
    error = draws.std(0, ddof=1) / 10**0.5
    assert (error < 0.05).all()
    assert (np.abs(draws.mean(0) - exact) < 5 * error + 1e-4).all()


@both_posteriors
def test_latents_are_directions_and_parameters_have_tfp_names(posterior, binary_images):
    model = small(4, posterior)
    latents = model.encode(binary_images)
    assert_allclose(np.linalg.norm(latents, axis=-1), 1, rtol=1e-6)
    parameters = model.posterior_parameters(binary_images)
    assert set(parameters) == {"mean_direction", "concentration"}
    assert parameters["concentration"].shape == (32,)
    assert (parameters["concentration"].numpy() > 1).all()
    assert_allclose(latents, parameters["mean_direction"])
    z = model.posterior(binary_images).sample(seed=(1, 2))
    assert_allclose(np.linalg.norm(z, axis=-1), 1, rtol=1e-5)


def test_it_is_a_beta_vae_of_the_same_components(binary_images):
    # The story is in the components: the class adds defaults and checks.
    losses = []
    for make in (HypersphericalVAE, BetaVAE):
        keras.utils.set_random_seed(1)
        model = make(
            (6, 5, 1),
            4,
            encoder=networks.MLP((16,)),
            posterior=posteriors.VonMisesFisher(),
            prior=priors.SphericalUniform(),
            beta=schedules.Linear(0.0, 1.0, 10),
            seed=2,
        )
        model.compile("adam", run_eagerly=True)
        fitted = model.fit(binary_images, epochs=3, shuffle=False, verbose=0)
        losses.append(fitted.history["loss"])
    assert_allclose(*losses, rtol=1e-5)


def test_a_product_of_spheres_is_saved_and_compiled(binary_images, tmp_path):
    model = zoo_of_models.product_of_spheres_vae()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == model.get_config()
    expected = model.elbo_terms(binary_images, seed=1)
    compiled = tf.function(loaded.elbo_terms, jit_compile=True, autograph=False)
    received = compiled(binary_images, seed=tf.constant([0, 1]))
    for name, value in expected.items():
        assert_allclose(received[name], value, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("latent_dim", [2, pytest.param(6, marks=pytest.mark.slow), 41])
def test_short_trainings_of_twenty_seeds_stay_finite(latent_dim):
    digits = sklearn.datasets.load_digits().images[..., None] / 16
    x = (digits > np.random.default_rng(0).random(digits.shape)).astype("float32")[:256]

    # One `fit` for all seeds; each starts from weights of its own: initial ones are
    # independent and equally distributed, so that they may change places.
    model = HypersphericalVAE((8, 8, 1), latent_dim, encoder=networks.MLP((64,)))
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    initial = model.get_weights()

    def start(epoch, logs):
        seed, epoch_of_seed = divmod(epoch, 5)
        if epoch_of_seed:
            return
        rng = np.random.default_rng(seed)
        weights = [
            rng.permutation(each.ravel()).reshape(each.shape) for each in initial
        ]
        model.set_weights(weights)
        model.seed_generator.state.assign([0, seed])
        for variable in model.optimizer.variables:
            if variable.path != model.optimizer.learning_rate.path:
                variable.assign(keras.ops.zeros_like(variable))

    # One iterator too, without an end: a new one costs more than an epoch's steps.
    data = tf.data.Dataset.from_tensor_slices(x).shuffle(256).repeat().batch(64)
    callbacks = [keras.callbacks.LambdaCallback(on_epoch_begin=start)]
    options = {"epochs": 20 * 5, "steps_per_epoch": 4, "verbose": 0}
    history = model.fit(data, **options, callbacks=callbacks).history
    for seed, losses in enumerate(np.reshape(history["loss"], (20, 5))):
        assert np.isfinite(losses).all(), seed
        assert losses[-1] < losses[0], seed


def test_bad_arguments():
    with pytest.raises(
        ValueError, match="`latent_dim` must be at least 2.*latent_dim=1"
    ):
        HypersphericalVAE((4,), 1)
    with pytest.raises(
        ValueError, match="`beta` must be a finite number >= 0.*beta=-1"
    ):
        HypersphericalVAE((4,), 3, beta=-1)
    for bad in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="`min_concentration` must be a finite"):
            posteriors.VonMisesFisher(min_concentration=bad)
