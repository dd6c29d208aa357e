"""From a Keras model to a SavedModel and back, and what serves it.

`export` and `load` come on first use, so that configuring a server needs no TensorFlow.
"""

from typing import TYPE_CHECKING

from vae_zoo.serving.label_steps import next_step
from vae_zoo.serving.server_config import write_server_config
from vae_zoo.serving.version_labels import served_models

__all__ = ["export", "load", "next_step", "served_models", "write_server_config"]

if TYPE_CHECKING:
    from vae_zoo.serving.loading import load
    from vae_zoo.serving.saved_model import export


def __getattr__(name):
    if name == "export":
        from vae_zoo.serving.saved_model import export

        return export
    if name == "load":
        from vae_zoo.serving.loading import load

        return load
    raise AttributeError(f"module 'vae_zoo.serving' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
