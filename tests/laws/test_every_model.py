"""What must hold for every model of the package."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from tests import zoo_of_models

every_model = pytest.mark.parametrize("make_model", zoo_of_models.ALL)


def trained(make_model, x, jit_compile=False):
    model = make_model()
    model.compile(keras.optimizers.Adam(0.01), jit_compile=jit_compile)
    model.fit(x, epochs=2, batch_size=16, verbose=0)
    return model


def repeated(function, count):
    """The values of `function` for `count` different seeds."""
    compiled = tf.function(function)
    return np.stack([compiled(tf.constant([1, number])) for number in range(count)])


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
    for rows in (2, 64, 4096):
        monkeypatch.setattr("vae_zoo.models.importance.ROWS_PER_STEP", rows)
        estimates[rows] = repeated(
            lambda seed: model.log_marginal_likelihood(x, 65, seed=seed), 50
        )
    for rows in (2, 64):
        difference = estimates[rows].mean(0) - estimates[4096].mean(0)
        error = np.hypot(estimates[rows].std(0), estimates[4096].std(0)) / 50**0.5
        assert (np.abs(difference) < 5 * error + 1e-5).all()


@every_model
def test_xla_and_eager_agree(make_model, binary_images):
    model, x = trained(make_model, binary_images), binary_images[:3]
    z = model.encode(x)
    calls = {
        "encode": lambda: model.encode(x),
        "decode": lambda: model.decode(z),
        "sample": lambda: model.sample(3, seed=1),
        "elbo_terms": lambda: model.elbo_terms(x, seed=2),
        "likelihood": lambda: model.log_marginal_likelihood(x, 20, seed=3),
        "prior": lambda: model.joint_prior().sample(4, seed=(5, 6)),
        "nothing to impute": lambda: model.impute(x, np.ones_like(x), 3, seed=4),
    }
    for name, call in calls.items():
        expected = tf.nest.flatten(call())
        for jit_compile in (False, True):
            received = tf.nest.flatten(tf.function(call, jit_compile=jit_compile)())
            for a, b in zip(expected, received, strict=True):
                assert_allclose(a, b, rtol=2e-4, atol=2e-4, err_msg=name)


@every_model
def test_training_under_xla_is_training_without(make_model, binary_images):
    histories = []
    for jit_compile in (False, True):
        keras.utils.set_random_seed(1)
        model = make_model()
        if any("dropout" in layer.name for layer in model._flatten_layers()):
            pytest.skip("Keras' dropout draws other noise under XLA")
        model.compile("adam", jit_compile=jit_compile)
        data = tf.data.Dataset.from_tensor_slices(binary_images).batch(12)
        histories.append(model.fit(data, epochs=2, shuffle=False, verbose=0).history)
    for name, values in histories[0].items():
        assert_allclose(values, histories[1][name], rtol=1e-3, err_msg=name)


@every_model
def test_a_keras_file_holds_the_same_function(make_model, binary_images, tmp_path):
    model = trained(make_model, binary_images)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == model.get_config()
    same_functions(model, loaded, binary_images)
    # The noise goes on where it was, and so does the optimizer.
    assert_array_equal(model.elbo(binary_images), loaded.elbo(binary_images))
    for a, b in zip(model.optimizer.variables, loaded.optimizer.variables, strict=True):
        assert_array_equal(a, b)


@every_model
def test_training_resumes_to_the_bit(make_model, binary_images, tmp_path):
    model = trained(make_model, binary_images, jit_compile="auto")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    histories = [
        each.fit(
            binary_images, epochs=2, batch_size=16, shuffle=False, verbose=0
        ).history
        for each in (model, loaded)
    ]
    assert histories[0] == histories[1]
    for a, b in zip(model.weights, loaded.weights, strict=True):
        assert_array_equal(a, b)


@every_model
def test_val_loss_is_the_negative_elbo_at_beta_one(make_model, binary_images):
    model = make_model()
    model.compile("adam", jit_compile=False)
    history = model.fit(
        binary_images, validation_data=(binary_images, None), verbose=0
    ).history
    terms = {"loss", "elbo", *model.term_names}
    terms |= {"clusters_in_use"} if model.num_clusters else set()
    assert set(history) == terms | {f"val_{name}" for name in terms}
    assert_allclose(history["val_loss"][0], -history["val_elbo"][0], rtol=1e-5)
    difference = history["val_log_likelihood"][0] - history["val_kl"][0]
    assert_allclose(history["val_elbo"][0], difference, rtol=1e-5)


@every_model
def test_predict_gives_what_the_methods_give(make_model, binary_images):
    model = trained(make_model, binary_images)
    outputs = model.predict(binary_images, batch_size=10, verbose=0)
    names = {"latents", "reconstructions", "elbo", *model.term_names}
    if model.num_clusters:
        names |= {"cluster_probabilities", "cluster_log_probabilities"}
        probabilities = model.cluster_probabilities(binary_images)
        assert_allclose(outputs["cluster_probabilities"], probabilities, atol=1e-5)
    assert set(outputs) == names
    latents = model.encode(binary_images)
    assert_allclose(outputs["latents"], latents, rtol=1e-4, atol=1e-5)
    assert_allclose(
        outputs["reconstructions"], model.decode(latents), rtol=1e-4, atol=1e-5
    )
    assert_allclose(
        outputs["elbo"], outputs["log_likelihood"] - outputs["kl"], rtol=1e-5
    )


@every_model
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_keeps_distributions_in_float32(
    make_model, policy, binary_images
):
    exact = make_model()
    keras.config.set_dtype_policy(policy)
    model = make_model()
    for a, b in zip(model.weights, exact.weights, strict=True):
        a.assign(b)
    assert model.encoder.compute_dtype == policy.removeprefix("mixed_")
    parameters = model.posterior_parameters(binary_images)
    for name, expected in exact.posterior_parameters(binary_images).items():
        assert parameters[name].dtype == tf.float32
        assert_allclose(parameters[name], expected, atol=0.05)
    elbo, expected = (
        model.elbo(binary_images, seed=1),
        exact.elbo(binary_images, seed=1),
    )
    assert elbo.dtype == tf.float32
    assert_allclose(elbo, expected, rtol=0.03, atol=0.3)
    model.compile("adam", jit_compile=False)
    history = model.fit(binary_images, epochs=3, verbose=0).history
    assert np.isfinite(history["loss"]).all()


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
