"""Variational autoencoders for Keras 3 on TensorFlow.

Names load on first use, so that the command line's help needs no TensorFlow. Where each
is from says `__init__.pyi`, which type checkers read, too.
"""

import importlib

import lazy_loader
import wrapt

__version__ = "0.1.0"

# Modules are there after one import as well, but `import *` does not load them all.
__getattr__, __dir__, _ = lazy_loader.attach_stub(__name__, __file__)
__all__ = [
    "VAE",
    "BetaVAE",
    "GaussianMixtureVAE",
    "HypersphericalVAE",
    "components",
    "datasets",
    "export",
]


@wrapt.when_imported("keras")
def _register_classes(keras: object) -> None:
    """Lets Keras find the classes of a saved file, whichever is imported first.

    It also makes the presets known to the models.
    """
    del keras
    for name in ("vae_zoo.components", "vae_zoo.models", "vae_zoo.zoo.registration"):
        importlib.import_module(name)
