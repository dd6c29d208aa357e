"""Score functions and wake-sleep follow the gradients that they are to follow."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from tests.laws.gradients import (
    MANY,
    X,
    assert_equal_in_expectation,
    encoder_weights,
    ladder,
    sampled,
    vae,
    with_the_same_draws,
)
from vae_zoo import VAE
from vae_zoo.components import networks
from vae_zoo.components.draw import total
from vae_zoo.components.objectives import (
    Elbo,
    ScoreFunction,
    WakeSleep,
)
from vae_zoo.components.objectives.gradients import GradientScale
from vae_zoo.fitting.inputs import Inputs
from vae_zoo.fitting.step import Step

# The score function.


def test_the_variances_of_both_gradients_are_those_of_theory():
    # Of E_q[z^2], q = N(theta, 1), by theta: 4 and theta^4 + 14 theta^2 + 15.
    theta, count = 0.7, 200_000
    noise = np.random.default_rng(3).normal(size=(count, 1)).astype("float32")
    scale = GradientScale()
    variances = {}
    for name in ("score", "reparameterized"):
        thetas = tf.fill([count, 1], theta)
        with tf.GradientTape() as tape:
            tape.watch(thetas)
            z = thetas + noise
            if name == "reparameterized":
                value = z**2
            else:
                scale.factor = 0.0
                z = scale(z)
                value = tf.stop_gradient(z**2) * (-((z - thetas) ** 2) / 2)
        variances[name] = np.var(tape.gradient(value, thetas))
    assert_allclose(variances["reparameterized"], 4.0, rtol=0.02)
    expected = theta**4 + 14 * theta**2 + 15
    assert_allclose(variances["score"], expected, rtol=0.05)


@pytest.mark.parametrize("make_model", [vae, ladder])
def test_the_score_function_is_without_bias(make_model):
    model = make_model()
    weights = encoder_weights(model)
    expected = sampled(model, Elbo(closed_form=False), weights, 150)
    # The signal is divided by the running deviation, which stays 1 here.
    objective = ScoreFunction(baseline_units=3, num_samples=2, decay=1 - 1e-7)
    found = sampled(model, objective, weights, 400)
    assert_allclose(objective.variance, 1.0, rtol=1e-3)
    assert_equal_in_expectation(found, expected)
    assert found.var(axis=0).sum() > expected.var(axis=0).sum()


def test_the_decoder_follows_the_bound_and_the_baseline_its_signal():
    model = vae()
    decoder = model.decoder.trainable_weights
    loss, expected = with_the_same_draws(model, Elbo(closed_form=False), decoder)
    objective = ScoreFunction()
    found = with_the_same_draws(model, objective, decoder)
    assert_allclose(found[0], loss, rtol=1e-6)
    assert_allclose(found[1], expected, rtol=1e-4, atol=1e-6)
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    model.fit(MANY, epochs=25, verbose=0)
    step = Step(model, Inputs(X[:1]), training=False)
    expected = float(step.elbo[0])
    baseline = objective.baseline(X[:1])[0, 0] + objective.mean
    assert abs(float(baseline) - expected) < 1.0


# Wake and sleep.


def tiny():
    """Two pixels and one latent: small enough to sum over x and integrate over z."""
    keras.utils.set_random_seed(2)
    model = VAE(
        (2,),
        1,
        encoder=networks.MLP((3,), activation="tanh"),
        decoder=networks.MLP((3,), activation="tanh"),
        seed=3,
    )
    model.posterior_head.loc.dense.bias.assign([0.5])
    model.likelihood_head.logits.dense.bias.assign([0.5, -0.5])
    return model


def exact_gradients_of_wake_and_sleep(model, x):
    every_x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
    grid = np.linspace(-8, 8, 1601, dtype="float32")
    width, z = grid[1] - grid[0], {"z": tf.constant(grid[:, None, None])}

    def at(rows):
        return {"z": tf.broadcast_to(z["z"], [len(grid), len(rows), 1])}

    with tf.GradientTape(persistent=True) as tape:
        log_q = model.infer(x, z=at(x)).log_q["z"]
        log_p = total(model.log_joint(at(x), x))
        density = tf.stop_gradient(tf.exp(log_q))
        awake = -tf.reduce_mean(tf.reduce_sum(density * log_p, axis=0)) * width
        log_p = total(model.log_joint(at(every_x), every_x))
        log_q = model.infer(every_x, z=at(every_x)).log_q["z"]
        density = tf.stop_gradient(tf.exp(log_p))
        asleep = -tf.reduce_sum(density * log_q) * width
    decoder = [*model.decoder.trainable_weights, *model.likelihood_head.weights]
    return {
        "awake": (decoder, tape.gradient(awake, decoder)),
        "asleep": (
            encoder_weights(model),
            tape.gradient(asleep, encoder_weights(model)),
        ),
    }


@pytest.mark.parametrize("part", ["awake", "asleep"])
def test_wake_and_sleep_follow_their_exact_gradients(part):
    model, x = tiny(), np.array([[1, 0]], "float32")
    weights, exact = exact_gradients_of_wake_and_sleep(model, x)[part]
    exact = np.concatenate([np.ravel(each) for each in exact])
    found = sampled(model, WakeSleep(), weights, 200, np.repeat(x, 200, axis=0))
    error = found.std(axis=0, ddof=1) / 200**0.5
    assert (np.abs(found.mean(axis=0) - exact) < 5 * error + 1e-5).all()
    assert np.abs(exact).max() > 0.05


def test_dreams_have_no_weights():
    model, x = tiny(), np.array([[1, 0], [0, 1], [1, 1]], "float32")
    model.objective = WakeSleep()
    weights = encoder_weights(model)
    found = []
    for sample_weight in (None, [1.0, 1.0, 1.0], [0.5, 4.0, 0.0]):
        model.seed_generator.state.assign([7, 1])
        with tf.GradientTape() as tape:
            loss = model.compute_loss(x, sample_weight=sample_weight)
        found.append(
            np.concatenate([np.ravel(g) for g in tape.gradient(loss, weights)])
        )
    assert np.abs(found[0]).max() > 1e-3
    for each in found[1:]:
        assert_allclose(each, found[0], rtol=1e-4, atol=1e-6)
