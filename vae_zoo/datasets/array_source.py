"""Sources over arrays, in memory or on disk."""

import math
import tempfile
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from vae_zoo.datasets.source import Source

# Arrays up to this size are copied into a tensor; larger ones, such as memory maps,
# stay where they are and are read batch by batch.
IN_MEMORY_BYTES = 1 << 30
IMAGES_IN_A_BLOCK = 1 << 12


def new_array(shape: Sequence[int], dtype: npt.DTypeLike) -> np.ndarray:
    """An array to fill: in memory, or in an unnamed temporary file if it is large."""
    if math.prod(shape) * np.dtype(dtype).itemsize <= IN_MEMORY_BYTES:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype, "w+", shape=tuple(shape))


def array_source(
    name: str,
    images: np.ndarray,
    labels: np.ndarray | None,
    indices: range | np.ndarray,
    factor_names: tuple[str, ...] = (),
    class_names: tuple[str, ...] | None = None,
) -> Source:
    """A source over arrays that support indexing by an index array.

    Args:
        name: as in `Source`.
        images: uint8, or floats in [0, 1], [N, ...]; may be a memory map. White is 255
            in uint8, or 1 if no value is larger.
        labels: None or an array [N, ...].
        indices: the range of examples to serve.
        factor_names, class_names: as in `Source`.
    """
    in_memory = images.nbytes <= IN_MEMORY_BYTES
    dtype = images.dtype if images.dtype == np.uint8 else np.dtype(np.float32)
    tensor = tf.constant(images.astype(dtype, copy=False)) if in_memory else None
    label_tensor = None if labels is None else tf.constant(labels)
    classes = None
    if labels is not None and not factor_names and math.prod(labels.shape[1:]) == 1:
        # A single column of labels, as in Keras' own files, is also a class for each.
        classes = np.reshape(labels, -1)
    is_binary = dtype == np.uint8 and not _exceeds_one(images)

    def read(positions: np.ndarray) -> np.ndarray:
        # Disks are faster if the file is read in order.
        order = np.argsort(positions)
        out = np.empty((len(positions), *images.shape[1:]), dtype)
        out[order] = images[positions[order]]
        return out

    def gather(positions: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        if tensor is not None:
            x = tf.gather(tensor, positions)
        else:
            x = tf.numpy_function(read, [positions], dtype, stateful=False)
        y = None if label_tensor is None else tf.gather(label_tensor, positions)
        return (tf.cast(x, tf.float32) if is_binary else x), y

    return Source(
        name=name,
        element_shape=tuple(images.shape[1:]),
        indices=indices,
        gather=gather,
        has_labels=labels is not None,
        factor_names=factor_names,
        class_names=class_names,
        classes=classes,
    )


def _exceeds_one(images: np.ndarray) -> bool:
    """Whether any value exceeds 1; for grey images the first few tell."""
    blocks = range(0, len(images), IMAGES_IN_A_BLOCK)
    return any(images[i : i + IMAGES_IN_A_BLOCK].max() > 1 for i in blocks)
