"""Priors p(z) without weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import tensorflow as tf

from vae_zoo.components.geometry import SPHERE, Space
from vae_zoo.components.priors.prior import Prior
from vae_zoo.distributions import sphere
from vae_zoo.distributions.multivariate_normal import MultivariateNormalDiag

if TYPE_CHECKING:
    from vae_zoo.models.vae import VAE


@keras.saving.register_keras_serializable("vae_zoo")
class StandardNormal(Prior):
    """p(z) = N(0, I).

    Source: Kingma & Welling 2014, section 3.
    """

    def distribution(self, model: VAE | None = None) -> MultivariateNormalDiag:
        """`tfd.MultivariateNormalDiag`, batch [], event [D]."""
        return MultivariateNormalDiag(
            tf.zeros(self.event_shape), tf.ones(self.event_shape)
        )


@keras.saving.register_keras_serializable("vae_zoo")
class SphericalUniform(Prior):
    """p(z) uniform on the unit sphere of R^D, D >= 2.

    Source: Davidson et al. 2018, section 3.
    """

    geometry: Space = SPHERE

    def distribution(self, model: VAE | None = None) -> sphere.SphericalUniform:
        """`tfd.SphericalUniform`, batch [], event [D]."""
        return sphere.SphericalUniform(self.event_shape[0])
