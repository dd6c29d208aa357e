import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from tests.small_mixtures import SHAPE, bent, small
from vae_zoo import VAE
from vae_zoo.components import networks, priors
from vae_zoo.components.cluster_initializers import KMeans
from vae_zoo.components.posteriors import DiagonalNormal
from vae_zoo.fitting.step import Step
from vae_zoo.models import importance


def test_the_terms_add_up_to_the_bound(binary_images):
    model, x = bent(), binary_images[:3]
    count = 4000
    many = np.repeat(x, count, axis=0)
    terms = model.elbo_terms(many, seed=1)
    parts = terms["kl_z"] + terms["kl_w"] + terms["kl_c"]
    assert_allclose(terms["kl"], parts, rtol=1e-5, atol=1e-5)
    # By brute force: every variable is drawn, the cluster too, and nothing is in
    # closed form.
    draw = model.infer(many, seed=tf.constant([5, 6]))
    z, w = draw.z["z"][0], draw.z["w"][0]
    mixture = model.prior_layer.given(w)
    log_p_c_given_z = tf.nn.log_softmax(mixture.log_joint(z)).numpy()
    uniform = np.random.default_rng(1).random((len(many), 1))
    c = (np.exp(log_p_c_given_z).cumsum(axis=1)[:, :-1] < uniform).sum(axis=1)
    rows = np.arange(len(many))
    log_p_z_and_c = [mixture.component(k).log_prob(z) for k in range(3)]
    log_p_z_and_c += tf.nn.log_softmax(model.prior_layer.logits)[:, None]
    brute = (
        model.likelihood(z).log_prob(many)
        - 0.5 * tf.reduce_sum(w**2 + np.log(2 * np.pi), axis=1)
        + log_p_z_and_c.numpy()[c, rows]
        - draw.log_q["z"][0]
        - draw.log_q["w"][0]
        - log_p_c_given_z[rows, c]
    )
    log_p_c = tf.nn.log_softmax(model.prior_layer.logits).numpy()
    log_p_z = log_p_z_and_c.numpy()[c, rows] - log_p_c[c]
    for name, draws, drawn in (
        ("sum", terms["log_likelihood"] - terms["kl"], brute),
        ("elbo", model.elbo(many, seed=2), brute),
        ("kl_c", terms["kl_c"], log_p_c_given_z[rows, c] - log_p_c[c]),
        ("kl_z", terms["kl_z"], draw.log_q["z"][0] - log_p_z),
    ):
        ours = np.reshape(draws, (3, count))
        expected = np.reshape(drawn, (3, count))
        error = np.hypot(ours.std(1), expected.std(1)) / count**0.5
        assert (error < 0.2).all()
        difference = ours.mean(axis=1) - expected.mean(axis=1)
        assert (np.abs(difference) < 5 * error).all(), name


def test_the_likelihood_integrates_over_both_latents(binary_images):
    model, x = bent(), binary_images[:2]
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    model.fit(binary_images, epochs=20, verbose=0)
    draws = model.draw_prior([200_000], tf.constant([1, 2]))
    log_likelihood = model.likelihood(draws["z"]).log_prob(x[:, None])
    weights = np.exp(log_likelihood - np.max(log_likelihood, axis=1, keepdims=True))
    exact = np.log(weights.mean(axis=1)) + np.max(log_likelihood, axis=1)
    relative_error = weights.std(axis=1) / weights.mean(axis=1) / 200_000**0.5
    # With draws of the prior among those of q no weight is large: without them one
    # estimate in many is far off, and ten do not show how far.
    inputs = model.as_inputs(x)
    sums = [
        importance.log_weight_sums(model, inputs, 20_000, tf.constant([1, seed]), 0.5)[
            0
        ]
        for seed in range(10)
    ]
    estimates = np.stack(sums) - np.log(20_000)
    error = np.hypot(relative_error, estimates.std(axis=0, ddof=1) / 10**0.5)
    assert (error < 0.05).all()
    assert (np.abs(estimates.mean(axis=0) - exact) < 5 * error).all()


def test_where_w_has_no_say_it_is_a_vae_with_a_mixture_prior(binary_images):
    model = small(full_covariance=True)
    for projection in (model.prior_layer.loc, model.prior_layer.raw_scale):
        projection.dense.kernel.assign(0 * projection.dense.kernel)
    prior = priors.MixtureOfNormals(3, initialization=None)
    other = VAE(SHAPE, 2, encoder=networks.MLP((16,)), prior=prior, seed=3)
    for mine, theirs in (
        (model.encoder, other.encoder),
        (model.decoder, other.decoder),
        (model.posterior_head, other.posterior_head),
        (model.likelihood_head, other.likelihood_head),
    ):
        theirs.set_weights(mine.get_weights())
    loc = model.prior_layer.loc.dense.bias
    scale = tf.math.softplus(model.prior_layer.raw_scale.dense.bias) + 1e-3
    covariance = tf.linalg.diag(tf.reshape(scale, (3, 2)) ** 2)
    prior.set_components(tf.fill([3], 1 / 3), tf.reshape(loc, (3, 2)), covariance)
    assert_allclose(
        model.cluster_probabilities(binary_images),
        other.cluster_probabilities(binary_images),
        atol=1e-5,
    )
    many = np.repeat(binary_images[:2], 4000, axis=0)
    mine, theirs = model.elbo_terms(many, seed=1), other.elbo_terms(many, seed=2)
    without_w = np.reshape(mine["kl"] - mine["kl_w"], (2, -1))
    with_z_alone = np.reshape(theirs["kl"], (2, -1))
    error = np.hypot(without_w.std(1), with_z_alone.std(1)) / 4000**0.5
    difference = without_w.mean(axis=1) - with_z_alone.mean(axis=1)
    assert (np.abs(difference) < 5 * error + 1e-5).all()


def test_the_objective_of_labelled_examples_is_their_joint_bound(binary_images):
    model, x = bent(classifier_weight=2.5), binary_images[:6]
    y = tf.constant([0, -1, 2, -1, 1, 2])
    step = Step(model, model.as_inputs(x), y, training=False)
    outputs, objective = step.outputs, model.objective.loss(step).numpy()
    step.y = tf.fill([6], -1)
    assert_array_equal(model.objective.loss(step), -outputs["elbo"])
    log_p = outputs["cluster_log_probabilities"].numpy()
    # Of the very draw that the bound is of: the terms say so by themselves.
    log_p_c = tf.nn.log_softmax(model.prior_layer.logits)
    kl_c = np.sum(np.exp(log_p) * (log_p - log_p_c), axis=1)
    assert_allclose(kl_c, outputs["kl_c"], atol=1e-5)
    for row, label in enumerate(y.numpy()):
        expected = -outputs["elbo"][row]
        if label >= 0:
            # log p(x, y) >= ELBO + log p(y|z, w), and the classifier's term.
            expected -= (1 + 2.5) * log_p[row, label]
        assert_allclose(objective[row], expected, rtol=1e-5)


@pytest.mark.parametrize("share", [0.5, 2.0])
def test_free_bits_are_free_up_to_their_number(share, binary_images):
    model = bent()
    step = Step(model, model.as_inputs(binary_images), training=False)
    terms = step.terms
    mean = float(tf.reduce_mean(terms["kl_c"]))
    assert mean > 0.05
    model.free_bits = share * mean
    loss = tf.reduce_mean(model.objective.loss(step))
    others = terms["kl_z"] + terms["kl_w"] - terms["log_likelihood"]
    expected = tf.reduce_mean(others) + max(mean, share * mean)
    assert_allclose(loss, expected, rtol=1e-5)
    # Free nats have no gradient. The logits of p(c) are in kl_c and, through p(z|w), in
    # kl_z.
    with tf.GradientTape(persistent=True) as tape:
        draw, inputs = step.draw, step.inputs
        step = Step(model, inputs, training=False)
        step.draw = draw
        loss = tf.reduce_mean(model.objective.loss(step))
        kl_z, kl_c = (tf.reduce_mean(step.terms[name]) for name in ("kl_z", "kl_c"))
    logits = model.prior_layer.logits
    of_loss, of_z, of_c = (tape.gradient(each, logits) for each in (loss, kl_z, kl_c))
    assert np.abs(of_c).max() > 1e-3
    assert_allclose(of_loss, of_z + (0.0 if share > 1 else 1.0) * of_c, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_clusters": 1}, "`num_clusters` must be .* >= 2.*num_clusters=1"),
        ({"num_clusters": 2.5}, "`num_clusters` must be an integer"),
        ({"noise_dim": 0}, "`noise_dim` must be .* >= 1"),
        ({"noise_dim": 1.5}, "`noise_dim` must be an integer"),
        ({"full_covariance": 1}, "`full_covariance` must be True or False"),
        ({"initialization": "k-means"}, "`initialization` must be one of.*'k-means'"),
        ({"initialization": KMeans}, "`initialization` must be .*the class KMeans"),
        ({"cluster_network": "mlp"}, "`cluster_network` must be a Keras layer.*'mlp'"),
        ({"noise_posterior": DiagonalNormal}, "`noise_posterior` must be one of"),
        ({"free_bits": -1.0}, "`free_bits` must be .*>= 0"),
        ({"classifier_weight": -1.0}, "`classifier_weight` must be .*>= 0"),
    ],
)
def test_bad_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        small(**options)


def test_without_labels_there_is_no_accuracy_also_step_by_step(binary_images):
    model = small()
    model.compile("adam", run_eagerly=True)
    history = model.fit(binary_images[:8], batch_size=4, verbose=0).history
    assert "elbo" in history
    assert "label_accuracy" not in history
