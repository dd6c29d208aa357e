import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_array_equal

from vae_zoo import VAE
from vae_zoo.fitting.batches import of_arrays
from vae_zoo.fitting.fit_arguments import replace_data


def rows(dataset):
    """The elements of a dataset of numbers, batch by batch."""
    return [np.asarray(batch).ravel().tolist() for batch in dataset]


@pytest.mark.parametrize("convert", [np.asarray, tf.constant])
def test_an_epoch_has_each_row_once_in_an_order_of_its_own(convert):
    x, y = (convert(np.arange(start, start + 10)) for start in (0, 100))
    keras.utils.set_random_seed(0)
    data = of_arrays((x, y, None), 4, shuffle=True)
    assert len(data) == 3
    epochs = [list(data) for _ in range(3)]
    orders = [np.concatenate([x for x, _ in epoch]).tolist() for epoch in epochs]
    assert [len(x) for x, _ in epochs[0]] == [4, 4, 2]
    assert all(sorted(order) == list(range(10)) for order in orders)
    assert orders[0] != orders[1] != orders[2]
    assert all((y == x + 100).numpy().all() for x, y in epochs[0])
    keras.utils.set_random_seed(0)
    again = of_arrays((x, y, None), 4, shuffle=True)
    assert np.concatenate([x for x, _ in again]).tolist() == orders[0]


def test_without_shuffling_the_order_stays():
    data = of_arrays((np.arange(5), None, None), 2, shuffle=False)
    assert rows(data) == [[0, 1], [2, 3], [4]]


@pytest.mark.parametrize(
    ("given", "shuffle", "is_shuffled"),
    [({}, None, True), ({"shuffle": False}, None, False), ({}, False, False)],
)
def test_fit_shuffles_arrays_unless_it_is_told(given, shuffle, is_shuffled):
    given = dict(given)
    replace_data(given, (np.arange(20), None, None), shuffle)
    (order,) = rows(given["x"])
    assert sorted(order) == list(range(20))
    assert (order != list(range(20))) == is_shuffled


def test_weights_come_along_without_labels():
    arrays = np.arange(5), None, np.arange(5) + 10.0
    for x, y, w in of_arrays(arrays, 2, shuffle=True):
        assert y.shape == (len(x), 0)
        assert (w == tf.cast(x, w.dtype) + 10).numpy().all()


def test_it_is_not_tuned():
    options = of_arrays((np.arange(5), None, None), 2, True).options()
    assert options.autotune.enabled is False


def test_fit_on_arrays_is_fit_on_their_batches(binary_images):
    def fitted(x):
        model = VAE((6, 5, 1), 2, seed=0)
        model.compile("adam", jit_compile=False)
        history = model.fit(x, batch_size=5, shuffle=False, epochs=2, verbose=0)
        return history.history, model.get_weights()

    keras.utils.set_random_seed(0)
    whole = fitted(binary_images)
    keras.utils.set_random_seed(0)
    parts = fitted(tf.data.Dataset.from_tensor_slices(binary_images).batch(5))
    assert whole[0] == parts[0]
    for a, b in zip(whole[1], parts[1], strict=True):
        assert_array_equal(a, b)
