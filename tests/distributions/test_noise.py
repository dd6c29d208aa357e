import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from vae_zoo.distributions import noise


def seeds(count):
    return [tf.constant([3, number]) for number in range(count)]


def test_the_bits_are_those_of_splitmix64():
    # The first numbers of Vigna's splitmix64.c for the state 1234567.
    state = tf.constant(1234567, tf.uint64)
    bits = noise._mixed(state + noise._places(tf.range(3)))
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert bits.numpy().tolist() == expected


ROWS = tf.constant([[3, 1], [3, 2], [-7, 2**31 - 1], [0, 0]])


@pytest.mark.parametrize("draw", [noise.standard_normal, noise.uniform])
@pytest.mark.parametrize("leading", [(), (5,), (2, 3)])
@pytest.mark.parametrize("event", [(), (3,), (2, 5)])
def test_a_row_draws_what_its_seed_draws_alone(draw, leading, event):
    rank = len(event)
    together = draw([*leading, 4, *event], ROWS, event_rank=rank)
    for row, seed in enumerate(ROWS):
        alone = draw([*leading, *event], seed)
        # Logarithms and cosines of packed and of single numbers differ in the last bit.
        of_row = tf.gather(together, row, axis=len(leading))
        assert_allclose(of_row, alone, rtol=1e-5, atol=1e-6)
    assert_array_equal(
        noise.fold_in(ROWS, 3), tf.stack([noise.fold_in(seed, 3) for seed in ROWS])
    )


def test_the_draws_have_their_distribution():
    normal = np.concatenate([noise.standard_normal([5001], s) for s in seeds(20)])
    uniform = np.concatenate([noise.uniform([5001], s) for s in seeds(20)])
    # Fixed seeds: with a right generator each of these p-values is uniform.
    assert scipy.stats.kstest(normal, "norm").pvalue > 0.001
    assert scipy.stats.kstest(uniform, "uniform").pvalue > 0.001
    assert abs(normal.mean()) < 5 / len(normal) ** 0.5
    assert abs(scipy.stats.kurtosis(normal)) < 5 * (24 / len(normal)) ** 0.5
    assert uniform.min() >= 0
    assert uniform.max() < 1


def test_draws_are_uncorrelated_across_rows_seeds_and_folds():
    draws = np.stack([noise.standard_normal([2000], s) for s in seeds(8)])
    parts = [noise.fold_in(tf.constant([3, 0]), number) for number in range(8)]
    folded = np.stack([noise.standard_normal([2000], part) for part in parts])
    halves = np.concatenate([draws[:, :1000], draws[:, 1000:]])
    for sample in (np.concatenate([draws, folded]), halves):
        correlations = np.corrcoef(sample) - np.eye(len(sample))
        assert np.abs(correlations).max() < 5 / sample.shape[1] ** 0.5


@pytest.mark.parametrize("shape", [[1], [7], [128, 41], [3, 0, 2]])
def test_xla_draws_the_same(shape):
    seed = tf.Variable([2, 5])
    for draw in (noise.standard_normal, noise.uniform):

        def call(draw=draw):
            return draw(shape, seed)

        assert call().shape == shape
        for jit_compile in (False, True):
            compiled = tf.function(call, jit_compile=jit_compile)()
            assert_allclose(compiled, call(), rtol=1e-5, atol=1e-6)
    assert_array_equal(
        tf.function(lambda: noise.fold_in(seed, 9), jit_compile=True)(),
        noise.fold_in(seed, 9),
    )
