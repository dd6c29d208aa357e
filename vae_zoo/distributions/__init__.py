"""Distributions that TensorFlow Probability lacks, or that need its changes here."""

from vae_zoo.distributions.bernoulli import Bernoulli
from vae_zoo.distributions.bernoulli_given_sum import BernoulliGivenSum
from vae_zoo.distributions.continuous_bernoulli import ContinuousBernoulli
from vae_zoo.distributions.divergence import kl_divergence
from vae_zoo.distributions.flowed import Flowed
from vae_zoo.distributions.marginal import Marginal
from vae_zoo.distributions.mixture import Mixture
from vae_zoo.distributions.mixture_of_normals import MixtureOfNormals
from vae_zoo.distributions.power_spherical import PowerSpherical
from vae_zoo.distributions.product import Product
from vae_zoo.distributions.quantiles import marginal_quantiles
from vae_zoo.distributions.sphere import SphericalUniform
from vae_zoo.distributions.truncated_normal import TruncatedNormal
from vae_zoo.distributions.von_mises_fisher import VonMisesFisher

__all__ = [
    "Bernoulli",
    "BernoulliGivenSum",
    "ContinuousBernoulli",
    "Flowed",
    "Marginal",
    "Mixture",
    "MixtureOfNormals",
    "PowerSpherical",
    "Product",
    "SphericalUniform",
    "TruncatedNormal",
    "VonMisesFisher",
    "kl_divergence",
    "marginal_quantiles",
]
