"""From a Keras model to a SavedModel and back."""

from vae_zoo.serving.saved_model import export, load

__all__ = ["export", "load"]
