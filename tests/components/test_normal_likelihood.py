import math

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from vae_zoo import VAE
from vae_zoo.components import likelihoods, networks
from vae_zoo.components.heads import build_head

FEATURES = np.random.default_rng(0).normal(size=(3, 7)).astype("float32")
SHAPE = (4, 2)
NUM_COLUMNS = 6


@pytest.mark.parametrize(
    ("arguments", "scale_shape", "num_learned"),
    [
        ({"scale": 0.3}, (), 0),
        ({}, (), 1),
        ({"per_channel": True}, (1, 1, 2), 2),
        ({"per_element": True}, (3, *SHAPE), 64),
    ],
)
def test_log_prob_and_scale(arguments, scale_shape, num_learned):
    likelihood = likelihoods.Normal(**arguments)
    build_head(likelihood, (None, 7), SHAPE)
    parameters = likelihood(FEATURES)
    assert parameters["scale"].shape == scale_shape
    distribution = likelihood.distribution(**parameters)
    assert (distribution.batch_shape, distribution.event_shape) == ((3,), SHAPE)
    x = np.random.default_rng(1).normal(size=(3, *SHAPE)).astype("float32")
    loc, scale = (np.float64(parameters[name]) for name in ("loc", "scale"))
    expected = scipy.stats.norm(loc, scale).logpdf(x)
    assert_allclose(distribution.log_prob(x), expected.sum((1, 2)), rtol=1e-4)
    assert likelihood.count_params() == 7 * 8 + 8 + num_learned


def test_a_learned_scale_stays_above_its_bound():
    likelihood = likelihoods.Normal(min_scale=0.2)
    build_head(likelihood, (None, 7), SHAPE)
    likelihood.raw_shared_scale.assign(-100.0)
    assert float(likelihood(FEATURES)["scale"]) == pytest.approx(0.2)
    learn(likelihood, np.zeros(3))
    assert 0.2 <= float(likelihood(FEATURES)["scale"]) < 0.21


def learn(likelihood, squares, weights=None):
    """A step of training on rows [B] or [B, C] with these squared residuals."""
    shape = likelihood.event_shape
    axes = tuple(range(1, 1 + len(shape) - (squares.ndim - 1)))
    x = np.expand_dims(np.sqrt(squares), axes)
    x = np.broadcast_to(x, (len(squares), *shape)).astype("float32")
    p = likelihood.distribution(loc=tf.zeros((1, *x.shape)), scale=tf.constant(1.0))
    likelihood.learn(x, p, weights)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": 0.0}, "`scale` must be a finite number > 0.*scale=0.0"),
        ({"scale": "1"}, "`scale` must be a finite number > 0.*scale='1'"),
        ({"scale": math.inf}, "`scale` must be a finite number > 0.*scale=inf"),
        ({"scale": 1.0, "per_element": True}, "Only one of `scale`, `per_element`"),
        ({"per_channel": True, "per_element": True}, "Only one of `scale`, `per_el"),
        ({"per_element": 1}, "`per_element` must be True or False"),
        ({"min_scale": 0.0}, "`min_scale` must be a finite number > 0.*0.0"),
    ],
)
def test_bad_scales(arguments, message):
    with pytest.raises(ValueError, match=message):
        likelihoods.Normal(**arguments)


def rows(unit, count=1500):
    """A table whose columns have two causes and noise of their own."""
    rng = np.random.default_rng(0)
    causes = rng.normal(size=(count, 2)) @ rng.normal(size=(2, NUM_COLUMNS))
    noise = rng.normal(size=(count, NUM_COLUMNS)) * np.geomspace(0.1, 1, NUM_COLUMNS)
    return (unit * (causes + noise)).astype("float32")


def table_model(**arguments):
    keras.utils.set_random_seed(0)
    model = VAE(
        (NUM_COLUMNS,),
        2,
        encoder=networks.MLP((16,)),
        likelihood=likelihoods.Normal(min_scale=1e-6, **arguments),
        seed=0,
    )
    model.compile("adam", jit_compile=False)
    return model


def residuals_and_scale(model, x):
    """The root of the mean square of x - loc(z), z ~ q(z|x), and the model's scale."""
    z = model.posterior(x).sample(seed=(0, 1))
    parameters = model.likelihood_parameters(z)
    axes = (0,) if model.likelihood_head.per_channel else None
    return np.sqrt(np.mean((x - parameters["loc"]) ** 2, axes)), parameters["scale"]


@pytest.mark.parametrize(
    ("unit", "per_channel"),
    [
        (0.01, False),
        (0.01, True),
        pytest.param(1.0, True, marks=pytest.mark.slow),
        (100.0, False),
    ],
)
def test_the_scale_is_that_of_the_residuals_after_one_epoch(unit, per_channel):
    x = rows(unit)
    model = table_model(per_channel=per_channel)
    before = np.mean(model.elbo(x, seed=1))
    model.fit(x, batch_size=32, verbose=0)
    assert_allclose(*residuals_and_scale(model, x), rtol=0.2)
    after = np.mean(model.elbo(x, seed=1))
    assert after > before
    # Whatever the units, the density is that of the data in them.
    model.fit(x, batch_size=32, epochs=3, verbose=0)
    assert np.mean(model.elbo(x, seed=1)) > after
    assert_allclose(*residuals_and_scale(model, x), rtol=0.2)


def test_what_is_scored_does_not_move_the_scale():
    model, x = table_model(), rows(1.0, 32)
    model.train_on_batch(x)
    before = model.likelihood_head.raw_shared_scale.numpy()
    model.evaluate(x, verbose=0)
    model(x, training=True)
    model.elbo_terms(100 * x, training=True)
    assert_array_equal(model.likelihood_head.raw_shared_scale, before)
    model.likelihood_head.trainable = False
    learn(model.likelihood_head, np.ones(3))
    assert_array_equal(model.likelihood_head.raw_shared_scale, before)


def test_the_scale_follows_the_weighted_residuals():
    def learned(*batches):
        head = likelihoods.Normal(per_channel=True)
        build_head(head, (None, 7), SHAPE)
        for squares, weights in batches:
            learn(head, squares, weights)
        return head(FEATURES)["scale"].numpy() ** 2

    rng = np.random.default_rng(0)
    squares, others = rng.random((2, 5, 2)).astype("float32")
    weights = np.array([3, 0, 1, 2, 0], "float32")
    of_rows = np.repeat(squares, weights.astype(int), axis=0)
    first = of_rows.mean(0)
    assert_allclose(learned((squares, weights)), first, rtol=1e-5)
    moved = 0.8 * first + 0.2 * others.mean(0)
    assert_allclose(learned((of_rows, None), (others, None)), moved, rtol=1e-5)
    # Rows without weight say nothing, and a batch of them less than that.
    nothing = np.zeros(5, "float32")
    assert_allclose(learned((squares, weights), (others, nothing)), first, rtol=1e-5)


def test_a_training_step_scores_by_the_scale_before_it():
    model, x = table_model(), rows(1.0, 32)
    # The first by its own residuals, without which its gradient would be anything.
    parameters = model.likelihood_head.in_training(
        tf.constant(x), {"loc": tf.zeros_like(x), "scale": tf.constant(9.0)}
    )
    assert_allclose(parameters["scale"], np.sqrt(np.mean(x**2)), rtol=1e-5)
    model.train_on_batch(x)
    scale = model.likelihood_parameters(np.zeros((1, 2), "float32"))["scale"]
    parameters = model.likelihood_head.in_training(
        tf.constant(x), {"loc": tf.zeros_like(x), "scale": scale}
    )
    assert_array_equal(parameters["scale"], scale)
