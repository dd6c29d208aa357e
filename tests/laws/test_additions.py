"""What is written outside of the package is one short file, and obeys the laws."""

import ast
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp

import vae_zoo
from tests.additions.importance_weighted import ImportanceWeighted
from tests.additions.ladder import TwoLevelLadder
from tests.additions.vamp_prior import VampPrior
from tests.zoo_of_models import IMAGES, SHAPE
from vae_zoo import VAE, GaussianMixtureVAE
from vae_zoo.components import networks, objectives
from vae_zoo.components.draw import total
from vae_zoo.fitting.step import Step
from vae_zoo.serving.layout import read_metadata

ADDITIONS = pathlib.Path(__file__).parents[1] / "additions"


def importance_weighted():
    return VAE(
        SHAPE, 2, encoder=networks.MLP((8,)), objective=ImportanceWeighted(4), seed=1
    )


def vamp():
    return VAE(SHAPE, 2, encoder=networks.MLP((8,)), prior=VampPrior(5), seed=2)


def ladder():
    return TwoLevelLadder(SHAPE, 2, 3, encoder=networks.MLP((8,)), seed=3)


every_addition = pytest.mark.parametrize(
    "make_model", [importance_weighted, vamp, ladder]
)


@pytest.fixture(scope="module")
def trained():
    """Each kind of model once, after a little training."""
    models = {}

    def get(make_model):
        if make_model not in models:
            model = models[make_model] = make_model()
            model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
            model.fit(IMAGES, epochs=3, batch_size=16, verbose=0)
        return models[make_model]

    return get


@pytest.mark.parametrize(
    ("name", "most"), [("importance_weighted", 45), ("vamp_prior", 60), ("ladder", 100)]
)
def test_an_addition_is_a_short_file(name, most):
    tree = ast.parse((ADDITIONS / f"{name}.py").read_text("utf-8"))
    lines = set()
    for node in ast.walk(tree):
        is_import = isinstance(node, (ast.Import, ast.ImportFrom))
        is_docstring = isinstance(node, ast.Expr) and isinstance(
            node.value, ast.Constant
        )
        if isinstance(node, ast.stmt) and not (is_import or is_docstring):
            first = node.body[0] if getattr(node, "body", None) else None
            # The statements of a body count by themselves.
            last = first.lineno - 1 if first else node.end_lineno
            lines |= set(range(node.lineno, max(node.lineno, last) + 1))
    assert len(lines) <= most


@every_addition
def test_the_bounds_are_in_order(make_model, trained):
    model, x = trained(make_model), IMAGES[:3]

    @tf.function(autograph=False)
    def bounds(seed):
        return (
            model.elbo(x, seed=seed),
            model.log_marginal_likelihood(x, 1, seed=seed),
            model.log_marginal_likelihood(x, 50, seed=seed),
        )

    drawn = np.array([bounds(tf.constant([1, number])) for number in range(150)])
    means, errors = drawn.mean(axis=0), drawn.std(axis=0) / 150**0.5
    assert (np.abs(means[0] - means[1]) < 5 * np.hypot(errors[0], errors[1])).all()
    assert (means[2] > means[0] - 5 * np.hypot(errors[0], errors[2])).all()


@every_addition
def test_a_file_holds_the_same_function(make_model, trained, tmp_path):
    model = trained(make_model)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == model.get_config()
    for name, value in model.elbo_terms(IMAGES, seed=3).items():
        assert_array_equal(value, loaded.elbo_terms(IMAGES, seed=3)[name])


@every_addition
def test_what_is_exported_is_the_model(make_model, trained, tmp_path):
    model, x = trained(make_model), tf.constant(IMAGES[:2])
    folder = vae_zoo.export(model, tmp_path / "model", num_importance_samples=3)
    served = tf.saved_model.load(str(folder)).signatures
    seeds = tf.constant([[1, 2], [3, 4]])
    answer = served["serving_default"](inputs=x)
    assert_allclose(answer["latents"], model.encode(x), rtol=1e-4, atol=1e-5)
    assert_allclose(answer["reconstructions"], model.reconstruct(x), rtol=1e-4)
    samples = served["sample"](seeds=seeds)["outputs"]
    assert_allclose(samples, model.sample(2, seed=seeds), rtol=1e-4)
    scores = served["score"](inputs=x, seeds=seeds)
    expected = model.log_marginal_likelihood(x, 3, seed=seeds)
    assert_allclose(scores["log_marginal_likelihood"], expected, rtol=1e-4)
    assert_allclose(
        VAE.from_preset(folder).elbo(x, seed=1), model.elbo(x, seed=1), rtol=1e-5
    )


def test_one_importance_weight_is_the_bound_of_estimator_a():
    model = ladder()
    step = Step(model, model.as_inputs(IMAGES), training=True)
    bound = total(step.log_joint()) - total(step.log_q())
    assert_allclose(-ImportanceWeighted(1).loss(step), bound[0], rtol=1e-5)


def test_the_loss_is_of_as_many_draws_as_the_objective_says(trained):
    model = trained(importance_weighted)
    step = Step(model, model.as_inputs(IMAGES), training=True)
    z = step.draw.z["z"]
    assert z.shape == (4, 32, 2)
    log_w = [
        model.likelihood(each).log_prob(IMAGES)
        + model.prior().log_prob(each)
        - model.posterior(IMAGES).log_prob(each)
        for each in z
    ]
    expected = logsumexp(log_w, axis=0) - np.log(4)
    assert_allclose(-model.objective.loss(step), expected, rtol=1e-4)
    # Elsewhere there is one, and what is reported is the plain bound.
    step = Step(model, model.as_inputs(IMAGES), training=False)
    assert step.draw.z["z"].shape == (1, 32, 2)


def test_a_vamp_prior_is_the_mean_of_its_posteriors(trained):
    model = trained(vamp)
    pseudo = tf.sigmoid(model.prior_layer.raw_pseudo_inputs)
    z = np.random.default_rng(0).normal(size=(7, 1, 2)).astype("float32")
    each = model.posterior(pseudo).log_prob(z)
    expected = logsumexp(each, axis=1) - np.log(5)
    assert_allclose(model.prior().log_prob(z[:, 0]), expected, rtol=1e-4)
    gradient_of = model.prior_layer.trainable_weights
    with tf.GradientTape() as tape:
        loss = model.compute_loss(IMAGES)
    assert np.abs(tape.gradient(loss, gradient_of)[0]).max() > 0


def test_a_ladder_descends_from_its_top(trained):
    model = trained(ladder)
    z = np.random.default_rng(0).normal(size=(4, 2)).astype("float32")
    below = model.conditionals({"z2": z, "z1": np.zeros((4, 3))}, None)["z1"].mean()
    assert_allclose(model.decode(z), model.points({"z2": z, "z1": below}), rtol=1e-5)
    assert model.encode(IMAGES).shape == (32, 2)
    draw = model.infer(IMAGES, 6, seed=1)
    assert draw.q["z2"].batch_shape == (32,)
    assert draw.q["z1"].batch_shape == (6, 32)
    again = model.infer(IMAGES, z=draw.z)
    for name, log_q in draw.log_q.items():
        assert log_q.shape == (6, 32)
        assert_array_equal(log_q, again.log_q[name])


def test_an_objective_may_be_replaced_at_any_time():
    model = VAE(SHAPE, 2, encoder=networks.MLP((8,)), seed=1)
    model.compile("adam", jit_compile=False)
    model.fit(IMAGES, verbose=0)
    model.objective = ImportanceWeighted(3)
    assert [type(each).__name__ for each in model.layers].count("Elbo") == 0
    other = VAE(
        SHAPE, 2, encoder=networks.MLP((8,)), objective=ImportanceWeighted(3), seed=1
    )
    other.set_weights(model.get_weights())
    other.compile(keras.optimizers.SGD(0.0), jit_compile=False)
    model.compile(keras.optimizers.SGD(0.0), jit_compile=False)
    other.seed_generator.state.assign(model.seed_generator.state)
    found, expected = (
        each.fit(IMAGES, shuffle=False, verbose=0).history["loss"]
        for each in (model, other)
    )
    assert_allclose(found, expected, rtol=1e-5)


def test_a_mixture_takes_another_objective():
    model = GaussianMixtureVAE(
        SHAPE,
        2,
        3,
        encoder=networks.MLP((8,)),
        initialization=None,
        objective=ImportanceWeighted(3),
    )
    model.compile("adam", jit_compile=False)
    history = model.fit(IMAGES, verbose=0).history
    assert history["loss"][0] < -history["elbo"][0]
    assert not model.learns_from_labels
    config = model.get_config()
    assert "beta" not in config
    assert type(type(model).from_config(config).objective) is ImportanceWeighted


def test_an_objective_belongs_to_one_model_and_must_be_one():
    objective = objectives.Elbo()
    model = VAE(SHAPE, 2, encoder=networks.MLP((8,)), objective=objective)
    other = VAE(SHAPE, 2, encoder=networks.MLP((8,)))
    for call in (
        lambda: VAE(SHAPE, 2, encoder=networks.MLP((8,)), objective=objective),
        lambda: setattr(other, "objective", objective),
    ):
        with pytest.raises(ValueError, match="`objective` already belongs to a model"):
            call()
    for bad in (3, "elbo", objectives.Elbo, None, np.nan, {}):
        with pytest.raises(ValueError, match="`objective` must be an instance of"):
            model.objective = bad
    for bad in (3, "elbo", objectives.Elbo, np.nan, {}):
        with pytest.raises(ValueError, match="`objective` must be an instance of"):
            VAE(SHAPE, 2, encoder=networks.MLP((8,)), objective=bad)
    assert model.objective is objective


@keras.saving.register_keras_serializable("tests")
class Weighted(objectives.Objective):
    """One that owns a weight."""

    def build(self, model):
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def loss(self, step):
        return -step.elbo * self.scale


def test_exports_leave_the_weights_of_the_objective_out(tmp_path):
    model = VAE(SHAPE, 2, encoder=networks.MLP((8,)), objective=Weighted(), seed=1)
    model.compile("adam", jit_compile=False)
    model.fit(IMAGES, verbose=0)
    assert float(model.objective.scale) != 1.0
    folder = vae_zoo.export(model, tmp_path / "model", signatures=["encode"])
    names = read_metadata(folder)["weights"]
    assert len(names) == len(model.weights) - 1
    assert not [name for name in names if "objective" in name]
    loaded = VAE.from_preset(folder)
    assert_array_equal(loaded.elbo(IMAGES, seed=1), model.elbo(IMAGES, seed=1))
    assert float(loaded.objective.scale) == 1.0
    # A file of Keras goes on where training was.
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert float(loaded.objective.scale) == float(model.objective.scale)
