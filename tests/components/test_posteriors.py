import numpy as np
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from vae_zoo.components import posteriors
from vae_zoo.components.heads import build_head


def full_covariance(dim=3):
    head = posteriors.FullCovarianceNormal()
    build_head(head, (None, 5), (dim,))
    return head, tf.constant(np.random.default_rng(0).normal(size=(4, 5)), tf.float32)


def test_a_full_covariance_starts_diagonal():
    head, features = full_covariance()
    covariance = head.distribution(**head(features)).covariance().numpy()
    assert_array_equal(covariance, covariance * np.eye(3))


def test_correlations_stay_as_scales_shrink():
    head, features = full_covariance()
    head.below_diagonal.dense.kernel.assign(
        tf.constant(np.random.default_rng(1).normal(size=(5, 3)), tf.float32)
    )

    def correlations(shift):
        head.raw_diagonal.dense.bias.assign([shift] * 3)
        scale = head(features)["scale_tril"].numpy()
        covariance = scale @ scale.swapaxes(1, 2)
        sizes = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
        return covariance / sizes[:, None] / sizes[:, :, None], sizes

    head.raw_diagonal.dense.kernel.assign(tf.zeros([5, 3]))
    (wide, large), (narrow, small) = correlations(2.0), correlations(-5.0)
    assert np.abs(wide - np.eye(3)).max() > 0.3
    assert_allclose(wide, narrow, atol=1e-5)
    assert_allclose(large / small, large[0, 0] / small[0, 0], rtol=1e-5)
