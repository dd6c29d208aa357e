"""Priors p(z)."""

from vae_zoo.components.priors.fixed import SphericalUniform, StandardNormal
from vae_zoo.components.priors.mixtures_of_normals import (
    HierarchicalMixtureOfNormals,
    MixtureOfNormals,
)
from vae_zoo.components.priors.prior import Prior

__all__ = [
    "HierarchicalMixtureOfNormals",
    "MixtureOfNormals",
    "Prior",
    "SphericalUniform",
    "StandardNormal",
]
