"""Keras layers that a model is composed of."""

from vae_zoo.components import (
    cluster_initializers,
    distortions,
    likelihoods,
    networks,
    posteriors,
    priors,
    products,
    schedules,
)

__all__ = [
    "cluster_initializers",
    "distortions",
    "likelihoods",
    "networks",
    "posteriors",
    "priors",
    "products",
    "schedules",
]
