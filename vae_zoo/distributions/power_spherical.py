"""TFP's power spherical distribution, with samples like the von Mises-Fisher's."""

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from vae_zoo.distributions import sphere
from vae_zoo.distributions.angular_distribution import AngularDistribution
from vae_zoo.distributions.angular_family import AngularFamily
from vae_zoo.distributions.finite import as_parameter
from vae_zoo.tensors import TensorLike


class PowerFamily(AngularFamily):
    """h(t) = log((1 + cos t) / 2)."""

    def statistic_change(self, y: tf.Tensor, change: tf.Tensor) -> tf.Tensor:
        """As in `AngularFamily`."""
        share = change / tf.maximum(2 - y, 2.0**-40)
        return tf.math.log1p(-tf.minimum(share, 1 - 2.0**-23))

    def mode(self, concentration: tf.Tensor) -> tf.Tensor:
        """As in `AngularFamily`."""
        return tf.math.divide_no_nan(self.power, concentration + self.power)

    def envelope(self, concentration: tf.Tensor) -> tf.Tensor:
        """As in `AngularFamily`."""
        return (self.power + 1) / (concentration + self.power + 1)

    def moments(self, concentration: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """As in `AngularFamily`: (1 + cos t) / 2 has a beta distribution."""
        free = (tf.cast(self.power, tf.float64) + 1) / 2
        kappa, lgamma = tf.cast(concentration, tf.float64), tf.math.lgamma
        mean = tf.math.digamma(kappa + free) - tf.math.digamma(kappa + 2 * free)
        log_mean = lgamma(kappa + free) - lgamma(kappa + 2 * free)
        log_mean += lgamma(2 * free) - lgamma(free)
        return tf.cast(mean, self.dtype), tf.cast(log_mean, self.dtype)


class PowerSpherical(AngularDistribution, tfd.PowerSpherical):
    """p(z) ~ (1 + mu.z)^kappa over the unit vectors z of R^D, D >= 2.

    This is `tfd.PowerSpherical`, but samples are the same with and without XLA and have
    a derivative at every mean direction. Density, entropy and divergence keep their
    precision at large concentrations.

    Args:
        mean_direction: float [..., D], unit vectors mu.
        concentration: float [...], kappa >= 0 and finite; 0 makes it uniform.
        validate_args, allow_nan_stats, name: as in `tfd.PowerSpherical`.

    Raises:
        ValueError: as `VonMisesFisher`.

    Source: De Cao & Aziz 2020.
    """

    family_class = PowerFamily

    def __init__(
        self,
        mean_direction: TensorLike,
        concentration: TensorLike,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "PowerSpherical",
    ) -> None:
        dtype = sphere.float_dtype(mean_direction)
        super().__init__(
            sphere.checked_direction(tf.cast(mean_direction, dtype), validate_args),
            sphere.checked_concentration(
                as_parameter("concentration", concentration, dtype), validate_args
            ),
            validate_args=validate_args,
            allow_nan_stats=allow_nan_stats,
            name=name,
        )

    @classmethod
    def _parameter_properties(
        cls, dtype: tf.DType, num_classes: int | None = None
    ) -> dict[str, tfp.util.ParameterProperties]:
        # TFP warns unless a class with its own constructor defines this.
        return super()._parameter_properties(dtype, num_classes)
