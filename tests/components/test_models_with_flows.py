"""Models whose posterior is a flow: how they train, and what they refuse."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from tests.components.flows import KINDS, every_flow, values
from tests.zoo_of_models import IMAGES, SHAPE
from vae_zoo import VAE, GaussianMixtureVAE, evaluation, tasks
from vae_zoo.components import networks, objectives, posteriors, priors, products
from vae_zoo.components.draw import total
from vae_zoo.fitting.inputs import Inputs
from vae_zoo.fitting.step import Step
from vae_zoo.models import importance


@pytest.fixture(scope="module")
def model():
    return VAE(
        SHAPE, 2, encoder=networks.MLP((8,)), posterior=KINDS["planar"](), seed=1
    )


def test_a_posterior_has_the_density_of_its_latest_draw(model):
    q, seed = model.posterior(IMAGES[:3]), tf.constant([1, 2])
    z = q.sample(4, seed=seed)
    draw = model.infer(IMAGES[:3], 4, seed=seed)
    assert_array_equal(z, draw.z["z"])
    assert_array_equal(q.log_prob(z), draw.log_q["z"])
    assert (q.batch_shape, q.event_shape) == ((3,), (2,))
    z, log_q = q.experimental_sample_and_log_prob(4, seed=seed)
    assert_array_equal(log_q, draw.log_q["z"])
    for other in (z + 0.0, z[0], draw.z["z"]):
        with pytest.raises(ValueError, match="`value` must be.*this Planar.*Received"):
            q.log_prob(other)


def test_what_evaluates_q_elsewhere_is_refused_by_name(model):
    x = IMAGES[:4]
    inputs, seed = model.as_inputs(x), tf.constant([1, 2])
    calls = {
        "`infer` at a given `z`": lambda: model.infer(x, z=model.infer(x, seed=1).z),
        "imputation": lambda: model.impute(x, np.ones_like(x), 2),
        "denoising": lambda: tasks.denoise(model, x, 0.1, 2),
        "super-resolution": lambda: tasks.super_resolve(model, x, 2),
        "a `prior_share`": lambda: evaluation.marginal_likelihood(
            model, x, 4, prior_share=0.5
        ),
        "a `prior_share`, draws": lambda: importance.log_weight_sums(
            model, inputs, 4, seed, 0.5
        ),
        "annealing": lambda: evaluation.annealed_marginal_likelihood(model, x, 2),
        "annealing, which": lambda: evaluation.bidirectional(
            model, 2, 2, prior_share=0.0
        ),
        "Hamiltonian Monte Carlo": lambda: evaluation.hamiltonian_marginal_likelihood(
            model, x, 20
        ),
        "a ProductPosterior": lambda: products.ProductPosterior(
            [posteriors.Planar(), posteriors.DiagonalNormal()], (1, 1)
        ),
        "a VampPrior": lambda: VAE(
            SHAPE, 2, posterior=posteriors.Planar(), prior=priors.VampPrior(3)
        ),
    }
    for what, call in calls.items():
        with pytest.raises(ValueError, match="^`posterior` must have") as error:
            call()
        message = str(error.value)
        assert message.startswith(
            f"`posterior` must have a density at any z for {what}"
        )
        assert "as DiagonalNormal() and" in message
        assert "Received: posterior=Planar" in message
    assert "impute" not in model.signatures()
    assert {"score", "encode", "sample"} < {*model.signatures()}


@pytest.mark.parametrize(
    ("needed_by", "make"),
    [
        *(
            (
                f"the gradient '{gradient}'",
                functools.partial(objectives.ImportanceWeighted, gradient=gradient),
            )
            for gradient in ("sticking-the-landing", "doubly-reparameterized")
        ),
        ("ScoreFunction", objectives.ScoreFunction),
        ("WakeSleep", objectives.WakeSleep),
    ],
)
def test_objectives_that_evaluate_q_anew_are_refused_by_name(model, needed_by, make):
    beginning = f"^`posterior` must have a density at any z for {needed_by}, "
    refused = functools.partial(
        pytest.raises, ValueError, match=f"{beginning}.*Received: posterior=Planar"
    )
    with refused():
        VAE(SHAPE, 2, posterior=posteriors.Planar(), objective=make())
    with refused():
        GaussianMixtureVAE(
            SHAPE, 2, 3, noise_posterior=posteriors.Planar(), objective=make()
        )
    present = model.objective
    with refused():
        model.objective = make()
    assert model.objective is present


OF_OWN_DRAWS = [
    functools.partial(objectives.ImportanceWeighted, num_samples=3),
    functools.partial(objectives.Renyi, num_samples=3),
]


@every_flow
@pytest.mark.parametrize("make_objective", OF_OWN_DRAWS)
def test_the_gradient_of_an_objective_of_own_draws_is_that_of_its_value(
    kind, make_objective
):
    objective = make_objective()
    model = VAE(
        SHAPE,
        2,
        encoder=networks.MLP((8,)),
        posterior=KINDS[kind](),
        objective=objective,
        seed=1,
    )
    for number, weight in enumerate(model.posterior_head.trainable_weights):
        weight.assign(weight + 0.3 * values(*weight.shape, seed=number))
    alpha = getattr(objective, "alpha", 0.0)
    with tf.GradientTape(persistent=True) as tape:
        step = Step(model, Inputs(tf.constant(IMAGES[:4])), training=True)
        loss = objective.loss(step)
        powers = (1 - alpha) * (total(step.log_joint()) - total(step.draw.log_q))
        log_mean = tf.reduce_logsumexp(powers, axis=0) - np.log(3)
        expected = -log_mean / (1 - alpha)
    assert_allclose(loss, expected, rtol=1e-5)
    weights = model.trainable_weights
    for a, b in zip(
        tape.gradient(loss, weights), tape.gradient(expected, weights), strict=True
    ):
        assert np.abs(b).max() > 0
        assert_allclose(a, b, rtol=1e-3, atol=1e-4 * np.abs(b).max())


@pytest.mark.slow
@pytest.mark.parametrize("make_objective", OF_OWN_DRAWS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_flow_trains_by_an_objective_of_own_draws(kind, make_objective):
    keras.utils.set_random_seed(1)
    model = VAE(
        SHAPE,
        2,
        encoder=networks.MLP((8,)),
        posterior=KINDS[kind](),
        objective=make_objective(),
        seed=1,
    )
    model.compile(keras.optimizers.Adam(0.02), jit_compile=False)
    log_p = functools.partial(model.log_marginal_likelihood, IMAGES, 500, seed=1)
    before, weights = log_p(), model.get_weights()
    model.fit(IMAGES, epochs=20, batch_size=16, verbose=0)
    assert np.mean(log_p() - before) > 1
    for a, b in zip(weights, model.get_weights(), strict=True):
        assert np.abs(a - b).max() > 0


def test_active_units_are_those_of_the_locations(model):
    usage = evaluation.latent_usage(model, IMAGES)
    variances = model.encode(IMAGES).numpy().var(axis=0)
    assert_allclose(usage.variances, variances, rtol=1e-3, atol=1e-6)
    assert (usage.mutual_information, usage.aggregate_gap) == (None, None)
    assert usage.num_examples == len(IMAGES)
