"""TFP's multivariate normals, with noise that XLA does not change."""

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
    """`tfd.MultivariateNormalDiag`; see `noise`."""


class MultivariateNormalTriL(_DeviceIndependentNoise, tfd.MultivariateNormalTriL):
    """`tfd.MultivariateNormalTriL`; see `noise`."""
