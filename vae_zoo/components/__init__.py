"""Keras layers that a model is composed of."""

# First: importing Keras imports the models (see `vae_zoo`), which need the complete
# modules here.
import keras  # noqa: F401

from vae_zoo.components import (
    cluster_initializers,
    distortions,
    likelihoods,
    networks,
    objectives,
    optimizers,
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
    "objectives",
    "optimizers",
    "posteriors",
    "priors",
    "products",
    "schedules",
]
