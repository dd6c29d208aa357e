"""Likelihoods p(x|z): distributions of the data's elements given the latents."""

from vae_zoo.components.likelihoods.bernoulli import Bernoulli, ContinuousBernoulli
from vae_zoo.components.likelihoods.likelihood import Likelihood
from vae_zoo.components.likelihoods.normal import Normal

__all__ = ["Bernoulli", "ContinuousBernoulli", "Likelihood", "Normal"]
