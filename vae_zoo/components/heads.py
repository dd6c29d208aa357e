"""Layers from a network's features to the parameters of a distribution."""

import math
from collections.abc import Sequence
from typing import Any, Unpack

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from vae_zoo.arguments import Config
from vae_zoo.tensors import BatchShape, LayerOptions

MAX_LOG_SCALE = 3.0


class Head(keras.layers.Layer):
    """Owns the projections from features to one distribution's parameters.

    Subclasses define the parameters (`build`, `call`) and the distribution that they
    make (`distribution`). There are two steps because Keras layers may not return
    distributions. Under a mixed-precision policy everything here stays float32: the
    features are cast first.
    """

    def __init__(
        self, *, name: str | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(name=name, **{**kwargs, "dtype": "float32"})

    def build(
        self, features_shape: BatchShape, event_shape: Sequence[int]
    ) -> tf.Tensor:
        """Creates the weights for features [B, ...] and events `event_shape`."""
        raise NotImplementedError

    def call(self, features: tf.Tensor) -> dict[str, tf.Tensor]:
        """The distribution's parameters, a dict of float32 tensors."""
        raise NotImplementedError

    # `*args` lets type checkers accept a subclass' own parameter names.
    def distribution(self, *args: Any, **parameters: Any) -> tfd.Distribution:
        """The `tfd.Distribution` with these parameters."""
        raise NotImplementedError


def build_head(
    head: Head, features_shape: BatchShape, event_shape: Sequence[int]
) -> None:
    """Builds `head` unless loading has done so; raises ValueError for another size."""
    shapes = (tuple(features_shape[1:]), tuple(event_shape))
    if not head.built:
        head.build((None, *shapes[0]), shapes[1])
        head.connected_to = shapes
    elif (connected_to := getattr(head, "connected_to", shapes)) != shapes:
        raise ValueError(
            f"`{head.name}` already belongs to a model with features and events of "
            f"shape {connected_to}; make a new one. Received: shapes {shapes}"
        )


@keras.saving.register_keras_serializable("vae_zoo")
class Projection(keras.layers.Layer):
    """A linear map from features [B, ...] to a tensor [B, *event_shape].

    Features with the event's positions, as from an image decoder, are projected at each
    position. All others are flattened and projected densely.

    Args:
        event_shape: the shape of one output, without the batch.
        starts_at_zero: whether the outputs are 0 at initialization.
    """

    def __init__(
        self,
        event_shape: Sequence[int],
        *,
        starts_at_zero: bool = False,
        name: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.event_shape = tuple(event_shape)
        self.starts_at_zero = starts_at_zero
        self.flatten = keras.layers.Flatten("channels_last", dtype=self.dtype_policy)
        self.reshape = keras.layers.Reshape(self.event_shape, dtype=self.dtype_policy)

    def build(self, input_shape: BatchShape) -> None:
        """Creates one dense layer, over the last axis or over all features."""
        sizes = tf.TensorShape(input_shape[1:]).as_list()
        positions = tuple(sizes[:-1])
        padded = self.event_shape + (1,) * len(positions)
        self.is_local = bool(positions) and padded[: len(positions)] == positions
        size = math.prod(self.event_shape)
        if self.is_local:
            units, last = size // math.prod(positions), sizes[-1]
        else:
            units, last = size, math.prod(sizes)
        self.dense = keras.layers.Dense(
            units,
            kernel_initializer="zeros" if self.starts_at_zero else "glorot_uniform",
            dtype=self.dtype_policy,
            name="dense",
        )
        self.dense.build((None, last))

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """Float tensor [B, *event_shape]."""
        if not self.is_local:
            features = self.flatten(features)
        return self.reshape(self.dense(features))

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "event_shape": self.event_shape,
            "starts_at_zero": self.starts_at_zero,
        }


def built_projection(
    features_shape: BatchShape,
    event_shape: Sequence[int],
    name: str,
    starts_at_zero: bool = False,
) -> Projection:
    """A float32 `Projection`, built."""
    projection = Projection(
        event_shape, starts_at_zero=starts_at_zero, name=name, dtype="float32"
    )
    projection.build(features_shape)
    return projection


def positive(raw: tf.Tensor | keras.Variable, minimum: float) -> tf.Tensor:
    """softplus(raw) + minimum: a scale bounded away from zero."""
    return tf.math.softplus(raw) + minimum


def bounded(raw: tf.Tensor) -> tf.Tensor:
    """A log-scale of a flow, `raw` near 0 and always between -3 and 3.

    Without a bound one step of training far off is enough to overflow exp.
    """
    return MAX_LOG_SCALE * tf.tanh(raw / MAX_LOG_SCALE)
