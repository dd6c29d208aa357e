import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from tests.small_mixtures import groups_of_images, small
from vae_zoo.components import cluster_initializers


@pytest.fixture(scope="module")
def mixture():
    """For what is refused, whatever the model has learned: traced but once."""
    return ready()


@pytest.fixture(scope="module")
def classifier():
    return ready(classifier_weight=1.0)


def ready(**options):
    model = small(**options)
    model.compile(keras.optimizers.SGD(0.01), jit_compile=False)
    return model


def test_few_labels_name_the_clusters():
    x, labels = groups_of_images(60)
    y = np.full(len(x), -1)
    y[::20] = labels[::20]
    start = cluster_initializers.KMeans(3)
    model = small(initialization=start, classifier_weight=5.0)
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    shuffled = np.random.default_rng(1).permutation(len(x))
    data = tf.data.Dataset.from_tensor_slices((x[shuffled], y[shuffled])).batch(30)
    history = model.fit(data, epochs=15, validation_data=(x, labels), verbose=0).history
    assert history["val_label_accuracy"][-1] > 0.95
    found = np.argmax(model.cluster_probabilities(x), axis=1)
    assert np.mean(found == labels) > 0.95
    assert_allclose(history["val_loss"], -np.array(history["val_elbo"]), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_labels_are_of_any_integer_type(classifier, dtype):
    x, labels = groups_of_images(4)
    y = labels.astype(dtype)
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(4)
    for given in ((x, y), (data, None)):
        classifier.fit(*given, verbose=0)


def test_with_all_labels_it_generates_by_class():
    x, labels = groups_of_images(60)
    model = small(initialization=cluster_initializers.KMeans(2))
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    model.fit(x, labels, epochs=30, batch_size=30, verbose=0)
    templates = np.stack([x[labels == label].mean(axis=0) for label in range(3)])
    for label in range(3):
        images = model.sample(40, seed=1, cluster=label).numpy()
        distances = ((images[:, None] - templates) ** 2).sum(axis=(2, 3, 4))
        assert np.mean(distances.argmin(axis=1) == label) > 0.9
    assert_array_equal(
        model.sample(3, seed=1, cluster=1), model.sample(3, seed=1, cluster=1)
    )


def test_labels_late_in_a_data_set_name_the_clusters_too():
    x, labels = groups_of_images(100)
    order = np.random.default_rng(0).permutation(300)
    x, labels = x[order], labels[order]
    y = np.full(300, -1)
    y[-6:] = labels[-6:]
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(30).repeat()
    start = cluster_initializers.KMeans(10, num_restarts=3, max_examples=90)
    model = small(initialization=start)
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    model.fit(data, epochs=10, steps_per_epoch=10, verbose=0)
    assert set(labels[-6:]) == {0, 1, 2}
    found = np.argmax(model.cluster_probabilities(x), axis=1)
    assert np.mean(found == labels) > 0.95


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.full(12, 3), r"`y` must lie in -1..2, .*values from 3 to 3"),
        (np.arange(-2, 10), r"`y` must lie in -1..2, .*values from -2 to 9"),
        (np.zeros(12), r"`y` must be of integers.*float64"),
        (np.zeros(11, int), r"`y` must have one label for each of the 12 .*\(11,\)"),
        (np.zeros((12, 2), int), r"`y` must have one label .*\(12, 2\)"),
    ],
)
def test_bad_labels_are_named(mixture, y, message):
    x, _ = groups_of_images(4)
    with pytest.raises(ValueError, match=message):
        mixture.fit(x, y, verbose=0)


def test_bad_labels_of_a_data_set_are_named(mixture):
    x, _ = groups_of_images(4)
    for y, message in (
        (np.arange(12), r"`y` must lie in -1..2, .*values from 0 to 11"),
        (np.zeros(12, np.float32), "`y` must be of integers.*float32"),
    ):
        data = tf.data.Dataset.from_tensor_slices((x, y)).batch(12)
        with pytest.raises(ValueError, match=message):
            mixture.fit(data, verbose=0)


class Pairs(keras.utils.PyDataset):
    def __init__(self, x, y):
        super().__init__()
        self.pair = x, y

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.pair


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.arange(12), r"`y` must lie in -1..2, .*values from 0 to 11"),
        (np.zeros(12), r"`y` must be of integers.*float64"),
        (np.zeros(11, int), r"`y` must have one label for each of the .*11"),
    ],
)
def test_bad_labels_are_named_wherever_they_come_from(mixture, y, message):
    x, good = groups_of_images(4)
    model = mixture
    batches = tf.data.Dataset.from_tensors((x, y))
    # The same without a word on its sizes.
    specs = [tf.TensorSpec((None, *each.shape[1:]), each.dtype) for each in (x, y)]
    dynamic = tf.data.Dataset.from_generator(
        lambda: iter_once(x, y), output_signature=tuple(specs)
    )
    calls = [
        lambda: model.fit(Pairs(x, y), verbose=0),
        lambda: model.fit(iter_once(x, y), steps_per_epoch=1, verbose=0),
        lambda: model.fit(batches, verbose=0),
        lambda: model.fit(x, good, validation_data=(x, y), verbose=0),
        lambda: model.fit(x, good, validation_data=batches, verbose=0),
        lambda: model.evaluate(x, y, verbose=0),
        lambda: model.evaluate(batches, verbose=0),
        lambda: model.fit(dynamic, verbose=0),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=message):
            call()


def iter_once(x, y):
    yield x, y


def test_labels_of_several_columns_are_refused(mixture):
    x, y = groups_of_images(4)
    data = tf.data.Dataset.from_tensors((x, tf.one_hot(y, 3, dtype=tf.int32)))
    with pytest.raises(ValueError, match=r"one label for each .*\(12, 3\)"):
        mixture.fit(data, verbose=0)


def test_a_label_may_come_late_or_from_a_generator(classifier):
    x, _ = groups_of_images(4)
    y = np.array([-1] * 11 + [2])
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(3)
    # The second epoch goes on where the first one stopped.
    classifier.fit(data, epochs=2, steps_per_epoch=2, verbose=0)
    classifier.fit(iter_once(x, y), steps_per_epoch=1, verbose=0)


def test_a_classifier_weight_needs_a_label(classifier):
    x, _ = groups_of_images(4)
    unknown = np.full(12, -1)
    data = tf.data.Dataset.from_tensor_slices((x, unknown)).batch(4)
    for given in ((x, unknown), (x, None), (data, None)):
        with pytest.raises(ValueError, match="`y` must have a label that is not -1"):
            classifier.fit(*given, verbose=0)
    known = tf.data.Dataset.from_tensor_slices((x, np.arange(12) % 3)).batch(4)
    classifier.fit(known, verbose=0)
