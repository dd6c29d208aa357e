"""Keras layers that a model is composed of."""

from vae_zoo.components import (
    likelihoods,
    networks,
    posteriors,
    priors,
    products,
    schedules,
)

__all__ = ["likelihoods", "networks", "posteriors", "priors", "products", "schedules"]
