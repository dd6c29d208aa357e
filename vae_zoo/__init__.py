"""Variational autoencoders for Keras 3 on TensorFlow.

Names load on first use, so that the command line's help needs no TensorFlow.
"""

import functools
import importlib
import pkgutil
from typing import TYPE_CHECKING

import wrapt

__version__ = "0.1.0"

_HOMES = {
    "VAE": "vae_zoo.models.vae",
    "BetaVAE": "vae_zoo.models.beta_vae",
    "GaussianMixtureVAE": "vae_zoo.models.gaussian_mixture_vae",
    "HypersphericalVAE": "vae_zoo.models.hyperspherical_vae",
    "export": "vae_zoo.serving.saved_model",
}
__all__ = [
    "VAE",
    "BetaVAE",
    "GaussianMixtureVAE",
    "HypersphericalVAE",
    "components",
    "datasets",
    "export",
]

if TYPE_CHECKING:
    from vae_zoo import components, datasets
    from vae_zoo.models.beta_vae import BetaVAE
    from vae_zoo.models.gaussian_mixture_vae import GaussianMixtureVAE
    from vae_zoo.models.hyperspherical_vae import HypersphericalVAE
    from vae_zoo.models.vae import VAE
    from vae_zoo.serving.saved_model import export


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _modules():
        return importlib.import_module(f"vae_zoo.{name}")
    raise AttributeError(f"module 'vae_zoo' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_HOMES, *_modules()})


@functools.cache
def _modules():
    """The names of the modules in this folder: all are there without an import."""
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return {name for name in found if not name.startswith("_")}


@wrapt.when_imported("keras")
def _register_classes(keras):
    """Lets Keras find the classes of a saved file, whichever is imported first."""
    del keras
    for name in ("vae_zoo.components", "vae_zoo.models"):
        importlib.import_module(name)
