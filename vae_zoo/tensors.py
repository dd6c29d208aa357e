"""Names for what several annotations take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, TypedDict

import numpy as np
import numpy.typing as npt
import tensorflow as tf

if TYPE_CHECKING:
    import keras

Array: TypeAlias = np.ndarray | tf.Tensor
# What TensorFlow makes a tensor of.
TensorLike: TypeAlias = tf.Tensor | npt.ArrayLike
# x [B, *input_shape], or the inputs of a model by name.
ModelInput: TypeAlias = TensorLike | Mapping[str, TensorLike]
# Vectors [..., D], or the latents of a model by name.
LatentsLike: TypeAlias = TensorLike | Mapping[str, TensorLike]
# An integer of any size; int32 or int64 [2]; or one for each row, [B, 2].
Seed: TypeAlias = int | tf.Tensor | npt.ArrayLike
# That of a batch: B, or None where it may be any, and the shape of a row.
BatchShape: TypeAlias = Sequence[int | None]


class LayerOptions(TypedDict, total=False):
    """What every Keras layer and model takes."""

    activity_regularizer: keras.regularizers.Regularizer | str | None
    autocast: bool
    dtype: keras.DTypePolicy | str | None
    trainable: bool
