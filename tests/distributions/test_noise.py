import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from vae_zoo.distributions import noise


def seeds(count):
    return [tf.constant([3, number]) for number in range(count)]


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
