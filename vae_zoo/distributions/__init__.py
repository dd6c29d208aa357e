"""What TensorFlow Probability lacks."""

from vae_zoo.distributions.divergence import kl_divergence

__all__ = ["kl_divergence"]
