"""Approximate posteriors q(z|x)."""

from vae_zoo.components.posteriors.autoregressive import InverseAutoregressiveFlow
from vae_zoo.components.posteriors.flow import FlowPosterior
from vae_zoo.components.posteriors.normal import DiagonalNormal, FullCovarianceNormal
from vae_zoo.components.posteriors.planar import Planar
from vae_zoo.components.posteriors.posterior import Posterior
from vae_zoo.components.posteriors.spherical import PowerSpherical, VonMisesFisher
from vae_zoo.components.posteriors.sylvester import Sylvester

__all__ = [
    "DiagonalNormal",
    "FlowPosterior",
    "FullCovarianceNormal",
    "InverseAutoregressiveFlow",
    "Planar",
    "Posterior",
    "PowerSpherical",
    "Sylvester",
    "VonMisesFisher",
]
