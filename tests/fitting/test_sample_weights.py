"""What sample weights mean: sum(w v) / B in training, sum(w v) / sum(w) in reports."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from tests.fitting.blind_models import SHAPE, blind, compiled, of_data_set
from vae_zoo import VAE, BetaVAE, GaussianMixtureVAE
from vae_zoo.components import cluster_initializers, networks
from vae_zoo.components.likelihoods import Normal
from vae_zoo.components.priors.clusters import ClustersInUse
from vae_zoo.fitting import sample_weights
from vae_zoo.fitting.step import Step

pytestmark = pytest.mark.usefixtures("without_xla")


@pytest.fixture
def weights():
    return np.random.default_rng(1).gamma(0.5, size=32).astype("float32")


def of_arrays(x, weights, size):
    return {"x": x, "sample_weight": weights, "batch_size": size}


def of_arrays_with_labels(x, weights, size):
    return {**of_arrays(x, weights, size), "y": np.arange(len(x))}


def of_columns(x, weights, size):
    return of_arrays(tf.constant(x), weights[:, None], size)


def of_generator(x, weights, size):
    parts = range(0, len(x), size)
    return {"x": ((x[i : i + size], None, weights[i : i + size]) for i in parts)}


@pytest.mark.parametrize(
    "form",
    [of_data_set, of_arrays, of_arrays_with_labels, of_columns, of_generator],
)
@pytest.mark.parametrize("size", [5, 32])
def test_reports_are_weighted_means_over_the_pass(
    resting, binary_images, weights, form, size
):
    model = resting
    terms = model.elbo_terms(binary_images, seed=0)
    expected = {
        name: np.average(value, weights=weights) for name, value in terms.items()
    }
    expected["elbo"] = expected["log_likelihood"] - expected["kl"]
    expected["loss"] = -expected["elbo"]
    found = model.evaluate(
        **form(binary_images, weights, size), return_dict=True, verbose=0
    )
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert_allclose(found[name], value, rtol=1e-5, err_msg=name)
    assert found["loss"] == -found["elbo"]
    history = model.fit(**form(binary_images, weights, size), verbose=0).history
    for name, value in expected.items():
        assert_allclose(history[name][0], value, rtol=1e-5, err_msg=name)


def test_validation_is_weighted_with_or_without_labels(resting, binary_images, weights):
    model = resting
    expected = np.average(model.elbo(binary_images, seed=0), weights=weights)
    for y in (None, np.zeros(32, int)):
        history = model.fit(
            binary_images,
            validation_data=(binary_images, y, weights),
            validation_batch_size=7,
            verbose=0,
        ).history
        assert_allclose(history["val_elbo"][0], expected, rtol=1e-5)
        assert history["val_loss"][0] == -history["val_elbo"][0]


def test_weights_are_split_off_with_their_examples(resting, binary_images, weights):
    model = resting
    history = model.fit(
        binary_images, sample_weight=weights, validation_split=0.25, verbose=0
    ).history
    bounds = model.elbo(binary_images, seed=0).numpy()
    for name, part in (("elbo", slice(24)), ("val_elbo", slice(24, None))):
        expected = np.average(bounds[part], weights=weights[part])
        assert_allclose(history[name][0], expected, rtol=1e-5)


def stepped(model, x, sample_weight, batch_size):
    """How far one step, or one epoch of steps, moves the decoder's last bias."""
    compiled(model, keras.optimizers.SGD(1.0))
    model.fit(
        x, sample_weight=sample_weight, batch_size=batch_size, shuffle=False, verbose=0
    )
    (bias,) = [
        each for each in model.likelihood_head.weights if each.path.endswith("bias")
    ]
    return bias.numpy().ravel()


@pytest.mark.parametrize("with_weights", [True, False])
def test_a_step_follows_the_gradient_over_the_batch_size(
    binary_images, weights, with_weights
):
    model = blind()
    w = weights if with_weights else np.ones(32, "float32")
    # At logits 0 the gradient of log p(x|z) is x - 1/2 for each element.
    expected = (w[:, None] * (binary_images.reshape(32, -1) - 0.5)).sum(axis=0) / 32
    found = stepped(model, binary_images, w if with_weights else None, 32)
    assert_allclose(found, expected, atol=1e-6)


def test_a_small_weight_counts_little_in_small_batches():
    # Half of the rows have the pixel and a weight of .01: its frequency is .01 / 1.01
    # by weights, whatever the batch size (.513 where each batch divides by its own).
    x = np.repeat([[0.0], [1.0]], 200, axis=0).astype("float32")
    w = np.where(x[:, 0] > 0.5, 0.01, 1.0)
    order = np.random.default_rng(0).permutation(400)
    for size in (1, 20):
        model = VAE((1,), 1, encoder=networks.MLP((2,)), seed=0)
        model.compile(keras.optimizers.SGD(0.05 * size**0.5))
        model.fit(
            x[order], sample_weight=w[order], batch_size=size, epochs=12, verbose=0
        )
        assert float(tf.reduce_mean(model.sample(500, seed=0))) < 0.06


def test_a_capacity_is_compared_with_the_weighted_mean(binary_images, weights):
    model = blind(BetaVAE, beta=2.0, capacity=1.5)
    step = Step(
        model,
        model.as_inputs(binary_images),
        sample_weight=tf.constant(weights),
        training=True,
    )
    expected = 2 * abs(np.average(step.terms["kl"], weights=weights) - 1.5)
    found = model.objective.loss(step)
    assert_allclose(found + step.terms["log_likelihood"], expected, rtol=1e-4)


def test_class_weights_are_weights_of_the_class_examples(resting, binary_images):
    y = np.arange(32) % 3
    model = resting
    expected = model.evaluate(
        binary_images, sample_weight=np.where(y == 1, 5.0, 1.0), verbose=0
    )
    given = {"class_weight": {1: 5.0}, "verbose": 0}
    for data in (
        {"x": binary_images, "y": y},
        {"x": tf.data.Dataset.from_tensor_slices((binary_images, y)).batch(5)},
    ):
        history = model.fit(**data, **given).history
        assert_allclose(history["loss"][0], expected[0], rtol=1e-5)
    loss = model.train_on_batch(binary_images, y, class_weight={1: 5.0})[0]
    assert_allclose(loss, expected[0], rtol=1e-5)


def test_label_accuracy_is_weighted():
    rng = np.random.default_rng(0)
    x = rng.random((40, 4)).round().astype("float32")
    y, w = rng.integers(-1, 2, size=40), rng.random(40)
    model = GaussianMixtureVAE(
        (4,), 2, 2, encoder=networks.MLP((4,)), seed=0, initialization=None
    )
    model.compile("adam")
    chosen = np.argmax(model.cluster_probabilities(x), axis=1)
    known = y >= 0
    expected = np.average((chosen == y)[known], weights=w[known])
    found = model.evaluate(
        x, y, sample_weight=w, batch_size=7, return_dict=True, verbose=0
    )
    assert_allclose(found["label_accuracy"], expected, rtol=1e-5)


def test_classes_without_a_weight_count_once():
    found = sample_weights.of_classes(np.array([[2], [0], [-1]]), {2: 0.5, 7: 3.0})
    assert found.numpy().tolist() == [0.5, 1.0, 1.0]


@pytest.fixture(scope="module")
def mixture():
    """A model, and its weights from before any training."""
    start = cluster_initializers.KMeans(1, num_restarts=1)
    model = GaussianMixtureVAE(
        SHAPE, 2, 3, encoder=networks.MLP((4,)), seed=0, initialization=start
    )
    model.compile(keras.optimizers.SGD(0.001))
    return model, model.get_weights()


def fitted_mixture(mixture, x, y, weights, as_stream):
    model, untrained = mixture
    model.set_weights(untrained)
    assert model.prior_layer.awaits_data
    given = {"x": x, "y": y, "sample_weight": weights}
    if as_stream:
        given = {"x": tf.data.Dataset.from_tensor_slices((x, y, weights)).batch(32)}
    model.fit(**given, epochs=2, verbose=0)
    return model


@pytest.mark.parametrize("as_stream", [False, True])
@pytest.mark.parametrize("with_labels", [False, True])
def test_examples_without_weight_make_no_clusters(
    mixture, binary_images, as_stream, with_labels
):
    # The same images, and as many black ones without any weight.
    x = np.concatenate([binary_images, np.zeros_like(binary_images)])
    weights = np.repeat([1.0, 0.0], 32)
    y = np.full(64, -1)
    if with_labels:
        y[:32] = np.arange(32) % 3
        y[32:] = 0
    model = fitted_mixture(mixture, x, y, weights, as_stream)
    assert not model.prior_layer.awaits_data
    if with_labels:
        shares = tf.nn.softmax(model.prior_layer.logits).numpy()
        assert_allclose(shares, 1 / 3, atol=0.03)


@pytest.mark.parametrize("size", [1, 2, 64])
def test_the_learned_scale_is_weighted_whatever_the_batch_size(size):
    rng = np.random.default_rng(0)
    is_wide = np.arange(512) % 2 == 0
    x = rng.normal(size=(512, 8)) * np.where(is_wide, 1.0, 0.1)[:, None]
    w = np.where(is_wide, 0.01, 1.0)
    model = VAE((8,), 1, encoder=networks.MLP((2,)), likelihood=Normal(), seed=0)
    # The decoder stays at 0, so the residuals are x.
    model.compile(keras.optimizers.SGD(0.0))
    scales = []
    look = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: scales.append(
            float(model.likelihood_head._learned_scale())
        )
    )
    model.fit(
        x, sample_weight=w, batch_size=size, epochs=2, verbose=0, callbacks=[look]
    )
    expected = np.average((x**2).mean(axis=1), weights=w)
    found = np.mean(np.square(scales[len(scales) // 2 :]))
    assert_allclose(found, expected, rtol=0.15)


def test_weights_do_not_weigh_regularization():
    def kernels(weights):
        """Before and after a step."""
        keras.utils.set_random_seed(0)
        encoder = keras.Sequential(
            [keras.Input((4,)), keras.layers.Dense(2, kernel_regularizer="l2")]
        )
        model = VAE((4,), 1, encoder=encoder, seed=0)
        model.compile(keras.optimizers.SGD(10.0))
        before = encoder.layers[0].kernel.numpy()
        model.fit(np.zeros((8, 4)), sample_weight=weights, batch_size=8, verbose=0)
        return before, encoder.layers[0].kernel.numpy()

    for weights in (np.full(8, 1e-7), np.ones(8)):
        before, after = kernels(weights)
        # At inputs of 0 only l2(0.01) moves the kernel: it shrinks by 0.2.
        assert_allclose(after, 0.8 * before, rtol=1e-5)


def test_clusters_in_use_count_weights():
    metric = ClustersInUse(3)
    scores = {"cluster_log_probabilities": tf.eye(3)}
    metric.update_state(scores, sample_weight=tf.constant([1.0, 1.0, 0.0]))
    assert float(metric.result()) == 2
