"""The von Mises-Fisher distribution, reparameterized in every dimension."""

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from vae_zoo.distributions import sphere
from vae_zoo.distributions.angular_distribution import AngularDistribution
from vae_zoo.distributions.angular_family import AngularFamily
from vae_zoo.distributions.finite import as_parameter
from vae_zoo.tensors import TensorLike


class CosineFamily(AngularFamily):
    """h(t) = cos t - 1."""

    def statistic_change(self, y: tf.Tensor, change: tf.Tensor) -> tf.Tensor:
        """As in `AngularFamily`."""
        del y
        return -change

    def mode(self, concentration: tf.Tensor) -> tf.Tensor:
        """As in `AngularFamily`."""
        power, twice = self.power, 2 * concentration
        root = tf.sqrt(power**2 + twice**2)
        y = power + tf.math.divide_no_nan(power**2, root + twice)
        return tf.math.divide_no_nan(y, power + root)

    def envelope(self, concentration: tf.Tensor) -> tf.Tensor:
        """As in `AngularFamily`; Wood 1994."""
        free, twice = self.power + 1, 2 * concentration
        slope = free / (twice + tf.sqrt(twice**2 + free**2))
        return 2 * slope / (1 + slope)


class VonMisesFisher(AngularDistribution, tfd.AutoCompositeTensorDistribution):
    """p(z) ~ exp(kappa mu.z) over the unit vectors z of R^D.

    Samples are differentiable in both parameters in every dimension, with the exact
    pathwise derivative, and compile under XLA forward and backward. Normalizer, mean
    and entropy are integrals over one angle, so no Bessel function can underflow.

    Args:
        mean_direction: float [..., D], unit vectors mu, D >= 2.
        concentration: float [...], kappa >= 0 and finite; 0 makes it uniform.
        validate_args: whether to check `mean_direction`, and `concentration` if its
            value is known only when a graph runs.
        allow_nan_stats: as in every `tfd.Distribution`.
        name: the distribution's name.

    Raises:
        ValueError: if D is 1, the parameters are not float32 or float64, or
            `concentration` is negative, infinite or NaN; with `validate_args`, if a
            mean direction is no unit vector. Values that are known only when a graph
            runs raise `tf.errors.InvalidArgumentError` then, except under XLA, which
            drops assertions. Samples of a NaN concentration are NaN.

    Source: Davidson et al. 2018, section 3; Figurnov et al. 2018 (the derivative).
    """

    family_class = CosineFamily

    def __init__(
        self,
        mean_direction: TensorLike,
        concentration: TensorLike,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "VonMisesFisher",
    ) -> None:
        parameters = dict(locals())
        with tf.name_scope(name) as name:
            dtype = sphere.float_dtype(mean_direction)
            mean_direction = tf.cast(mean_direction, dtype)
            concentration = as_parameter("concentration", concentration, dtype)
            self._mean_direction = sphere.checked_direction(
                mean_direction, validate_args
            )
            self._concentration = sphere.checked_concentration(
                concentration, validate_args
            )
            super().__init__(
                dtype=dtype,
                reparameterization_type=tfd.FULLY_REPARAMETERIZED,
                validate_args=validate_args,
                allow_nan_stats=allow_nan_stats,
                parameters=parameters,
                name=name,
            )

    @classmethod
    def _parameter_properties(
        cls, dtype: tf.DType, num_classes: int | None = None
    ) -> dict[str, tfp.util.ParameterProperties]:
        return {
            "mean_direction": tfp.util.ParameterProperties(event_ndims=1),
            "concentration": tfp.util.ParameterProperties(
                shape_fn=lambda sample_shape: sample_shape[:-1]
            ),
        }

    @property
    def mean_direction(self) -> tf.Tensor:
        """mu: unit vectors [..., D]."""
        return self._mean_direction

    @property
    def concentration(self) -> tf.Tensor:
        """kappa [...]."""
        return self._concentration

    def _event_shape(self) -> tf.TensorShape:
        return self.mean_direction.shape[-1:]

    def _event_shape_tensor(self) -> tf.Tensor:
        return tf.shape(self.mean_direction)[-1:]

    def _mean(self) -> tf.Tensor:
        statistic, _ = self._family().moments(self.concentration)
        return (1 + statistic)[..., None] * self.mean_direction

    def _covariance(self) -> tf.Tensor:
        y, _, log_weights = self._family().quadrature(self._batch_concentration())
        weights = tf.nn.softmax(log_weights)
        across = tf.reduce_sum(weights * y * (2 - y), axis=-1)  # of sin(t)^2
        mean = tf.reduce_sum(weights * y, axis=-1, keepdims=True)
        along = tf.reduce_sum(weights * (y - mean) ** 2, axis=-1)
        across /= tf.cast(self._event_size() - 1, self.dtype)
        mu = self._mode()
        outer = mu[..., :, None] * mu[..., None, :]
        size = self._event_size()
        identity = tf.eye(size, dtype=self.dtype)
        return (
            across[..., None, None] * identity
            + (along - across)[..., None, None] * outer
        )

    def _variance(self) -> tf.Tensor:
        return tf.linalg.diag_part(self._covariance())
