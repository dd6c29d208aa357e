"""Seeds of rows, and dropout that is drawn by them."""

import keras
import numpy as np
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from vae_zoo.components.dropout import Dropout
from vae_zoo.components.randomness import row_seeds
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
