"""Keras layers that a model is composed of."""

# Before any module here: importing Keras imports the models (see `vae_zoo`), which
# need those modules whole.
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
