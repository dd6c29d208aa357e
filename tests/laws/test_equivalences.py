"""Models that theory says are the same."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from vae_zoo import VAE, BetaVAE
from vae_zoo.components import networks, schedules


def gradients(model, x):
    with tf.GradientTape() as tape:
        loss = model.compute_loss(x)
    return tape.gradient(loss, model.trainable_weights)


def pair(**beta_options):
    models = []
    for make, options in ((VAE, {}), (BetaVAE, beta_options)):
        keras.utils.set_random_seed(1)
        encoder = networks.MLP((16,))
        models.append(make((6, 5, 1), 3, encoder=encoder, seed=2, **options))
    return models


def test_beta_one_is_the_vae(binary_images):
    vae, beta_vae = pair(beta=1.0)
    for a, b in zip(
        gradients(vae, binary_images), gradients(beta_vae, binary_images), strict=True
    ):
        assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_beta_weighs_the_kl_gradient(binary_images):
    # d(objective)/d(beta) = KL, so gradients are affine in beta.
    per_beta = {}
    for beta in (0.0, 1.0, 3.0):
        _, model = pair(beta=beta)
        per_beta[beta] = gradients(model, binary_images)
    for zero, one, three in zip(*per_beta.values(), strict=True):
        assert_allclose(three - zero, 3 * (one - zero), rtol=1e-3, atol=1e-4)


def test_normalized_beta_is_beta_times_n_over_m(binary_images):
    # Higgins et al. 2017: beta_norm = beta M / N, here M = 3 and N = 30.
    _, normalized = pair(beta=0.2, normalized=True)
    _, plain = pair(beta=2.0)
    for a, b in zip(
        gradients(normalized, binary_images),
        gradients(plain, binary_images),
        strict=True,
    ):
        assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_capacity_zero_is_beta_and_a_large_one_its_negative(binary_images):
    _, plain = pair(beta=2.0)
    _, held = pair(beta=2.0, capacity=0.0)
    _, pushed = pair(beta=2.0, capacity=1e6)
    _, free = pair(beta=0.0)
    all_gradients = [gradients(m, binary_images) for m in (plain, held, pushed, free)]
    for plain_g, held_g, pushed_g, free_g in zip(*all_gradients, strict=True):
        assert_allclose(held_g, plain_g, rtol=1e-4, atol=1e-5)
        assert_allclose(pushed_g + plain_g, 2 * free_g, rtol=1e-3, atol=1e-4)


def kl_weight(model):
    return model.objective.kl_weight(model.iteration)


def test_a_schedule_follows_the_optimizer_and_not_evaluation(binary_images):
    _, model = pair(beta=schedules.Linear(0.0, 1.0, 10))
    model.compile("adam")
    assert float(kl_weight(model)) == 0
    model.fit(binary_images, batch_size=16, epochs=2, verbose=0)
    model.evaluate(binary_images, verbose=0)
    model.predict(binary_images, verbose=0)
    assert_allclose(kl_weight(model), 0.4)


def history(**options):
    """That of a model compiled with `options`, after eight steps."""
    model, _ = pair()
    # Not Adam, to which a gradient of another size would be the same.
    model.compile(keras.optimizers.SGD(0.02), **options)
    x = np.random.default_rng(0).integers(0, 2, (32, 6, 5, 1)).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((x, np.zeros(32)))
    return model.fit(data.batch(8), epochs=2, shuffle=False, verbose=0).history


@pytest.fixture(scope="module")
def usual_history():
    return history()


@pytest.mark.parametrize(
    "options",
    [
        {"run_eagerly": True},
        {"jit_compile": True},
        {"jit_compile": False},
        {"steps_per_execution": 2},
    ],
)
def test_all_ways_to_run_a_step_train_alike(options, usual_history):
    found = history(**options)
    for name, values in usual_history.items():
        assert_allclose(values, found[name], rtol=1e-4)


def test_y_is_ignored_and_weights_are_not(binary_images):
    losses = []
    weights = np.arange(32.0)
    for arguments in (
        {"x": binary_images},
        {"x": binary_images, "y": np.arange(32)},
        {"x": binary_images, "y": np.arange(32), "sample_weight": weights},
    ):
        model, _ = pair()
        model.compile("adam")
        losses.append(model.evaluate(**arguments, batch_size=32, verbose=0))
    assert losses[0] == losses[1]
    model, _ = pair()
    values = -model.predict(binary_images, verbose=0)["elbo"]
    assert_allclose(losses[2][0], np.average(values, weights=weights), rtol=1e-4)


def test_bad_weights():
    for beta in (-1, float("inf"), float("nan"), "much"):
        with pytest.raises(ValueError, match="`beta` must be a finite number"):
            BetaVAE((4,), 2, beta=beta)
    with pytest.raises(ValueError, match=r"`capacity` must be.*capacity=-2"):
        BetaVAE((4,), 2, capacity=-2)
    assert BetaVAE((4,), 2, beta=np.float32(0.5)).beta == 0.5


def test_the_noise_of_two_calls_differs_and_of_two_equal_models_does_not(binary_images):
    model, twin = pair()[0], pair()[0]
    first, second = model.elbo(binary_images), model.elbo(binary_images)
    assert np.abs(first - second).max() > 0
    assert_array_equal(first, twin.elbo(binary_images))
    assert_array_equal(second, twin.elbo(binary_images))
