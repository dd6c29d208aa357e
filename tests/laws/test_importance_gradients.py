"""What is known of importance weights and their gradients, with and without bias."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from numpy.testing import assert_allclose

from tests.laws.gradients import (
    GRADIENTS,
    MANY,
    RNG,
    X,
    assert_equal_in_expectation,
    encoder_weights,
    gradient_of,
    ladder,
    sampled,
    vae,
    with_the_same_draws,
)
from vae_zoo import VAE
from vae_zoo.components import likelihoods, networks
from vae_zoo.components.draw import total
from vae_zoo.components.objectives import (
    Elbo,
    ImportanceWeighted,
    Renyi,
)
from vae_zoo.fitting.inputs import Inputs
from vae_zoo.fitting.step import Step


@pytest.fixture(scope="module")
def trained():
    model = vae()
    model.compile(keras.optimizers.Adam(0.02), jit_compile=False)
    x = (RNG.random((128, 5)) < RNG.random((128, 1))).astype("float32")
    model.fit(x, epochs=20, verbose=0)
    return model


def plain(num_bounds, num_samples, elbo_share=0.0):
    """The value of the bound, for TensorFlow to take the gradient of."""

    def loss(step):
        log_w = total(step.log_joint()) - total(step.log_q())
        by_bound = tf.reshape(log_w, [num_bounds, num_samples, -1])
        bounds = tf.reduce_logsumexp(by_bound, axis=1) - np.log(num_samples)
        bound = (1 - elbo_share) * tf.reduce_mean(bounds, axis=0)
        return -bound - elbo_share * tf.reduce_mean(log_w, axis=0)

    return loss


def gradient_of_plain(model, weights, *args):
    objective = ImportanceWeighted(num_samples=args[0] * args[1])
    objective.loss = plain(*args)
    return with_the_same_draws(model, objective, weights)


def test_one_weight_is_the_bound_of_estimator_a(trained):
    loss, gradient = with_the_same_draws(trained, Elbo(closed_form=False))
    for objective in (ImportanceWeighted(num_samples=1), Renyi(alpha=1, num_samples=1)):
        found = with_the_same_draws(trained, objective)
        assert_allclose(found[0], loss, rtol=1e-6)
        assert_allclose(found[1], gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("sizes", [(1, 4), (3, 2), (2, 3, 0.3)])
@pytest.mark.parametrize("make_model", [vae, ladder])
def test_the_plain_gradient_is_that_of_the_value(sizes, make_model):
    model = make_model()
    num_bounds, num_samples, *share = sizes
    expected = gradient_of_plain(model, model.trainable_weights, *sizes)
    objective = ImportanceWeighted(
        num_samples=num_samples,
        num_bounds=num_bounds,
        elbo_share=share[0] if share else 0.0,
    )
    found = with_the_same_draws(model, objective)
    assert_allclose(found[0], expected[0], rtol=1e-5)
    assert_allclose(found[1], expected[1], rtol=1e-3, atol=1e-5)


def test_two_bounds_for_two_networks():
    model = vae()

    def two_bounds():
        return ImportanceWeighted(num_samples=3, num_bounds=2, joint_decoder=True)

    decoder = [*model.decoder.trainable_weights, *model.likelihood_head.weights]
    for weights, sizes in ((decoder, (1, 6)), (encoder_weights(model), (2, 3))):
        expected = gradient_of_plain(model, weights, *sizes)
        found = with_the_same_draws(model, two_bounds(), weights)
        assert_allclose(found[1], expected[1], rtol=1e-3, atol=1e-5)
    # What is reported is the decoder's.
    expected = gradient_of_plain(model, decoder, 1, 6)
    found = with_the_same_draws(model, two_bounds(), decoder)
    assert_allclose(found[0], expected[0], rtol=1e-5)


def test_a_decoder_learns_the_same_whatever_the_encoder_does(trained):
    weights = trained.decoder.trainable_weights
    found = [
        with_the_same_draws(
            trained, ImportanceWeighted(num_samples=4, gradient=each), weights
        )
        for each in GRADIENTS
    ]
    for loss, gradient in found[1:]:
        assert_allclose(loss, found[0][0], rtol=1e-6)
        assert_allclose(gradient, found[0][1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("model", ["trained", "ladder"])
def test_a_doubly_reparameterized_gradient_has_no_bias(model, trained):
    model = trained if model == "trained" else ladder()
    weights = encoder_weights(model)
    own, doubly = (
        sampled(model, ImportanceWeighted(num_samples=4, gradient=each), weights, 250)
        for each in (GRADIENTS[0], GRADIENTS[2])
    )
    assert_equal_in_expectation(doubly, own)
    if model is trained:
        assert doubly.var(axis=0).sum() < 0.7 * own.var(axis=0).sum()


def test_sticking_the_landing_is_without_bias_for_one_weight_alone():
    model = vae()
    weights = encoder_weights(model)
    model.posterior_head.loc.dense.bias.assign([1.0, -1.0])
    for num_samples, has_bias in ((1, False), (8, True)):
        own, stuck = (
            sampled(
                model,
                ImportanceWeighted(num_samples=num_samples, gradient=each),
                weights,
                250,
            )
            for each in GRADIENTS[:2]
        )
        if not has_bias:
            assert_equal_in_expectation(stuck, own)
        else:
            difference = np.abs(stuck.mean(axis=0) - own.mean(axis=0))
            error = np.hypot(stuck.std(axis=0), own.std(axis=0)) / 250**0.5
            assert (difference > 8 * error).any()


def exact_linear_vae():
    """A linear VAE whose q(z|x) is the exact posterior."""
    model = VAE(
        (3,),
        2,
        # The identity, too, but with weights.
        encoder=keras.layers.Dense(3, kernel_initializer="identity"),
        decoder=keras.layers.Identity(),
        likelihood=likelihoods.Normal(0.5),
        seed=1,
    )
    w = np.array([[1.0, 0.5, 0.0], [-0.5, 1.0, 0.0]], "float32")  # Orthogonal.
    offset = np.array([0.1, -0.2, 0.3], "float32")
    model.likelihood_head.loc.dense.kernel.assign(w)
    model.likelihood_head.loc.dense.bias.assign(offset)
    precision = 1 + (w**2).sum(axis=1) / 0.25
    gain = w.T / 0.25 / precision
    head = model.posterior_head
    head.loc.dense.kernel.assign(gain)
    head.loc.dense.bias.assign(-offset @ gain)
    head.raw_scale.dense.kernel.assign(np.zeros((3, 2)))
    scale = tfp.math.softplus_inverse(tf.constant(precision**-0.5 - 1e-5))
    head.raw_scale.dense.bias.assign(scale)
    return model


def test_at_the_exact_posterior_two_gradients_are_zero_draw_by_draw():
    model = exact_linear_vae()
    x = RNG.normal(size=(4, 3)).astype("float32")
    weights = encoder_weights(model)
    largest = {}
    for each in GRADIENTS:
        objective = ImportanceWeighted(num_samples=3, gradient=each)
        model.objective = objective
        largest[each] = np.abs(gradient_of(model, objective, weights, x)[1]).max()
    assert largest["reparameterized"] > 0.05
    assert largest["sticking-the-landing"] < 1e-4
    assert largest["doubly-reparameterized"] < 1e-4


def test_the_signal_falls_below_the_noise_for_the_plain_gradient_alone():
    # Rainforth et al. 2018, theorem 1: the encoder's falls as 1 / sqrt(K).
    model = vae()
    model.posterior_head.loc.dense.bias.assign([0.5, -0.5])
    # Wider than the posterior, so that the weights have moments.
    model.posterior_head.raw_scale.dense.bias.assign([1.5, 1.5])
    weights = model.posterior_head.loc.trainable_weights
    ratios = {}
    for each in (GRADIENTS[0], GRADIENTS[2]):
        for count in (2, 128):
            objective = ImportanceWeighted(num_samples=count, gradient=each)
            found = sampled(model, objective, weights, 300, MANY[:40])
            signal = np.abs(found.mean(axis=0)) / found.std(axis=0)
            ratios[each, count] = np.median(signal[np.abs(found).sum(axis=0) > 0])
    assert ratios[GRADIENTS[0], 128] < 0.5 * ratios[GRADIENTS[0], 2]
    assert ratios[GRADIENTS[2], 128] > 0.8 * ratios[GRADIENTS[2], 2]


def test_the_bound_rises_with_the_number_of_weights(trained):
    bounds = {}
    for count in (1, 4, 32):
        trained.objective = objective = ImportanceWeighted(num_samples=count)

        @tf.function
        def one(objective=objective):
            return -objective.loss(Step(trained, Inputs(MANY), training=True))

        found = np.array([one() for _ in range(20)])
        bounds[count] = found.mean(), found.std() / found.size**0.5
    for less, more in ((1, 4), (4, 32)):
        error = np.hypot(bounds[less][1], bounds[more][1])
        assert bounds[more][0] > bounds[less][0] + 5 * error


def test_dropout_within_a_posterior_is_that_of_the_draw():
    # The density that the gradient sees has the value of the one that was drawn from.
    model = ladder()
    model.descent = networks.MLP((8,), dropout_rate=0.5)
    model.descent.build((None, 2))
    for training in (False, True):
        step = Step(model, Inputs(X), training=training)
        for name, log_q in step.log_q_along_draw.items():
            assert_allclose(log_q, step.log_q()[name], rtol=1e-5)


# Renyi's bounds.


def test_renyis_bound_falls_with_its_order(trained):
    losses = [
        with_the_same_draws(trained, Renyi(alpha=alpha, num_samples=6))
        for alpha in (-1.0, 0.0, 0.5, 0.999, 1.0, 1.001, 2.0)
    ]
    values = [float(loss) for loss, _ in losses]
    assert values == sorted(values)
    iwae = with_the_same_draws(trained, ImportanceWeighted(num_samples=6))
    assert_allclose(values[1], iwae[0], rtol=1e-6)
    assert_allclose(losses[1][1], iwae[1], rtol=1e-3, atol=1e-5)
    assert_allclose(values[3:6], values[4], rtol=1e-3)


def test_renyis_bound_is_the_integral_of_its_definition():
    # At the exact posterior it is log p(x) whatever the order.
    model = exact_linear_vae()
    x = RNG.normal(size=(4, 3)).astype("float32")
    exact = model.log_marginal_likelihood(x, 3)
    for alpha in (-2.0, 0.3, 3.0):
        model.objective = Renyi(alpha=alpha, num_samples=4)
        step = Step(model, Inputs(x), training=True)
        assert_allclose(-model.objective.loss(step), exact, rtol=1e-4)
