"""Gradients of objectives on small models, draw by draw and on average."""

import keras
import numpy as np
import tensorflow as tf

from tests.additions.ladder import TwoLevelLadder
from vae_zoo import VAE
from vae_zoo.components import networks
from vae_zoo.fitting.inputs import Inputs
from vae_zoo.fitting.step import Step

RNG = np.random.default_rng(0)
X = (RNG.random((3, 5)) < 0.4).astype("float32")
MANY = np.repeat(X[:1], 200, axis=0)
GRADIENTS = ("reparameterized", "sticking-the-landing", "doubly-reparameterized")


def vae(objective=None, **options):
    keras.utils.set_random_seed(1)
    encoder = networks.MLP((6,), activation="tanh")
    return VAE((5,), 2, encoder=encoder, objective=objective, seed=1, **options)


def ladder():
    keras.utils.set_random_seed(1)
    upper, encoder = (networks.MLP((6,), activation="tanh") for _ in range(2))
    return TwoLevelLadder((5,), 2, 2, encoder=encoder, upper=upper, seed=1)


def encoder_weights(model):
    parts = [model.encoder, *model.posterior_heads.values()]
    if isinstance(model, TwoLevelLadder):
        parts += [model.upper, model.bottom_posterior]
    return [weight for part in parts for weight in part.trainable_weights]


def gradient_of(model, objective, weights, x):
    """The mean loss of one step and its gradient, a vector, by `weights`."""
    if model.objective is not objective:
        model.objective = objective
    inputs = Inputs(tf.convert_to_tensor(x))
    with tf.GradientTape() as tape:
        step = Step(model, inputs, training=True)
        loss = tf.reduce_mean(objective.loss(step))
    parts = tape.gradient(loss, weights, unconnected_gradients="zero")
    flat = [tf.reshape(tf.convert_to_tensor(part), [-1]) for part in parts]
    return loss, tf.concat(flat, axis=0)


def sampled(model, objective, weights, count, x=MANY):
    """Gradients of `count` steps: [count, P]."""
    model.objective = objective

    @tf.function
    def one():
        return gradient_of(model, objective, weights, x)[1]

    return np.array([one() for _ in range(count)], "float64")


def with_the_same_draws(model, objective, weights=None):
    model.seed_generator.state.assign([7, 1])
    weights = model.trainable_weights if weights is None else weights
    return gradient_of(model, objective, weights, X)


def assert_equal_in_expectation(found, expected):
    means = [each.mean(axis=0) for each in (found, expected)]
    errors = [each.std(axis=0, ddof=1) / len(each) ** 0.5 for each in (found, expected)]
    difference = np.abs(np.subtract(*means))
    assert (difference < 5 * np.hypot(*errors) + 1e-6).all()
    return means, errors
