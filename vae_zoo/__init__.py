"""Variational autoencoders for Keras 3 on TensorFlow.

Names load on first use, so that the command line's help needs no TensorFlow. The stub
`__init__.pyi` says where each name comes from; type checkers read it, too.
"""

import importlib

import lazy_loader
import wrapt

__version__ = "0.1.0"

# Submodules load on first use as well, but `import *` does not load them all.
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
    """Registers the classes of saved files with Keras, in whatever order both load.

    It also makes the presets known to the models.
    """
    del keras
    for name in ("vae_zoo.components", "vae_zoo.models", "vae_zoo.zoo.registration"):
        importlib.import_module(name)
