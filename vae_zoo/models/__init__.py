"""One generative story per file."""

# First, as in `components`.
import keras  # noqa: F401

from vae_zoo.models.beta_vae import BetaVAE
from vae_zoo.models.gaussian_mixture_vae import GaussianMixtureVAE
from vae_zoo.models.hyperspherical_vae import HypersphericalVAE
from vae_zoo.models.vae import VAE

__all__ = ["VAE", "BetaVAE", "GaussianMixtureVAE", "HypersphericalVAE"]
