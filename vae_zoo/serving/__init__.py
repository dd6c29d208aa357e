"""From a Keras model to a SavedModel and back, and what serves it.

`export` and `load` come on first use, so that configuring a server needs no TensorFlow.
"""

from typing import TYPE_CHECKING

from vae_zoo.serving.label_steps import next_step
from vae_zoo.serving.server_config import write_server_config
from vae_zoo.serving.version_labels import served_models

__all__ = ["export", "load", "next_step", "served_models", "write_server_config"]

if TYPE_CHECKING:
    from vae_zoo.serving.saved_model import export, load


def __getattr__(name):
    if name in ("export", "load"):
        from vae_zoo.serving import saved_model

        return getattr(saved_model, name)
    raise AttributeError(f"module 'vae_zoo.serving' has no attribute {name!r}")
