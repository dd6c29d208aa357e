import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_array_equal

from vae_zoo import VAE
from vae_zoo.batches import replace_arrays


def rows(dataset):
    """The elements of a dataset of numbers, batch by batch."""
    return [np.asarray(batch).ravel().tolist() for batch in dataset]


def replaced(**given):
    replace_arrays(given)
    return given


@pytest.mark.parametrize("convert", [np.asarray, tf.constant])
def test_an_epoch_has_each_row_once_in_an_order_of_its_own(convert):
    x, y = (convert(np.arange(start, start + 10)) for start in (0, 100))
    keras.utils.set_random_seed(0)
    data = replaced(x=x, y=y, batch_size=4)["x"]
    assert len(data) == 3
    epochs = [list(data) for _ in range(3)]
    orders = [np.concatenate([x for x, _ in epoch]).tolist() for epoch in epochs]
    assert [len(x) for x, _ in epochs[0]] == [4, 4, 2]
    assert all(sorted(order) == list(range(10)) for order in orders)
    assert orders[0] != orders[1] != orders[2]
    assert all((y == x + 100).numpy().all() for x, y in epochs[0])
    keras.utils.set_random_seed(0)
    again = replaced(x=x, y=y, batch_size=4)["x"]
    assert np.concatenate([x for x, _ in again]).tolist() == orders[0]


def test_validation_data_come_in_order():
    x = np.arange(5)
    given = replaced(x=x, validation_data=x, batch_size=2, shuffle=False)
    assert rows(given["x"]) == rows(given["validation_data"]) == [[0, 1], [2, 3], [4]]
    assert given["shuffle"] is False
    assert given["batch_size"] is None
    given = replaced(
        x=x, validation_data=(x, None), validation_batch_size=3, batch_size=2
    )
    assert rows(given["validation_data"]) == [[0, 1, 2], [3, 4]]
    assert "validation_batch_size" not in given


def test_other_validation_data_keep_the_batch_size():
    weighted = (np.zeros((5, 2)), None, np.ones(5))
    given = replaced(x=np.zeros((5, 2)), batch_size=3, validation_data=weighted)
    assert given["validation_batch_size"] == 3
    assert given["validation_data"] is weighted


@pytest.mark.parametrize(
    "other",
    [
        {"sample_weight": np.ones(5)},
        {"class_weight": {0: 1.0}},
        {"steps_per_epoch": 2},
        {"validation_split": 0.5},
        {"shuffle": "batch"},
        {"y": np.arange(4)},
        {"y": [1, 2, 3, 4, 5]},
        {"x": np.zeros((0, 2))},
        {"x": tf.data.Dataset.range(3)},
    ],
)
def test_the_rest_is_left_to_keras(other):
    given = {"x": np.arange(5), "batch_size": 2, **other}
    before = dict(given)
    replace_arrays(given)
    assert given.keys() == before.keys()
    assert all(given[name] is before[name] for name in given)


def test_double_precision_becomes_single():
    (batch,) = replaced(x=np.zeros((2, 3)))["x"]
    assert batch.dtype == tf.float32


def test_it_is_not_tuned():
    options = replaced(x=np.arange(5))["x"].options()
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
