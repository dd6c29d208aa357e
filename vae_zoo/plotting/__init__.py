"""Pictures of a model and its data, from arrays; each is a matplotlib Figure."""

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

__all__ = [
    "clusters",
    "imputations",
    "latent",
    "manifold",
    "png",
    "reconstructions",
    "rows",
    "samples",
    "save",
    "traversals",
]
