"""A name, an array file or a folder to `tf.data` of float32 in [0, 1].

All but the names come on first use, so that these are checked without TensorFlow.
"""

from typing import TYPE_CHECKING

__all__ = ["load", "open_held_out", "open_source", "with_few_labels"]

if TYPE_CHECKING:
    from vae_zoo.datasets.few_labels import with_few_labels
    from vae_zoo.datasets.load import load, open_held_out, open_source


def __getattr__(name):
    if name == "with_few_labels":
        from vae_zoo.datasets.few_labels import with_few_labels

        return with_few_labels
    if name in __all__:
        # Importing it sets the attribute `load` to the module, which is not meant.
        from vae_zoo.datasets.load import load, open_held_out, open_source

        globals().update(
            load=load, open_held_out=open_held_out, open_source=open_source
        )
        return globals()[name]
    raise AttributeError(f"module 'vae_zoo.datasets' has no attribute {name!r}")
