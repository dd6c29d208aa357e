"""Approximate posteriors q(z|x)."""

from vae_zoo.components.posteriors.normal import DiagonalNormal, FullCovarianceNormal
from vae_zoo.components.posteriors.posterior import Posterior
from vae_zoo.components.posteriors.spherical import PowerSpherical, VonMisesFisher

__all__ = [
    "DiagonalNormal",
    "FullCovarianceNormal",
    "Posterior",
    "PowerSpherical",
    "VonMisesFisher",
]
