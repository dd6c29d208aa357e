"""Applies networks to the rows of latents [K, B, D], and splits data into rows."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import tensorflow as tf

from vae_zoo.tensors import TensorLike

ResultT = TypeVar("ResultT")


def over_rows(function: Callable[..., ResultT], *values: TensorLike) -> ResultT:
    """Applies `function` of rows [R, D] to values [..., D] and restores the axes.

    Layers take one batch axis, but latents are [K, B, D].

    Args:
        function: from tensors [R, D_i] to a tensor or a structure of tensors, each [R,
            ...], or [1, ...] or a scalar if all rows share it.
        *values: float [..., D_i]; their axes before the last are broadcast.

    Returns:
        What `function` returns, [..., *] for [R, *].
    """
    tensors = [tf.convert_to_tensor(value) for value in values]
    if all(value.shape.rank == 2 for value in tensors):
        return function(*tensors)
    leading = tensors[0].shape[:-1]
    dynamic = tf.shape(tensors[0])[:-1]
    for value in tensors[1:]:
        leading = tf.broadcast_static_shape(leading, value.shape[:-1])
        dynamic = tf.broadcast_dynamic_shape(dynamic, tf.shape(value)[:-1])
    rows = []
    for value in tensors:
        size = value.shape[-1]
        if len(tensors) > 1:
            value = tf.broadcast_to(value, tf.concat([dynamic, [size]], axis=0))
        rows.append(tf.reshape(value, [-1, size]))

    def restored(value: tf.Tensor) -> tf.Tensor:
        if not value.shape.rank:
            return value
        axes = dynamic
        if value.shape[0] == 1 and rows[0].shape[0] != 1:
            axes = tf.ones_like(dynamic)
        result = tf.reshape(value, tf.concat([axes, tf.shape(value)[1:]], axis=0))
        if axes is dynamic:
            result = tf.ensure_shape(result, leading + value.shape[1:])
        return result

    return tf.nest.map_structure(restored, function(*rows))


def num_rows(values: Mapping[str, Any]) -> int:
    """N, the number of rows of a dict of arrays [N, ...]."""
    return len(next(iter(values.values())))


def parts_of_rows(values: Mapping[str, Any], size: int) -> Iterator[dict[str, Any]]:
    """Splits a dict of arrays [N, ...] into dicts of up to `size` rows."""
    for start in range(0, num_rows(values), size):
        yield {name: value[start : start + size] for name, value in values.items()}
