"""Posteriors q(z|x) on the unit sphere."""

from collections.abc import Sequence
from typing import Unpack

import keras
import tensorflow as tf

from vae_zoo.arguments import Config, check_number
from vae_zoo.components.geometry import SPHERE, Space, unit_length
from vae_zoo.components.heads import built_projection, positive
from vae_zoo.components.posteriors.posterior import Posterior
from vae_zoo.distributions import power_spherical, von_mises_fisher
from vae_zoo.tensors import BatchShape, LayerOptions


class _AroundMeanDirection(Posterior):
    """A mean direction and a concentration on the unit sphere of R^D.

    Args:
        min_concentration: least concentration, >= 0. It is added to the softplus of a
            projection; the default is that of Davidson et al.
        name: the layer's name.
        **kwargs: what every Keras layer takes.

    Raises:
        ValueError: if `min_concentration` is negative or not finite, or the model's
            `latent_dim` is 1.
    """

    geometry: Space = SPHERE

    def __init__(
        self,
        min_concentration: float = 1.0,
        *,
        name: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.min_concentration = check_number(
            "min_concentration", min_concentration, "added to all", minimum=0
        )

    def build(self, features_shape: BatchShape, event_shape: Sequence[int]) -> None:
        """Features [B, ...] to events [D]."""
        (dim,) = event_shape
        if dim < 2:
            raise ValueError(
                "`latent_dim` must be at least 2 on a sphere, a part of a product's "
                "`sizes` too, as the vector's length: S^d has d + 1. Received: "
                f"latent_dim={dim}"
            )
        self.direction = built_projection(features_shape, event_shape, "direction")
        self.raw_concentration = built_projection(
            features_shape, (1,), "raw_concentration"
        )

    def call(self, features: tf.Tensor) -> dict[str, tf.Tensor]:
        """`mean_direction` [B, D] and `concentration` [B]."""
        raw = self.raw_concentration(features)[:, 0]
        return {
            "mean_direction": unit_length(self.direction(features)),
            "concentration": positive(raw, self.min_concentration),
        }

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {**super().get_config(), "min_concentration": self.min_concentration}


@keras.saving.register_keras_serializable("vae_zoo")
class VonMisesFisher(_AroundMeanDirection):
    """q(z|x) ~ exp(concentration(x) mean_direction(x).z) on the unit sphere.

    Source: Davidson et al. 2018, section 3.
    """

    def distribution(
        self, mean_direction: tf.Tensor, concentration: tf.Tensor
    ) -> von_mises_fisher.VonMisesFisher:
        """`distributions.VonMisesFisher`, batch [B], event [D]."""
        return von_mises_fisher.VonMisesFisher(mean_direction, concentration)


@keras.saving.register_keras_serializable("vae_zoo")
class PowerSpherical(_AroundMeanDirection):
    """q(z|x) ~ (1 + mean_direction(x).z)^concentration(x) on the unit sphere.

    Its density is 0 opposite the mean direction. The weights of an importance-sampled
    log p(x) have no finite variance there, and the estimate is low and its standard
    error not to be relied on in few dimensions; a von Mises-Fisher's are bounded.

    Source: De Cao & Aziz 2020.
    """

    def distribution(
        self, mean_direction: tf.Tensor, concentration: tf.Tensor
    ) -> power_spherical.PowerSpherical:
        """`tfd.PowerSpherical`, batch [B], event [D]."""
        return power_spherical.PowerSpherical(mean_direction, concentration)
