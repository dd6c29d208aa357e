import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from tests import zoo_of_models
from tests.small_mixtures import SHAPE, groups_of_images, small
from vae_zoo import VAE
from vae_zoo.components import cluster_initializers, networks, priors
from vae_zoo.components.priors import (
    cluster_labels,
    cluster_moments,
    cluster_start,
    clusters,
)
from vae_zoo.fitting.training_data import TrainingData


def test_clusters_start_as_groups_of_the_data_and_stay_in_use():
    x, labels = groups_of_images(60)
    start = cluster_initializers.KMeans(10, num_restarts=3)
    prior = priors.MixtureOfNormals(3, initialization=start)
    for model in (
        small(initialization=start),
        VAE(SHAPE, 2, encoder=networks.MLP((16,)), prior=prior, seed=3),
    ):
        model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
        history = model.fit(x, epochs=13, batch_size=30, verbose=0).history
        assert history["clusters_in_use"][10:] == [3, 3, 3]
        found = np.argmax(model.cluster_probabilities(x), axis=1)
        for label in range(3):
            values, counts = np.unique(found[labels == label], return_counts=True)
            assert counts.max() >= 0.95 * counts.sum(), values
        assert not model.prior_layer.awaits_data


@pytest.mark.parametrize("kind", ["dataset", "sequence"])
def test_clusters_start_from_whatever_is_read_in_batches(kind):
    x, _ = groups_of_images(20)
    data = tf.data.Dataset.from_tensor_slices(x).batch(10)
    if kind == "sequence":
        data = Batches(x)
    start = cluster_initializers.GaussianMixture(0, num_restarts=1)
    model = small(initialization=start)
    model.compile("adam", jit_compile=False)
    model.fit(data, epochs=1, verbose=0)
    assert not model.prior_layer.awaits_data
    # Three groups of different images, of twenty each: not the one start of all.
    loc = np.array(
        [model.prior_layer.component(k).sample(500, seed=1) for k in range(3)]
    )
    apart = np.linalg.norm(loc.mean(axis=1)[:, None] - loc.mean(axis=1), axis=-1)
    assert (apart[np.triu_indices(3, 1)] > 0.1).all()


def test_a_cluster_in_use_has_a_hundredth_of_the_examples():
    metric = clusters.ClustersInUse(3)
    assert float(metric.result()) == 0
    chosen = np.repeat([0, 1, 2], [191, 8, 1])

    def update(clusters):
        metric.update_state({"cluster_log_probabilities": np.eye(3)[clusters]})

    update(chosen[:90])
    update(chosen[90:])
    assert float(metric.result()) == 2
    update([2])
    # 2 of 201 examples are less than a hundredth, 3 of 202 more.
    assert float(metric.result()) == 2
    update([2])
    assert float(metric.result()) == 3


def test_averages_of_weights_forget_what_was_before_the_clusters():
    x, _ = groups_of_images(20)
    model = small(initialization=cluster_initializers.KMeans(1, num_restarts=1))
    optimizer = keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.999)
    model.compile(optimizer, jit_compile=False)
    model.fit(x, epochs=2, batch_size=20, verbose=0)
    trained = model.prior_layer.loc.dense.bias.numpy()
    optimizer.finalize_variable_values(model.trainable_variables)
    averaged = model.prior_layer.loc.dense.bias.numpy()
    assert np.abs(trained).max() > 0.3
    # Three steps after the start: nearly where it is, not where all clusters were.
    assert_allclose(averaged, trained, atol=0.05)


class Batches(keras.utils.PyDataset):
    def __init__(self, x):
        super().__init__()
        self.x = x

    def __len__(self):
        return len(self.x) // 10

    def __getitem__(self, index):
        return (self.x[10 * index : 10 * index + 10],)


def test_a_short_training_ends_with_the_start_of_the_clusters():
    x, _ = groups_of_images(20)
    model = small(initialization=cluster_initializers.KMeans(10))
    model.compile("adam", jit_compile=False)
    for call in (
        lambda: model.cluster_probabilities(x),
        lambda: model.sample(1, cluster=0),
        lambda: tf.function(model.cluster_probabilities)(x),
    ):
        with pytest.warns(UserWarning, match="clusters have not started"):
            call()
    with pytest.warns(UserWarning, match="`epochs` should be higher.*epochs=1.*stay"):
        model.fit(x, epochs=1, verbose=0)
    assert not model.prior_layer.awaits_data
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.cluster_probabilities(x)
    with pytest.raises(ValueError, match="`x` must have at least 3 examples"):
        cluster_start.start_clusters(model, TrainingData(x[:2]))


def test_clusters_of_few_examples_are_proper():
    # As many examples as clusters, fewer than dimensions: no covariance of their own.
    z = np.random.default_rng(0).normal(size=(3, 5)).astype("float32")
    for draws in (z, 0 * z):
        _, _, covariance = cluster_moments.moments(draws, np.arange(3), 3)
        assert np.isfinite(np.linalg.cholesky(covariance)).all()


def test_with_labels_clusters_end_where_their_codes_are():
    x, labels = groups_of_images(30)
    keras.utils.set_random_seed(0)
    # Clusters that start at random, far from the codes that their labels will have.
    model = small(classifier_weight=20.0)
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    before = []

    def measure(epoch, logs):
        before[:] = density(model, x, labels), *distances(model, x, labels)

    callback = keras.callbacks.LambdaCallback(on_epoch_end=measure)
    model.fit(x, labels, epochs=6, batch_size=30, verbose=0, callbacks=[callback])
    assert density(model, x, labels) > before[0] + 0.1
    after = distances(model, x, labels)
    assert max(after) < 0.2 < max(before[1:])
    # What is fitted stays, so that to repeat the last step changes nothing.
    weights = model.get_weights()
    cluster_start.finish_clusters(model, TrainingData(x, labels))
    for old, new in zip(weights, model.get_weights(), strict=True):
        assert_array_equal(old, new)


def distances(model, x, labels):
    """From the mean of each class's draws to that of its cluster's."""
    seed = [int(model.optimizer.iterations), 0]
    z = model.infer(x, seed=tf.constant(seed)).z["z"][0].numpy()
    drawn = [model.prior_layer.component(k).sample(2000, seed=(1, 2)) for k in range(3)]
    return [
        np.linalg.norm(z[labels == k].mean(axis=0) - np.mean(drawn[k], axis=0))
        for k in range(3)
    ]


def density(model, x, y):
    drawn = model.infer(x, seed=tf.constant([3, 4])).z
    z = {name: value[0].numpy() for name, value in drawn.items()}
    return cluster_moments._log_density(model.prior_layer, z, y)


def test_a_generator_cannot_be_read_twice():
    x, _ = groups_of_images(4)
    model = small(initialization=cluster_initializers.KMeans(1))
    model.compile("adam", jit_compile=False)
    with pytest.raises(ValueError, match="`x` must be arrays.*Received: a generator"):
        model.fit((x for _ in range(2)), epochs=1, steps_per_epoch=1, verbose=0)


def test_cluster_k_is_class_k_where_labels_are_known():
    groups = np.array([2, 2, 0, 0, 1, 1, 1])
    labels = np.array([0, -1, 1, -1, -1, 2, 0])
    expected = [0, 0, 1, 1, 2, 2, 0]  # 2 -> 0, 0 -> 1, 1 -> 2; a label wins.
    codes = np.zeros((7, 1))
    found = cluster_labels.groups_with_labels(groups, codes, codes, labels, 3)
    assert_array_equal(found, expected)


def test_a_few_labels_say_which_start_is_better():
    rng = np.random.default_rng(0)
    classes = np.arange(300) % 3
    codes = rng.normal(size=(300, 2)) + 6 * np.eye(3, 2)[classes]
    labels = np.where(np.arange(300) < 30, classes, -1)
    nothing, names = 0 * codes, (classes + 1) % 3
    # The classes under other names, in the codes alone, and in the examples alone.
    for groups, at, x in (
        (names, nothing, nothing),
        (0 * names, codes, nothing),
        (0 * names, nothing, codes),
    ):
        found = cluster_labels.groups_with_labels(groups, at, x, labels, 3)
        assert np.mean(found == classes) > 0.97
    # Of one class no label is known: the regression could not name it.
    labels = np.where(classes == 2, -1, labels)
    found = cluster_labels.groups_with_labels(names, codes, codes, labels, 3)
    assert_array_equal(found, classes)


def test_clusters_are_asked_of_mixtures_alone(binary_images):
    model = zoo_of_models.vae()
    assert model.num_clusters is None
    for call in (
        lambda: model.cluster_probabilities(binary_images),
        lambda: model.sample(1, cluster=0),
    ):
        with pytest.raises(ValueError, match="those of a mixture.*StandardNormal"):
            call()
    for cluster in (3, -1, 1.5, 2.0, True, "1"):
        shown = f"cluster={cluster!r}"
        with pytest.raises(ValueError, match=f"`cluster` must be .*0..2.*{shown}"):
            small().sample(1, cluster=cluster)
    assert small().sample(1, cluster=np.int64(2)).shape == (1, *SHAPE)
    assert small(num_clusters=np.int64(4), noise_dim=np.int32(3)).num_clusters == 4
    prior = priors.HierarchicalMixtureOfNormals(3, 2)
    with pytest.raises(
        ValueError, match="`prior` must be one of the latents .*of z and w"
    ):
        VAE(SHAPE, 2, prior=prior)


@pytest.fixture(scope="module")
def unstarted():
    """A model, and its weights from before any training."""
    model = small(initialization=cluster_initializers.KMeans(0, num_restarts=1))
    model.compile(keras.optimizers.SGD(0.001), jit_compile=False)
    return model, model.get_weights()


@pytest.mark.parametrize("kind", ["one", "tuple", "callback list"])
def test_clusters_start_beside_other_callbacks(unstarted, kind):
    x, _ = groups_of_images(4)
    seen = []
    other = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: seen.append(1))
    model, untrained = unstarted
    model.set_weights(untrained)
    assert model.prior_layer.awaits_data
    callbacks = {"one": other, "tuple": (other,)}.get(kind)
    if callbacks is None:
        callbacks = keras.callbacks.CallbackList([other], add_history=True, model=model)
    model.fit(x, epochs=1, verbose=0, callbacks=callbacks)
    assert seen == [1]
    assert not model.prior_layer.awaits_data
