"""A condition, or what is observed of x, goes wherever x goes, by the same paths."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

import vae_zoo
from tests.additions.conditional import OnCondition
from tests.additions.incomplete import WithHoles
from tests.zoo_of_models import set_state, state
from vae_zoo import VAE
from vae_zoo.components import networks
from vae_zoo.evaluation import (
    annealed_marginal_likelihood,
    latent_usage,
    marginal_likelihood,
)

RNG = np.random.default_rng(0)
C = RNG.normal(size=(40, 2)).astype("float32")
X = (RNG.random((40, 6)) < 0.2 + 0.6 * (C[:, :1] > 0)).astype("float32")
NAMED = {"x": X, "condition": C}


@pytest.fixture(scope="module")
def untrained():
    """A model, and the values of its variables from before any training."""
    model = OnCondition((6,), 2, 2, encoder=networks.MLP((8,)), seed=1)
    model.compile(keras.optimizers.Adam(0.02), jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    return model, state(model)


@pytest.fixture(scope="module")
def trained_state(untrained):
    model, _ = untrained
    keras.utils.set_random_seed(0)
    model.fit(X, C, epochs=20, batch_size=10, verbose=0)
    return state(model)


@pytest.fixture
def model(untrained, trained_state):
    """A model that has learned."""
    model, _ = untrained
    set_state(model, trained_state)
    return model


def test_y_is_the_condition_in_every_form_of_data(untrained):
    model, start = untrained
    histories = []
    pairs = tf.data.Dataset.from_tensor_slices((X, C)).batch(10)
    dicts = tf.data.Dataset.from_tensor_slices(NAMED).batch(10)
    weighted = tf.data.Dataset.from_tensor_slices((X, C, np.ones(40))).batch(10)
    for data in (
        {"x": X, "y": C, "batch_size": 10},
        {"x": NAMED, "batch_size": 10},
        {"x": pairs},
        {"x": dicts},
        {"x": weighted},
    ):
        set_state(model, start)
        history = model.fit(**data, shuffle=False, verbose=0).history
        histories.append([history["loss"][0], history["elbo"][0]])
    for found in histories[1:]:
        assert_allclose(found, histories[0], rtol=1e-5)


def test_the_model_has_learned_to_depend_on_it(model):
    low, high = (np.full((30, 2), value, "float32") for value in (-1.5, 1.5))
    dark, light = (
        np.mean(model.sample(30, seed=1, condition=condition))
        for condition in (low, high)
    )
    assert light > dark + 0.3
    z = np.zeros((30, 2), "float32")
    assert np.mean(model.decode(z, condition=high)) > np.mean(
        model.decode(z, condition=low)
    )


def test_evaluation_and_prediction_take_it(model):
    measured = model.evaluate(X, C, batch_size=7, return_dict=True, verbose=0)
    outputs = model.predict(NAMED, batch_size=7, verbose=0)
    assert_allclose(outputs["latents"], model.encode(NAMED), atol=1e-5)
    assert_allclose(measured["elbo"], outputs["elbo"].mean(), atol=1.0)
    assert_allclose(
        outputs["reconstructions"], model.reconstruct(NAMED), rtol=1e-4, atol=1e-5
    )
    history = model.fit(X, C, validation_data=(X, C), verbose=0).history
    assert np.isfinite(history["val_elbo"]).all()
    split = model.fit(X, C, validation_split=0.25, verbose=0).history
    assert np.isfinite(split["val_elbo"]).all()


def test_measures_take_it_as_pairs_and_by_name(model):
    pairs = tf.data.Dataset.from_tensor_slices((X, C)).batch(16)
    by_pairs = marginal_likelihood(model, pairs, 20)["log_marginal_likelihood"]
    direct = np.mean(model.log_marginal_likelihood(NAMED, 400, seed=1))
    assert abs(by_pairs.mean - direct) < 0.3
    by_name = marginal_likelihood(model, NAMED, 20)["log_marginal_likelihood"]
    assert abs(by_name.mean - direct) < 0.3
    annealed = annealed_marginal_likelihood(model, pairs, 3, num_chains=2)
    assert abs(annealed.mean - direct) < 0.5
    assert len(latent_usage(model, pairs, num_examples=40).variances) == 2


def test_methods_take_it_by_its_own_name(model):
    both = {"x": X, "condition": C}
    q = model.posterior(X, condition=C)
    assert_array_equal(q.mean(), model.posterior(both).mean())
    calls = {
        "encode": ((), {}),
        "reconstruct": ((), {}),
        "elbo": ((), {"seed": 1}),
        "log_marginal_likelihood": ((3,), {"seed": 1}),
        "impute": ((np.zeros_like(X), 2), {"seed": 1}),
    }
    for name, (args, options) in calls.items():
        method = getattr(model, name)
        found = method(X, *args, condition=C, **options)
        assert_array_equal(found, method(both, *args, **options))
        assert np.abs(found - method(X, *args, condition=-C, **options)).max() > 1e-3


def test_missing_elements_are_drawn_given_it(model):
    mask = np.zeros_like(X)
    low, high = (
        model.impute({"x": X, "condition": np.full_like(C, value)}, mask, 20, seed=1)
        for value in (-1.5, 1.5)
    )
    assert np.mean(high) > np.mean(low) + 0.3


def test_signatures_and_warm_up_have_it(model, tmp_path):
    folder = vae_zoo.export(model, tmp_path / "model", num_importance_samples=5)
    served = tf.saved_model.load(str(folder)).signatures
    x, c = tf.constant(X[:3]), tf.constant(C[:3])
    seeds = tf.constant([[1, 2], [3, 4], [5, 6]])
    answer = served["serving_default"](inputs=x, condition=c)
    named = {"x": x, "condition": c}
    assert_allclose(answer["reconstructions"], model.reconstruct(named), rtol=1e-4)
    samples = served["sample"](seeds=seeds, condition=c)["outputs"]
    assert_allclose(samples, model.sample(3, seed=seeds, condition=c), rtol=1e-4)
    scores = served["score"](inputs=x, condition=c, seeds=seeds)
    assert_allclose(
        scores["log_marginal_likelihood"],
        model.log_marginal_likelihood(named, 5, seed=seeds),
        rtol=1e-4,
    )
    bad = tf.constant([[np.nan, 0.0], [0.0, 0.0], [0.0, 0.0]])
    found = served["decode"](latents=tf.zeros([3, 2]), condition=bad)["outputs"]
    assert_array_equal(np.isnan(found).all(axis=1), [True, False, False])
    assert (folder / "assets.extra" / "tf_serving_warmup_requests").stat().st_size
    loaded = VAE.from_preset(folder)
    assert_allclose(loaded.elbo(named, seed=1), model.elbo(named, seed=1), rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.fit(X, verbose=0), "`condition` must be given once.*none"),
        (lambda m: m.fit(NAMED, C, verbose=0), "`condition` must be given once.*both"),
        (lambda m: m.fit(X, C[:, :1], verbose=0), r"`condition` must have shape \[B"),
        (lambda m: m.fit(X, C[:9], verbose=0), "`y` must have one label|`condition`"),
        (lambda m: m.fit(X, np.nan * C, verbose=0), "`condition` must be finite"),
        (lambda m: m.sample(3, seed=1), "`condition` must be given, since"),
        (lambda m: m.decode(np.zeros((2, 2))), "`condition` must be given, since"),
        (lambda m: m.elbo({"x": X, "y": C}), "`y` must be left out: the inputs .* x, "),
        (lambda m: m.elbo(NAMED, condition=C), "`condition` must be given once.*both"),
        (lambda m: m.encode(X, condition=C[:, :1]), r"`condition` must have shape \[B"),
        (
            lambda m: m.encode(X, condition=C[:2]),
            "`condition` must have a row for each",
        ),
        (lambda m: m.elbo({"x": X, "condition": C[:2]}), "for each of the 40 examples"),
        (lambda m: m.impute(X, X, 2, condition=C[:2]), "`condition` must have a row"),
        (lambda m: m.elbo(X), "`condition` must be among the inputs"),
        (lambda m: m.elbo({"condition": C}), "`x` must be among the inputs"),
        (lambda m: m.impute({"condition": C}, X, 2), "`x` must be"),
        (lambda m: m.sample(3, condition=C[:2]), "`condition` must have 3 rows"),
        (
            lambda m: m.decode(np.zeros((3, 2)), condition=C[:2]),
            "`condition` must have 3 rows",
        ),
    ],
)
def test_a_condition_that_does_not_fit_is_named(model, call, message):
    with pytest.raises(ValueError, match=message):
        call(model)


def test_a_model_without_a_condition_refuses_one():
    model = VAE((6,), 2, encoder=networks.MLP((4,)))
    with pytest.raises(ValueError, match="`condition` must be left out: the inputs"):
        model.elbo(NAMED)
    with pytest.raises(ValueError, match="`condition` must be left out: the model"):
        model.sample(2, condition=C[:2])
    with pytest.raises(ValueError, match="`condition` must be left out: the model"):
        model.encode(X, condition=C)


HOLES = (RNG.random(X.shape) < 0.7).astype("float32")


def make_model_with_holes():
    model = WithHoles((6,), 2, encoder=networks.MLP((8,)), seed=1)
    model.compile(keras.optimizers.Adam(0.02), jit_compile=False)
    return model


def test_training_does_not_read_what_is_missing():
    # Whatever stands in the holes, in whatever form the data come.
    filled = [np.where(HOLES > 0, X, value).astype("float32") for value in (0, 1)]
    found, latents = [], []
    for x in filled:
        named = {"x": x, "observed": HOLES}
        batches = tf.data.Dataset.from_tensor_slices(named).batch(10)
        for data in ({"x": named, "batch_size": 10}, {"x": batches}):
            keras.utils.set_random_seed(0)
            model = make_model_with_holes()
            history = model.fit(
                **data, validation_data=batches, epochs=3, shuffle=False, verbose=0
            ).history
            measured = model.evaluate(named, batch_size=10, return_dict=True, verbose=0)
            outputs = model.predict(named, verbose=0)
            losses = [*history["loss"], *history["val_elbo"], measured["elbo"]]
            found.append(
                np.concatenate([losses, *map(np.ravel, model.get_weights()[:2])])
            )
            latents.append(outputs["latents"])
    for each in found[1:]:
        assert_allclose(each, found[0], rtol=1e-5, atol=1e-6)
    for each in latents[1:]:
        assert_allclose(each, latents[0], rtol=1e-4, atol=1e-6)


def test_a_bound_on_all_that_is_observed_is_the_plain_one():
    model = make_model_with_holes()
    named = {"x": X, "observed": np.ones_like(X)}
    assert_allclose(model.elbo(named, seed=1), model.elbo(X, seed=1), rtol=1e-6)
    # Of an example without an observed element nothing is known: log p(x) is 0.
    nothing = {"x": X, "observed": np.zeros_like(X)}
    terms = model.elbo_terms(nothing, seed=1)
    assert_array_equal(terms["log_likelihood"], np.zeros(40))
    estimate = model.log_marginal_likelihood(nothing, 4_000, seed=1)
    assert_allclose(estimate, np.zeros(40), atol=0.1)
    with pytest.raises(ValueError, match=r"`observed` must be finite and lie in"):
        model.elbo({"x": X, "observed": X + 1})
    with pytest.raises(ValueError, match=r"`observed` must have (a row|shape)"):
        model.fit({"x": X, "observed": HOLES[:3]}, verbose=0)
