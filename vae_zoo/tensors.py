"""Type aliases that several modules share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, TypedDict

import numpy as np
import numpy.typing as npt
import tensorflow as tf

if TYPE_CHECKING:
    import keras

Array: TypeAlias = np.ndarray | tf.Tensor
# What TensorFlow converts to a tensor.
TensorLike: TypeAlias = tf.Tensor | npt.ArrayLike
# x [B, *input_shape], or the inputs of a model by name.
ModelInput: TypeAlias = (
    TensorLike | tf.SparseTensor | Mapping[str, TensorLike | tf.SparseTensor]
)
# Vectors [..., D], or the latents of a model by name.
LatentsLike: TypeAlias = TensorLike | Mapping[str, TensorLike]
# What an encoder makes of x; a model with several encoders may have several tensors.
Features: TypeAlias = tf.Tensor | tuple[tf.Tensor, ...] | dict[str, tf.Tensor]
# An integer of any size; int32 or int64 [2]; or one for each row, [B, 2].
Seed: TypeAlias = int | tf.Tensor | npt.ArrayLike
# The shape of a batch: B, or None for any size, then the shape of a row.
BatchShape: TypeAlias = Sequence[int | None]


class LayerOptions(TypedDict, total=False):
    """The keyword arguments of every Keras layer and model."""

    activity_regularizer: keras.regularizers.Regularizer | str | None
    autocast: bool
    dtype: keras.DTypePolicy | str | None
    trainable: bool
