"""A name, an array file or a folder to `tf.data` of float32 in [0, 1].

Names load on first use, so that `datasets.names` needs no TensorFlow.
"""

import importlib
from typing import TYPE_CHECKING

_HOMES = {
    "Source": "vae_zoo.datasets.source",
    "check_name": "vae_zoo.datasets.names",
    "load": "vae_zoo.datasets.loading",
    "open_held_out": "vae_zoo.datasets.loading",
    "open_source": "vae_zoo.datasets.loading",
    "open_sources": "vae_zoo.datasets.loading",
    "with_few_labels": "vae_zoo.datasets.few_labels",
}
__all__ = [
    "Source",
    "check_name",
    "load",
    "open_held_out",
    "open_source",
    "open_sources",
    "with_few_labels",
]

if TYPE_CHECKING:
    from vae_zoo.datasets.few_labels import with_few_labels
    from vae_zoo.datasets.loading import (
        load,
        open_held_out,
        open_source,
        open_sources,
    )
    from vae_zoo.datasets.names import check_name
    from vae_zoo.datasets.source import Source


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'vae_zoo.datasets' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_HOMES})
