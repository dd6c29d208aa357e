"""What must hold for every model of the package."""

import itertools

import numpy as np
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from tests.zoo_of_models import every_model, trained


def repeated(function, count):
    """The values of `function` for `count` different seeds."""
    compiled = tf.function(function)
    return np.stack([compiled(tf.constant([1, number])) for number in range(count)])


@every_model
def test_the_elbo_is_below_the_importance_sampled_likelihood(make_model, binary_images):
    model = trained(make_model, binary_images)
    x = binary_images[:4]
    elbos = repeated(lambda seed: model.elbo(x, seed=seed), 200)
    bounds = {
        k: repeated(
            lambda seed, k=k: model.log_marginal_likelihood(x, k, seed=seed), 100
        )
        for k in (1, 10, 100)
    }
    # In expectation: ELBO = L_1 <= L_10 <= L_100 <= log p(x).
    chain = [elbos, bounds[1], bounds[10], bounds[100]]
    for lower, upper in itertools.pairwise(chain):
        gap = upper.mean(0) - lower.mean(0)
        error = np.hypot(
            lower.std(0) / len(lower) ** 0.5, upper.std(0) / len(upper) ** 0.5
        )
        assert (gap > -5 * error - 1e-4).all()
    error = np.hypot(elbos.std(0) / 200**0.5, bounds[1].std(0) / 100**0.5)
    assert (np.abs(elbos.mean(0) - bounds[1].mean(0)) < 5 * error + 1e-4).all()


@every_model
def test_memory_chunks_do_not_change_the_estimate(
    make_model, binary_images, monkeypatch
):
    model, x = make_model(), binary_images[:2]
    estimates = {}
    for size in (1, 32, 65):
        monkeypatch.setattr("vae_zoo.models.importance.SAMPLES_PER_STEP", size)
        estimates[size] = repeated(
            lambda seed: model.log_marginal_likelihood(x, 65, seed=seed), 50
        )
    for size in (1, 32):
        difference = estimates[size].mean(0) - estimates[65].mean(0)
        error = np.hypot(estimates[size].std(0), estimates[65].std(0)) / 50**0.5
        assert (np.abs(difference) < 5 * error + 1e-5).all()


@every_model
def test_xla_and_eager_agree(make_model, binary_images):
    model, x = trained(make_model, binary_images), binary_images[:3]
    z = model.encode(x)
    mask = np.ones_like(x)
    mask[:, 3:] = 0
    calls = {
        "encode": lambda: model.encode(x),
        "decode": lambda: model.decode(z),
        "sample": lambda: model.sample(3, seed=1),
        "elbo_terms": lambda: model.elbo_terms(x, seed=2),
        "likelihood": lambda: model.log_marginal_likelihood(x, 20, seed=3),
        "prior": lambda: model.joint_prior().sample(4, seed=(5, 6)),
        "impute": lambda: model.impute(x, mask, 3, seed=4),
    }
    for name, call in calls.items():
        expected = tf.nest.flatten(call())
        for jit_compile in (False, True):
            received = tf.nest.flatten(tf.function(call, jit_compile=jit_compile)())
            for a, b in zip(expected, received, strict=True):
                assert_allclose(a, b, rtol=2e-4, atol=2e-4, err_msg=name)


@every_model
def test_the_same_seed_gives_the_same_samples(make_model):
    model = make_model()
    assert_array_equal(model.sample(4, seed=5), model.sample(4, seed=5))
    assert np.abs(model.sample(4, seed=5) - model.sample(4, seed=6)).max() > 0
    assert np.abs(model.sample(4) - model.sample(4)).max() > 0


@every_model
def test_imputation_keeps_what_was_observed(make_model, binary_images):
    model, x = make_model(), binary_images[:3]
    mask = np.ones_like(x)
    mask[:, 3:] = 0
    missing = np.where(mask == 1, x, np.nan)
    imputed = model.impute(missing, mask, 5, seed=1).numpy()
    assert_array_equal(imputed[:, :3], x[:, :3])
    assert np.isfinite(imputed).all()
    assert_array_equal(imputed, model.impute(x, mask, 5, seed=1))
