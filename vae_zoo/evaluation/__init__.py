"""Honest numbers for trained models."""

from vae_zoo.evaluation.marginal_likelihood import Estimate, marginal_likelihood

__all__ = ["Estimate", "marginal_likelihood"]
