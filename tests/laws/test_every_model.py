"""What must hold for every model of the package, once it is trained."""

import functools
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from tests.zoo_of_models import (
    IMAGES,
    convolutional_vae,
    every_model,
    every_posterior,
    trained,
)


def repeated(function, count):
    """The values of `function`, a dict, for `count` different seeds: arrays."""
    compiled = tf.function(function, autograph=False)
    drawn = [compiled(tf.constant([1, number])) for number in range(count)]
    return {name: np.stack([each[name] for each in drawn]) for name in drawn[0]}


@every_posterior
def test_the_elbo_is_below_the_importance_sampled_likelihood(make_model):
    model, x = trained(make_model), IMAGES[:4]

    def bounds(seed):
        bound = functools.partial(model.log_marginal_likelihood, x, seed=seed)
        return {"elbo": model.elbo(x, seed=seed), **{f"{k}": bound(k) for k in counts}}

    counts = (1, 10, 100)
    drawn = repeated(bounds, 200)
    error = {name: each.std(0) / len(each) ** 0.5 for name, each in drawn.items()}
    # In expectation: ELBO = L_1 <= L_10 <= L_100 <= log p(x).
    for lower, upper in itertools.pairwise(["elbo", *map(str, counts)]):
        gap = drawn[upper].mean(0) - drawn[lower].mean(0)
        assert (gap > -5 * np.hypot(error[lower], error[upper]) - 1e-4).all()
    gap = np.abs(drawn["elbo"].mean(0) - drawn["1"].mean(0))
    assert (gap < 5 * np.hypot(error["elbo"], error["1"]) + 1e-4).all()


@every_posterior
def test_memory_chunks_do_not_change_the_estimate(make_model, monkeypatch):
    model, x = trained(make_model), IMAGES[:2]

    def estimates(seed):
        found = {}
        for size in (1, 32, 65):
            monkeypatch.setattr("vae_zoo.models.importance.SAMPLES_PER_STEP", size)
            found[size] = model.log_marginal_likelihood(x, 65, seed=seed)
        return found

    drawn = repeated(estimates, 50)
    for size in (1, 32):
        difference = drawn[size].mean(0) - drawn[65].mean(0)
        error = np.hypot(drawn[size].std(0), drawn[65].std(0)) / 50**0.5
        assert (np.abs(difference) < 5 * error + 1e-5).all()


@every_posterior
def test_xla_and_eager_agree(make_model):
    model, x = trained(make_model), IMAGES[:3]
    z, mask = model.encode(x), np.ones_like(x)
    mask[:, 3:] = 0

    # A flow has no density at given points, which imputation needs.
    is_flow = not model.posterior_head.has_density

    def outputs():
        found = {
            "encode": model.encode(x),
            "decode": model.decode(z),
            "sample": model.sample(3, seed=1),
            "elbo_terms": model.elbo_terms(x, seed=2),
            "likelihood": model.log_marginal_likelihood(x, 20, seed=3),
            "prior": model.draw_prior([4], tf.constant([5, 6])),
        }
        return (
            found if is_flow else found | {"impute": model.impute(x, mask, 3, seed=4)}
        )

    expected = outputs()
    for jit_compile in (False, True):
        # Once as in a function of the user's, which AutoGraph converts.
        found = tf.function(
            outputs, jit_compile=jit_compile, autograph=not jit_compile
        )()
        for name, value in expected.items():
            tf.nest.map_structure(
                lambda a, b, name=name: assert_allclose(
                    a, b, rtol=2e-4, atol=2e-4, err_msg=name
                ),
                found[name],
                value,
            )


def test_convolutions_and_grey_values_agree_under_xla():
    # Neither is in the models of `every_posterior` that are not slow.
    model, x = trained(convolutional_vae), IMAGES[:3]
    weights = [*model.encoder.trainable_weights, *model.decoder.trainable_weights]

    def bound_and_gradients():
        with tf.GradientTape() as tape:
            bound = tf.reduce_sum(model.elbo(x, seed=2))
        return bound, tape.gradient(bound, weights)

    found = tf.function(bound_and_gradients, jit_compile=True, autograph=False)()
    tf.nest.map_structure(
        lambda a, b: assert_allclose(a, b, rtol=2e-4, atol=2e-4),
        found,
        bound_and_gradients(),
    )


@every_model
def test_the_same_seed_gives_the_same_samples(make_model):
    model = trained(make_model)
    assert_array_equal(model.sample(4, seed=5), model.sample(4, seed=5))
    assert np.abs(model.sample(4, seed=5) - model.sample(4, seed=6)).max() > 0
    assert np.abs(model.sample(4) - model.sample(4)).max() > 0


@every_model
def test_imputation_keeps_what_was_observed(make_model):
    model, x = trained(make_model), IMAGES[:3]
    mask = np.ones_like(x)
    mask[:, 3:] = 0
    missing = np.where(mask == 1, x, np.nan)
    if "impute" not in model.signatures():
        with pytest.raises(ValueError, match="`posterior` must have a density"):
            model.impute(missing, mask, 5)
        return
    imputed = model.impute(missing, mask, 5, seed=1).numpy()
    assert_array_equal(imputed[:, :3], x[:, :3])
    assert np.isfinite(imputed).all()
    assert_array_equal(imputed, model.impute(x, mask, 5, seed=1))


def same_functions(model, other, x):
    """Both are the same function, at batch sizes 1 and 3."""
    for batch in (x[:1], x[:3]):
        for name, value in model.posterior_parameters(batch).items():
            assert_array_equal(value, other.posterior_parameters(batch)[name])
        assert_array_equal(model.reconstruct(batch), other.reconstruct(batch))
        for name, value in model.elbo_terms(batch, seed=3).items():
            assert_array_equal(value, other.elbo_terms(batch, seed=3)[name])
        if model.num_clusters:
            probabilities = model.cluster_probabilities(batch)
            assert_array_equal(probabilities, other.cluster_probabilities(batch))


@every_model
def test_a_keras_file_holds_the_same_function(make_model, tmp_path):
    model = trained(make_model)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == model.get_config()
    same_functions(model, loaded, IMAGES)
    # The noise goes on where it was, and so does the optimizer.
    assert_array_equal(model.elbo(IMAGES), loaded.elbo(IMAGES))
    for a, b in zip(model.optimizer.variables, loaded.optimizer.variables, strict=True):
        assert_array_equal(a, b)


@every_model
def test_training_resumes_to_the_bit(make_model, tmp_path):
    model = trained(make_model)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    options = {"epochs": 2, "batch_size": 16, "shuffle": False, "verbose": 0}
    histories = [each.fit(IMAGES, **options).history for each in (model, loaded)]
    assert histories[0] == histories[1]
    for a, b in zip(model.weights, loaded.weights, strict=True):
        assert_array_equal(a, b)


@every_model
def test_val_loss_is_the_negative_elbo_at_beta_one(make_model):
    model = trained(make_model)
    validation = (IMAGES[:20], None)
    history = model.fit(
        IMAGES, batch_size=16, validation_data=validation, verbose=0
    ).history
    terms = {"loss", "elbo", *model.term_names}
    terms |= {"clusters_in_use"} if model.num_clusters else set()
    assert set(history) == terms | {f"val_{name}" for name in terms}
    assert_allclose(history["val_loss"][0], -history["val_elbo"][0], rtol=1e-5)
    difference = history["val_log_likelihood"][0] - history["val_kl"][0]
    assert_allclose(history["val_elbo"][0], difference, rtol=1e-5)


@every_model
def test_predict_gives_what_the_methods_give(make_model):
    model = trained(make_model)
    outputs = model.predict(IMAGES, batch_size=10, verbose=0)
    names = {"latents", "reconstructions", "elbo", *model.term_names}
    if model.num_clusters:
        names |= {"cluster_probabilities", "cluster_log_probabilities"}
        probabilities = model.cluster_probabilities(IMAGES)
        assert_allclose(outputs["cluster_probabilities"], probabilities, atol=1e-5)
    assert set(outputs) == names
    latents = model.encode(IMAGES)
    assert_allclose(outputs["latents"], latents, rtol=1e-4, atol=1e-5)
    assert_allclose(
        outputs["reconstructions"], model.decode(latents), rtol=1e-4, atol=1e-5
    )
    assert_allclose(
        outputs["elbo"], outputs["log_likelihood"] - outputs["kl"], rtol=1e-5
    )
