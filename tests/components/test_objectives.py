"""The bound as an objective: its estimators, its free bits, and its numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from tests.zoo_of_models import IMAGES, SHAPE
from vae_zoo import VAE, GaussianMixtureVAE
from vae_zoo.components import networks, objectives, posteriors, schedules
from vae_zoo.fitting.step import Step


def vae(objective=None, **options):
    keras.utils.set_random_seed(0)
    encoder = networks.MLP((8,))
    return VAE(SHAPE, 2, encoder=encoder, objective=objective, seed=1, **options)


def step_of(model, training=True):
    return Step(model, model.as_inputs(IMAGES), training=training)


def test_both_estimators_of_the_bound_agree_in_expectation():
    # Kingma & Welling 2014: estimator A, equation 6, and B, equation 7.
    losses = {}
    for closed_form in (True, False):
        objective = objectives.Elbo(num_samples=64, closed_form=closed_form)
        model = vae(objective, posterior=posteriors.FullCovarianceNormal())
        found = [model.objective.loss(step_of(model)) for _ in range(40)]
        losses[closed_form] = np.array(found)
    means = {key: values.mean(axis=0) for key, values in losses.items()}
    errors = {key: values.std(axis=0) / 40**0.5 for key, values in losses.items()}
    difference = np.abs(means[True] - means[False])
    assert (difference < 5 * np.hypot(errors[True], errors[False]) + 1e-4).all()
    # They are two: what is drawn is not what is in closed form.
    assert np.abs(losses[True][0] - losses[False][0]).max() > 1e-4


def test_more_draws_are_their_mean():
    model = vae(objectives.Elbo(num_samples=6))
    step = step_of(model)
    assert step.draw.z["z"].shape == (6, 32, 2)
    log_likelihood = model.likelihood(step.draw.z["z"]).log_prob(IMAGES)
    assert_allclose(step.terms["log_likelihood"], log_likelihood.numpy().mean(0), 1e-5)
    assert_allclose(model.objective.loss(step), -step.elbo, rtol=1e-5)


@pytest.mark.parametrize("share", [0.5, 2.0])
def test_free_bits_are_free_up_to_their_number(share):
    model = vae()
    head = model.posterior_head
    head.loc.dense.bias.assign([0.7, -0.4])
    with tf.GradientTape(persistent=True) as tape:
        step = step_of(model)
        kl = tf.reduce_mean(step.terms["kl"])
        model.objective.free_bits = share * float(kl)
        loss = tf.reduce_mean(model.objective.loss(step))
        others = -tf.reduce_mean(step.terms["log_likelihood"])
    assert_allclose(loss, others + max(1.0, share) * float(kl), rtol=1e-5)
    bias = head.loc.dense.bias
    of_loss, of_kl, of_others = (
        tape.gradient(each, bias) for each in (loss, kl, others)
    )
    assert np.abs(of_kl).max() > 1e-3
    expected = of_others + (0.0 if share > 1 else 1.0) * of_kl
    assert_allclose(of_loss, expected, atol=1e-6)


def test_free_bits_are_of_each_latent_by_itself():
    objective = objectives.Elbo(free_bits=0.3)
    model = GaussianMixtureVAE(
        SHAPE,
        2,
        3,
        encoder=networks.MLP((8,)),
        initialization=None,
        objective=objective,
        seed=1,
    )
    step = step_of(model)
    total = -step.terms["log_likelihood"].numpy()
    for kl in step.divergences().values():
        kl = kl.numpy()[0]
        total += kl + max(0.0, 0.3 - kl.mean())
    assert_allclose(objective.loss(step), total, rtol=1e-5)


@pytest.mark.parametrize(("before", "after"), [(0.0, 50.0), (50.0, 0.0)])
def test_free_bits_set_later_count_from_the_next_step(before, after):
    # At 0 they are left out of what is traced, so a number in its place is not enough.
    model = vae(objectives.Elbo(free_bits=before))
    model.compile(keras.optimizers.SGD(0.0), jit_compile=False)

    def loss_above_the_bound():
        found = model.fit(IMAGES, batch_size=32, verbose=0).history
        return found["loss"][0] + found["elbo"][0]

    def expected(free_bits):
        return (
            0.0
            if not free_bits
            else free_bits
            - model.evaluate(IMAGES, batch_size=32, verbose=0, return_dict=True)["kl"]
        )

    for free_bits in (before, after):
        model.objective.free_bits = free_bits
        assert_allclose(loss_above_the_bound(), expected(free_bits), atol=1e-3)


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf, "3", int, [1.0], {}, True])
@pytest.mark.parametrize("name", ["beta", "free_bits", "capacity"])
def test_a_number_is_checked_whenever_it_is_set(name, bad):
    message = f"`{name}` must be a finite number >= 0 or a schedule.*Received: {name}="
    with pytest.raises(ValueError, match=message):
        objectives.Elbo(**{name: bad})
    objective = objectives.Elbo()
    kept = getattr(objective, name)
    with pytest.raises(ValueError, match=message):
        setattr(objective, name, bad)
    assert getattr(objective, name) == kept


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_samples": 0}, "`num_samples` must be an integer >= 1.*num_samples=0"),
        ({"num_samples": "3"}, "`num_samples` must be an integer.*'3'"),
        ({"closed_form": "no"}, "`closed_form` must be True or False.*'no'"),
        ({"normalized": 1}, "`normalized` must be True or False.*1"),
        ({"free_bits": 1.0, "capacity": 2.0}, "`free_bits` must be 0 with a `capac"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        objectives.Elbo(**options)


def test_a_capacity_and_free_bits_exclude_each_other_also_later():
    objective = objectives.Elbo(capacity=2.0)
    with pytest.raises(ValueError, match="`free_bits` must be 0 with a `capacity`"):
        objective.free_bits = 1.0
    assert objective.free_bits == 0.0
    objective = objectives.Elbo(free_bits=schedules.Linear(0.0, 1.0, 5))
    with pytest.raises(ValueError, match="`free_bits` must be 0 with a `capacity`"):
        objective.capacity = 1.0
    assert objective.capacity is None


def test_labels_need_a_mixture():
    message = "`objective` must be one for any prior.*prior=StandardNormal"
    with pytest.raises(ValueError, match=message):
        vae(objectives.MixtureElbo())
