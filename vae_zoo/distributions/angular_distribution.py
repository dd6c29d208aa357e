"""The base of distributions that depend only on the angle to a mean direction."""

from typing import TYPE_CHECKING

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from vae_zoo.distributions import sphere
from vae_zoo.distributions.angular_family import AngularFamily
from vae_zoo.tensors import Seed, TensorLike

if TYPE_CHECKING:
    # The other base of its subclasses.
    from tensorflow_probability.distributions import Distribution as _Base
else:
    _Base = object


class AngularDistribution(_Base):
    """Samples, density, entropy and divergence of p(z) ~ exp(kappa h(t)) on a sphere.

    It is for a `tfd.Distribution` with `mean_direction` [..., D] and `concentration`
    [...]. Its `family_class` is an `AngularFamily`, which defines the statistic h of
    the angle t.
    """

    family_class: type[AngularFamily]

    def divergence_from_uniform(self) -> tf.Tensor:
        """KL to the uniform distribution on the sphere: [...], nats."""
        concentration = self._batch_concentration()
        statistic, log_mean = self._family().moments(concentration)
        return concentration * statistic - log_mean

    def _sample_n(self, n: TensorLike, seed: Seed | None = None) -> tf.Tensor:
        mean_direction = tf.convert_to_tensor(self.mean_direction)
        return sphere.sample_at_angles(
            self._family(), mean_direction, self._batch_concentration(), n, seed
        )

    def _log_prob(self, z: tf.Tensor) -> tf.Tensor:
        # 1 - mu.z of unit vectors, without cancellation.
        y = tf.reduce_sum((z - self.mean_direction) ** 2, axis=-1) / 2
        concentration = tf.convert_to_tensor(self.concentration)
        family = self._family()
        _, log_mean = family.moments(concentration)
        statistic = family.statistic_change(tf.zeros_like(y), y)
        return concentration * statistic - log_mean - self._log_area()

    def _entropy(self) -> tf.Tensor:
        return self._log_area() - self.divergence_from_uniform()

    def _mode(self) -> tf.Tensor:
        shape = tf.concat([self.batch_shape_tensor(), self.event_shape_tensor()], 0)
        return tf.broadcast_to(self.mean_direction, shape)

    def _event_size(self) -> int | tf.Tensor:
        return self.event_shape[0] or self.event_shape_tensor()[0]

    def _family(self) -> AngularFamily:
        return self.family_class(self._event_size(), self.dtype)

    def _log_area(self) -> tf.Tensor:
        return sphere.log_area(self._event_size(), self.dtype)

    def _batch_concentration(self) -> tf.Tensor:
        """The concentration, broadcast to the batch."""
        return tf.broadcast_to(self.concentration, self.batch_shape_tensor())


@tfd.RegisterKL(AngularDistribution, tfd.SphericalUniform)
def _divergence(
    q: AngularDistribution, p: tfd.SphericalUniform, name: str | None = None
) -> tf.Tensor:
    with tf.name_scope(name or "kl_angular_spherical_uniform"):
        sphere.check_same_sphere(q, p)
        shape = tf.broadcast_dynamic_shape(
            q.batch_shape_tensor(), p.batch_shape_tensor()
        )
        return tf.broadcast_to(q.divergence_from_uniform(), shape)
