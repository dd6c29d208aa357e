"""Priors made of pseudo-inputs, and what learned priors refuse."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp

from tests.additions.conditional import OnCondition
from tests.zoo_of_models import IMAGES, SHAPE
from vae_zoo import VAE, HypersphericalVAE, evaluation
from vae_zoo.components import (
    likelihoods,
    networks,
    objectives,
    posteriors,
    priors,
    products,
)
from vae_zoo.distributions import Mixture
from vae_zoo.distributions.multivariate_normal import MultivariateNormalDiag

SIZE = 3


def values(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=shape), tf.float32)


def vae(prior, model=VAE, **options):
    options = {"encoder": networks.MLP((8,)), "seed": 2, **options}
    return model(SHAPE, SIZE, prior=prior, **options)


def trained(prior, data=IMAGES, epochs=1, learning_rate=0.01, alone=False, **options):
    made = vae(prior, **options)
    for each in (made.encoder, made.decoder, made.posterior_head, made.likelihood_head):
        each.trainable = not alone
    made.compile(keras.optimizers.SGD(learning_rate), jit_compile=False)
    made.fit(data, epochs=epochs, batch_size=16, verbose=0)
    return made


# Mixtures of posteriors.


def mixture_of_normals(logits):
    """Five normals far apart, at 0, 10, …, 40 in the first element."""
    loc = np.zeros((5, 2), "float32")
    loc[:, 0] = 10 * np.arange(5)
    return Mixture(
        tf.constant(logits, tf.float32),
        MultivariateNormalDiag,
        loc=tf.constant(loc),
        scale_diag=tf.ones([5, 2]),
    )


def test_a_mixture_draws_each_component_as_often_as_it_should():
    shares = np.array([0.1, 0.0, 0.4, 0.3, 0.2])
    p = mixture_of_normals(np.log(shares + 1e-30))
    z = p.sample(20_000, seed=tf.constant([1, 2])).numpy()
    component = np.round(z[:, 0] / 10).astype(int)
    found = np.bincount(component, minlength=5) / 20_000
    assert (np.abs(found - shares) <= 5 * np.sqrt(shares / 20_000)).all()
    noise = z - 10 * component[:, None] * [1, 0]
    assert_allclose(np.cov(noise, rowvar=False), np.eye(2), atol=0.05)
    expected = logsumexp(p.components.log_prob(z[:9, None]), axis=1, b=shares)
    assert_allclose(p.log_prob(z[:9]), expected, rtol=1e-5)


def test_a_draw_of_a_mixture_depends_on_its_own_seed_and_not_on_xla():
    p, seeds = mixture_of_normals(np.zeros(5)), tf.constant([[1, 2], [3, 4], [5, 6]])
    together = p.sample(3, seed=seeds)
    alone = [p.sample(1, seed=seeds[row : row + 1])[0] for row in range(3)]
    assert_allclose(together, alone, rtol=1e-5)
    compiled = tf.function(lambda: p.sample(3, seed=seeds), jit_compile=True)
    assert_allclose(compiled(), together, rtol=1e-5, atol=1e-5)


def product():
    factors = [posteriors.VonMisesFisher(), posteriors.PowerSpherical()]
    return products.ProductPosterior(factors, sizes=(2, 2))


@pytest.mark.parametrize(
    ("kind", "posterior", "size"),
    [
        (VAE, posteriors.DiagonalNormal, 3),
        (VAE, posteriors.FullCovarianceNormal, 3),
        (HypersphericalVAE, posteriors.VonMisesFisher, 3),
        (HypersphericalVAE, posteriors.PowerSpherical, 3),
        pytest.param(HypersphericalVAE, product, 4, marks=pytest.mark.slow),
    ],
)
def test_a_vamp_prior_is_the_mean_of_the_posteriors_of_its_inputs(
    kind, posterior, size
):
    model = kind(
        SHAPE,
        size,
        encoder=networks.MLP((8,)),
        posterior=posterior(),
        prior=priors.VampPrior(5, "random"),
    )
    assert model.geometry == model.posterior_head.geometry
    z = model.infer(IMAGES[:7], seed=1).z["z"][0]
    pseudo_inputs = model.prior_layer.pseudo_inputs.value
    each = model.posterior(pseudo_inputs).log_prob(z[:, None])
    assert_allclose(
        model.prior().log_prob(z), logsumexp(each, axis=1) - np.log(5), rtol=1e-4
    )
    drawn = model.prior().sample(4, seed=tf.constant([[1, 2]] * 4))
    assert_array_equal(drawn[0], drawn[1])
    assert np.isfinite(model.prior().log_prob(drawn)).all()
    with tf.GradientTape() as tape:
        loss = model.compute_loss(IMAGES)
    gradient = tape.gradient(loss, model.prior_layer.trainable_weights)[0]
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0


def test_with_the_data_as_pseudo_inputs_it_is_the_aggregate_posterior():
    model = trained(priors.VampPrior(len(IMAGES)), learning_rate=0.0)
    pseudo_inputs = model.prior_layer.pseudo_inputs.numpy()
    assert_array_equal(np.unique(pseudo_inputs, axis=0), np.unique(IMAGES, axis=0))
    usage = evaluation.latent_usage(model, IMAGES)
    assert_allclose(usage.aggregate_gap.mean, 0, atol=1e-5)
    assert usage.mutual_information.mean > 0.01


OBJECTIVES = {
    "elbo": functools.partial(objectives.Elbo, free_bits=0.1, num_samples=2),
    "reparameterized": objectives.ImportanceWeighted,
    "sticking-the-landing": functools.partial(
        objectives.ImportanceWeighted, gradient="sticking-the-landing"
    ),
    "doubly-reparameterized": functools.partial(
        objectives.ImportanceWeighted, gradient="doubly-reparameterized"
    ),
    "renyi": objectives.Renyi,
    "score-function": objectives.ScoreFunction,
    "wake-sleep": objectives.WakeSleep,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_vamp_prior_trains_by_every_objective(name):
    keras.utils.set_random_seed(1)
    model = vae(priors.VampPrior(6), objective=OBJECTIVES[name]())
    # At higher rates wake-sleep does not settle on so few examples.
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    model.fit(IMAGES, batch_size=16, verbose=0)
    # Bounds of several draws may lower that of one.
    log_p = np.mean(model.log_marginal_likelihood(IMAGES, 100, seed=1))
    pseudo_inputs = model.prior_layer.pseudo_inputs.numpy()
    model.fit(IMAGES, epochs=80, batch_size=16, verbose=0)
    after = np.mean(model.log_marginal_likelihood(IMAGES, 100, seed=1))
    assert after > log_p + 1
    assert np.abs(model.prior_layer.pseudo_inputs - pseudo_inputs).max() > 0.01


# How pseudo-inputs start.


def test_pseudo_inputs_start_from_examples_once():
    def as_rows(images):
        return {tuple(image.ravel()) for image in np.asarray(images)}

    labels = np.where(np.arange(32) < 3, 1, -1)
    for data in (IMAGES, tf.data.Dataset.from_tensor_slices((IMAGES, labels)).batch(8)):
        model = vae(priors.VampPrior(6))
        prior = model.prior_layer
        assert prior.awaits_data
        assert not as_rows(prior.pseudo_inputs) & as_rows(IMAGES)
        model.compile(keras.optimizers.SGD(0.0), jit_compile=False)
        model.fit(data, verbose=0)
        assert as_rows(prior.pseudo_inputs) <= as_rows(IMAGES)
        assert not prior.awaits_data
        first = prior.pseudo_inputs.numpy()
        model.fit(1 - IMAGES, verbose=0)
        assert_array_equal(prior.pseudo_inputs, first)


def test_pseudo_inputs_that_started_stay_in_a_file(tmp_path):
    model = trained(priors.VampPrior(6))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert not loaded.prior_layer.awaits_data
    assert loaded.get_config() == model.get_config()
    assert_array_equal(loaded.elbo(IMAGES, seed=1), model.elbo(IMAGES, seed=1))
    found, expected = (
        each.fit(1 - IMAGES, shuffle=False, verbose=0).history
        for each in (loaded, model)
    )
    assert found == expected
    for a, b in zip(loaded.weights, model.weights, strict=True):
        assert_array_equal(a, b)


def test_pseudo_inputs_stay_in_the_range_of_the_data():
    far = {"learning_rate": 30.0, "alone": True}
    for epochs in (0, 3):
        model = trained(priors.VampPrior(6, "random"), epochs=epochs, **far)
        found = model.prior_layer.pseudo_inputs.numpy()
        assert found.min() >= 0
        assert found.max() <= 1
    assert ((found == 0) | (found == 1)).any()
    model = trained(priors.VampPrior(6), likelihood=likelihoods.Normal(1.0), **far)
    found = model.prior_layer.pseudo_inputs.numpy()
    assert found.min() < 0 or found.max() > 1
    # An average of weights is not clipped with them.
    model = vae(priors.VampPrior(6, "random"))
    outside = model.prior_layer.pseudo_inputs + 0.3
    model.prior_layer.pseudo_inputs.assign(outside)
    assert np.isfinite(model.prior().log_prob(values(1, SIZE))).all()


def test_a_start_needs_examples_that_are_there():
    model = vae(priors.VampPrior(33))
    model.compile("sgd", jit_compile=False)
    with pytest.raises(
        ValueError,
        match="`num_pseudo_inputs` must be at most .*=33, 32 examples",
    ):
        model.fit(IMAGES, verbose=0)
    with pytest.raises(ValueError, match="`x` must be arrays.*Received: a generator"):
        model.fit((each for each in [IMAGES]), verbose=0)
    # At random there may be any number.
    trained(priors.VampPrior(33, "random"))


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("num_couplings", lambda: priors.Flow(0)),
        ("hidden_units", lambda: priors.Flow(2, ())),
        ("latent_dim", lambda: VAE(SHAPE, 1, prior=priors.Flow())),
        ("num_normals", lambda: priors.MixtureDensity(0)),
        ("num_pseudo_inputs", lambda: priors.VampPrior(0)),
        ("start_from", lambda: priors.VampPrior(3, "noise")),
        (
            "posterior",
            lambda: HypersphericalVAE(
                SHAPE,
                3,
                posterior=posteriors.DiagonalNormal(),
                prior=priors.VampPrior(3),
            ),
        ),
        ("prior", lambda: HypersphericalVAE(SHAPE, 3, prior=priors.Flow())),
        ("prior", lambda: OnCondition((4,), 2, 3, prior=priors.VampPrior(3))),
        (
            "factors",
            lambda: products.ProductPrior([priors.VampPrior(3), priors.Flow()], (2, 2)),
        ),
    ],
)
def test_bad_arguments_are_named(name, make):
    with pytest.raises(ValueError, match=f"`{name}`.* must .*Received"):
        make()
