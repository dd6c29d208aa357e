"""TFP's multivariate normals, with noise that XLA does not change."""

import math
from typing import TYPE_CHECKING

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from vae_zoo.distributions.noise import standard_normal
from vae_zoo.tensors import Seed, TensorLike

if TYPE_CHECKING:
    # The other base of its subclasses.
    from tensorflow_probability.distributions import (
        MultivariateNormalLinearOperator as _Base,
    )
else:
    _Base = object


class _DeviceIndependentNoise(_Base):
    """Draws by this package's noise, scaled and shifted without a bijector.

    TFP caches the inputs of a bijector for the whole process until their outputs are
    gone. In a graph, the input keeps the graph alive and the graph keeps its output
    alive, so no graph would ever be freed.
    """

    def _call_sample_n(self, sample_shape: TensorLike, seed: Seed | None) -> tf.Tensor:
        sample_shape = tf.convert_to_tensor(sample_shape, tf.int32)
        parts = (self.batch_shape_tensor(), self.event_shape_tensor())
        shape = tf.concat([tf.reshape(sample_shape, [-1]), *parts], axis=0)
        key = tfp.random.sanitize_seed(seed)
        noise = standard_normal(shape, key, self.dtype)
        return self.loc + self.scale.matvec(noise)


class MultivariateNormalDiag(_DeviceIndependentNoise, tfd.MultivariateNormalDiag):
    """`tfd.MultivariateNormalDiag`; see `noise`.

    The density is written out, since TFP's goes through a bijector and takes ten times
    as many operations.
    """

    def _log_prob(self, z: tf.Tensor) -> tf.Tensor:
        scale = self.scale.diag_part()
        noise = (z - self.loc) / scale
        terms = noise**2 / 2 + tf.math.log(scale) + math.log(2 * math.pi) / 2
        return -tf.reduce_sum(terms, axis=-1)


class MultivariateNormalTriL(_DeviceIndependentNoise, tfd.MultivariateNormalTriL):
    """`tfd.MultivariateNormalTriL`; see `noise`."""

    def _log_prob(self, z: tf.Tensor) -> tf.Tensor:
        noise = self.scale.solvevec(z - self.loc)
        constant = tf.cast(z.shape[-1], z.dtype) * math.log(2 * math.pi) / 2
        volume = self.scale.log_abs_determinant()
        return -tf.reduce_sum(noise**2, axis=-1) / 2 - volume - constant
