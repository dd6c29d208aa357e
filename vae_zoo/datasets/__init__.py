"""A name, an array file or a folder to `tf.data` of float32 in [0, 1]."""

from vae_zoo.datasets.few_labels import with_few_labels
from vae_zoo.datasets.load import load, open_held_out, open_source

__all__ = ["load", "open_held_out", "open_source", "with_few_labels"]
