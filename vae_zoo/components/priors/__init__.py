"""Priors p(z)."""

from vae_zoo.components.priors.fixed import SphericalUniform, StandardNormal
from vae_zoo.components.priors.flow import Flow
from vae_zoo.components.priors.mixture_density import MixtureDensity
from vae_zoo.components.priors.mixtures_of_normals import (
    HierarchicalMixtureOfNormals,
    MixtureOfNormals,
)
from vae_zoo.components.priors.prior import Prior
from vae_zoo.components.priors.vamp import VampPrior

__all__ = [
    "Flow",
    "HierarchicalMixtureOfNormals",
    "MixtureDensity",
    "MixtureOfNormals",
    "Prior",
    "SphericalUniform",
    "StandardNormal",
    "VampPrior",
]
