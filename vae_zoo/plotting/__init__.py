"""Pictures of a model and its data, made from arrays as matplotlib Figures."""

from vae_zoo.plotting.curves import training_curves
from vae_zoo.plotting.images import (
    clusters,
    imputations,
    manifold,
    reconstructions,
    rows,
    samples,
    traversals,
)
from vae_zoo.plotting.latents import latent
from vae_zoo.plotting.png import png, save
from vae_zoo.plotting.rates import rate_distortion

__all__ = [
    "clusters",
    "imputations",
    "latent",
    "manifold",
    "png",
    "rate_distortion",
    "reconstructions",
    "rows",
    "samples",
    "save",
    "training_curves",
    "traversals",
]
