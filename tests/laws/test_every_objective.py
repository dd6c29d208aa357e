"""What must hold for every objective, on every family of models."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from tests.additions.conditional import OnCondition
from tests.laws.gradients import (
    GRADIENTS,
    MANY,
    RNG,
    X,
    encoder_weights,
    ladder,
    vae,
    with_the_same_draws,
)
from vae_zoo import GaussianMixtureVAE, HypersphericalVAE
from vae_zoo.components import networks
from vae_zoo.components.objectives import (
    ImportanceWeighted,
    Renyi,
    ScoreFunction,
    WakeSleep,
)
from vae_zoo.fitting.inputs import Inputs
from vae_zoo.fitting.step import Step


def mixture():
    return GaussianMixtureVAE(
        (5,), 2, 3, encoder=networks.MLP((6,)), initialization=None, seed=1
    )


def hyperspherical():
    return HypersphericalVAE((5,), 3, encoder=networks.MLP((6,)), seed=1)


def conditional():
    return OnCondition((5,), 2, 2, encoder=networks.MLP((6,)), seed=1)


OBJECTIVES = {
    "importance_weighted": lambda: ImportanceWeighted(num_samples=2),
    "sticking": lambda: ImportanceWeighted(num_samples=2, gradient=GRADIENTS[1]),
    "doubly": lambda: ImportanceWeighted(num_samples=2, gradient=GRADIENTS[2]),
    "renyi": lambda: Renyi(num_samples=2),
    "score_function": lambda: ScoreFunction(baseline_units=2),
    "wake_sleep": WakeSleep,
}
FAMILIES = (
    # Several latents; the others have their own fault only where the latents are one.
    mixture,
    pytest.param(hyperspherical, marks=pytest.mark.slow),
    pytest.param(ladder, marks=pytest.mark.slow),
    pytest.param(conditional, marks=pytest.mark.slow),
)


@pytest.mark.parametrize("make_model", FAMILIES)
def test_every_objective_moves_all_weights_of_every_family(make_model):
    model = make_model()
    x = Inputs(tf.constant(X))
    if make_model is conditional:
        x = x._replace(condition=tf.constant(RNG.normal(size=(3, 2)), tf.float32))
    objectives = {name: make() for name, make in OBJECTIVES.items()}
    for objective in objectives.values():
        model.objective = objective
    weights = [each for each in model.trainable_weights if "baseline" not in each.path]

    @tf.function
    def gradients():
        found = {}
        for name, objective in objectives.items():
            model._objective = objective
            with tf.GradientTape() as tape:
                losses = objective.loss(Step(model, x, training=True))
            found[name] = losses, tape.gradient(losses, weights)
        return found

    for name, (losses, found) in gradients().items():
        assert losses.shape == (3,)
        assert np.isfinite(losses).all()
        for weight, gradient in zip(weights, found, strict=True):
            assert gradient is not None, (name, weight.path)
            assert np.isfinite(gradient).all(), (name, weight.path)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_config_makes_the_same_objective(name):
    objective = OBJECTIVES[name]()
    config = keras.saving.serialize_keras_object(objective)
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == objective.get_config()
    model = vae()
    weights = encoder_weights(model)
    found = [
        with_the_same_draws(model, each, weights)[0] for each in (objective, again)
    ]
    if name != "score_function":
        assert_array_equal(*found)


def test_weights_of_a_baseline_come_back_with_a_file(tmp_path):
    model = vae(ScoreFunction(baseline_units=3))
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    model.fit(MANY, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert float(loaded.objective.mean) == float(model.objective.mean) != 0
    histories = [
        each.fit(MANY, shuffle=False, verbose=0).history["loss"]
        for each in (model, loaded)
    ]
    assert_array_equal(*histories)


@pytest.mark.parametrize(
    "name",
    [
        "doubly",
        pytest.param("score_function", marks=pytest.mark.slow),
        pytest.param("wake_sleep", marks=pytest.mark.slow),
    ],
)
def test_training_under_xla_is_training_without(name):
    losses = []
    for jit_compile in (False, True):
        model = vae(OBJECTIVES[name]())
        model.compile(keras.optimizers.SGD(0.05), jit_compile=jit_compile)
        history = model.fit(MANY[:64], epochs=2, shuffle=False, verbose=0).history
        losses.append([*history["loss"], *history["elbo"]])
    assert_allclose(losses[0], losses[1], rtol=1e-4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ImportanceWeighted(num_samples=0), "`num_samples` must be an integer"),
        (lambda: ImportanceWeighted(num_bounds=0), "`num_bounds` must be an integer"),
        (lambda: ImportanceWeighted(gradient="stl"), "`gradient` must be .*'stl'"),
        (lambda: ImportanceWeighted(elbo_share=1.5), "`elbo_share` must be"),
        (lambda: ImportanceWeighted(joint_decoder=1), "`joint_decoder` must be True"),
        (lambda: Renyi(alpha=np.inf), "`alpha` must be"),
        (lambda: Renyi(alpha="1"), "`alpha` must be"),
        (lambda: Renyi(num_samples=0), "`num_samples` must be an integer"),
        (lambda: ScoreFunction(decay=1.0), r"`decay` must lie in \[0, 1\)"),
        (lambda: ScoreFunction(decay=-0.1), "`decay` must be"),
        (lambda: ScoreFunction(baseline_units=0), "`baseline_units` must be"),
        (lambda: ScoreFunction(num_samples=1.5), "`num_samples` must be an integer"),
    ],
)
def test_what_is_off_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
