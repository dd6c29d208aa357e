"""Seeds of rows, and dropout that is drawn by them."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from vae_zoo.components.dropout import Dropout
from vae_zoo.components.randomness import as_seed, check_rows_of_seed, row_seeds
from vae_zoo.distributions.noise import fold_in


def test_a_row_has_the_same_seed_in_a_batch_of_any_size():
    small, large = (
        row_seeds(keras.random.SeedGenerator(5), count).numpy() for count in (3, 100)
    )
    assert_array_equal(small, large[:3])
    assert_array_equal(small[2], fold_in(tf.constant([5, 0]), 2))
    assert len({tuple(row) for row in large.tolist()}) == 100


def test_seeds_of_the_next_batch_are_others():
    generator = keras.random.SeedGenerator(5)
    first, second = row_seeds(generator, 50).numpy(), row_seeds(generator, 50).numpy()
    assert not {*map(tuple, first.tolist())} & {*map(tuple, second.tolist())}


def test_dropout_keeps_its_share_and_the_mean():
    layer = Dropout(0.3, seed=1)
    x = np.ones((200, 5, 40), "float32")
    y = layer(x, training=True).numpy()
    assert_allclose(np.unique(y), [0, 1 / 0.7], rtol=1e-6)
    kept = (y > 0).mean(axis=(1, 2))
    # Five standard errors; rows of independent units differ as much as a binomial's.
    assert abs(kept.mean() - 0.7) < 5 * np.sqrt(0.21 / y.size)
    assert_allclose(kept.var(), 0.21 / 200, rtol=5 * np.sqrt(2 / 200))
    assert_array_equal(layer(x), x)


def test_a_row_drops_the_same_units_in_a_batch_of_any_size():
    x = np.ones((6, 30), "float32")
    all_of_it, some = (
        Dropout(0.5, seed=2)(x[:count], training=True) for count in (6, 2)
    )
    assert_array_equal(some, all_of_it[:2])


GENERATOR = keras.random.SeedGenerator(1)


@pytest.mark.parametrize(
    ("seed", "expected"),
    [
        (5, [0, 5]),
        (np.int64(5), [0, 5]),
        (np.array(5), [0, 5]),
        (-1, [0x7FFFFFFF, 0x7FFFFFFF]),
        (3 * 2**31 + 7, [3, 7]),
        (2**80 + 7, [0, 7]),
        ((5, -6), [5, -6]),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (tf.constant([1, 2], tf.int64), [1, 2]),
    ],
)
def test_seeds_are_integers_or_pairs_of_them(seed, expected):
    received = as_seed(seed, GENERATOR)
    assert received.dtype == tf.int32
    assert_array_equal(received, expected)


@pytest.mark.parametrize(
    "seed",
    [
        "3",
        2.5,
        True,
        math.nan,
        [],
        {},
        (1, 2, 3),
        [[1, 2, 3]],
        [1.0, 2.0],
        np.zeros((2, 2)),
        np.zeros((1, 2, 2), int),
        ["a", "b"],
        keras.random.SeedGenerator,
        2**90 * np.ones(2, object),
    ],
)
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(ValueError, match=r"`seed` must be an integer, int32 \[2\]"):
        as_seed(seed, GENERATOR)


def test_seeds_of_rows_are_as_many_as_the_rows():
    check_rows_of_seed(tf.zeros([2], tf.int32), tf.zeros([3, 4]))
    check_rows_of_seed(tf.zeros([3, 2], tf.int32), tf.zeros([3, 4]))
    with pytest.raises(ValueError, match=r"`seed` must have a row.*\[3, 2\].*\(5, 2\)"):
        check_rows_of_seed(tf.zeros([5, 2], tf.int32), tf.zeros([3, 4]))
