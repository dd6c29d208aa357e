"""Labels in semi-supervised training: integers, -1 where one is unknown."""

import dataclasses
import inspect
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from vae_zoo.arguments import shown
from vae_zoo.components.batch_checks import check_batch, check_length
from vae_zoo.fitting.inputs import Parts
from vae_zoo.fitting.streams import Stream, elements, is_stream
from vae_zoo.tensors import Array, TensorLike

UNKNOWN = -1


@dataclasses.dataclass(frozen=True)
class LabelRule:
    """Which labels a model learns from.

    Attributes:
        num_classes: K; labels lie in -1..K-1.
    """

    num_classes: int

    @property
    def message(self) -> str:
        """The error, with two blanks for what came."""
        return (
            f"`y` must lie in -1..{self.num_classes - 1}, -1 for unknown. Received: "
            "values from {} to {}"
        )

    def as_array(self, y: TensorLike, num_examples: int) -> npt.NDArray[np.int32]:
        """`y` as int32 [B]; raises ValueError unless it has a label or -1 for each."""
        y = np.asarray(y)
        _check_dtype(y.dtype)
        if y.shape[:1] != (num_examples,) or y.size != num_examples:
            raise ValueError(
                f"`y` must have one label for each of the {num_examples} examples. "
                f"Received: shape {y.shape}"
            )
        if y.size and not (y.min() >= UNKNOWN and y.max() < self.num_classes):
            raise ValueError(self.message.format(int(y.min()), int(y.max())))
        return np.reshape(y, -1).astype(np.int32)

    def in_graph(self, y: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        """As `as_array` for a batch of a `tf.data.Dataset`; a bad value fails there."""
        if not isinstance(y, tf.Tensor):
            raise ValueError(f"`y` must be of integers. Received: {shown(y)}")
        _check_dtype(y.dtype)
        if y.shape.rank and y.shape.rank > 1 and y.shape[1:].num_elements() != 1:
            raise ValueError(
                "`y` must have one label for each of the examples of a batch. "
                f"Received: shape {tuple(y.shape)}"
            )
        y = as_indices(y)
        check_batch(
            tf.reduce_all((y >= UNKNOWN) & (y < self.num_classes)),
            self.message,
            [tf.reduce_min(y), tf.reduce_max(y)],
        )
        check_length(
            y,
            x,
            "`y` must have one label for each of the examples of a batch. Received: "
            "{} labels for {} examples",
        )
        return y


def without_labels(x: Array) -> Array:
    """What stands for labels between x and its sample weights: nothing, [B, 0].

    Not None, which TensorFlow cannot tell from labels where a step is traced again.
    """
    if isinstance(x, tf.Tensor):
        return tf.zeros([tf.shape(x)[0], 0], tf.int32)
    return np.zeros((len(x), 0), np.int32)


def labels_or_none(y: Array | None) -> Array | None:
    """`y`, or None for what `without_labels` gives."""
    is_nothing = y is not None and len(y.shape) == 2 and y.shape[-1] == 0
    return None if is_nothing else y


def as_indices(y: tf.Tensor) -> tf.Tensor:
    """Labels of any integer type and [B] or [B, 1] as int32 [B]."""
    return tf.cast(tf.reshape(y, [-1]), tf.int32)


def check_any_is_known(data: Stream | Parts, num_batches: int | None = None) -> None:
    """Raises ValueError if no label is known, looking no further than the first one.

    A generator, which can be read only once, is not looked at, nor is a data set that
    a strategy has distributed.

    Args:
        data: a stream, or a tuple (x, y, sample weights) of arrays.
        num_batches: of a data set without an end, how many to look at.
    """
    if inspect.isgenerator(data) or isinstance(data, tf.distribute.DistributedDataset):
        return
    batches = elements(data, num_batches) if is_stream(data) else [data]
    if not any(np.any(_labels_of(each) > UNKNOWN) for each in batches):
        raise ValueError(
            "`y` must have a label that is not -1 with a classifier weight. Received: "
            "unknown labels alone"
        )


def _labels_of(element: Any) -> np.ndarray:
    parts = element if isinstance(element, (tuple, list)) else (element,)
    y = labels_or_none(parts[1]) if len(parts) > 1 else None
    return np.asarray(UNKNOWN if y is None else y)


def _check_dtype(dtype: tf.DType | np.dtype) -> None:
    dtype = tf.as_dtype(dtype)
    if not dtype.is_integer:
        raise ValueError(
            "`y` must be of integers, class indices, or -1 for unknown. Received: "
            f"dtype {dtype.name}"
        )
