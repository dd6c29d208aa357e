"""TFP's multivariate normals, with noise that XLA does not change."""

import math

import tensorflow as tf
import tensorflow_probability as tfp

from vae_zoo.distributions.noise import standard_normal

tfd = tfp.distributions


class _DeviceIndependentNoise:
    """Noise of this package, pushed through the distribution's bijector."""

    def _call_sample_n(self, sample_shape, seed, **kwargs):
        sample_shape = tf.convert_to_tensor(sample_shape, tf.int32)
        parts = (self.batch_shape_tensor(), self.event_shape_tensor())
        shape = tf.concat([tf.reshape(sample_shape, [-1]), *parts], axis=0)
        key = tfp.random.sanitize_seed(seed)
        noise = standard_normal(shape, key, self.dtype)
        return self.bijector.forward(noise, **kwargs)


class MultivariateNormalDiag(_DeviceIndependentNoise, tfd.MultivariateNormalDiag):
    """`tfd.MultivariateNormalDiag`; see `noise`.

    The density is written out: TFP's goes through a bijector, ten times as many
    operations.
    """

    def _log_prob(self, z):
        scale = self.scale.diag_part()
        noise = (z - self.loc) / scale
        terms = noise**2 / 2 + tf.math.log(scale) + math.log(2 * math.pi) / 2
        return -tf.reduce_sum(terms, axis=-1)


class MultivariateNormalTriL(_DeviceIndependentNoise, tfd.MultivariateNormalTriL):
    """`tfd.MultivariateNormalTriL`; see `noise`."""
