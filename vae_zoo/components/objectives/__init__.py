"""What training minimizes."""

from vae_zoo.components.objectives.elbo import Elbo
from vae_zoo.components.objectives.mixture_elbo import MixtureElbo
from vae_zoo.components.objectives.objective import Objective

__all__ = ["Elbo", "MixtureElbo", "Objective"]
