"""Random numbers that depend only on the seed, however a function is compiled.

In TensorFlow the device chooses the generator and how a seed becomes its key, and a
whole tensor has one seed. Here a number is a hash of its seed and its place: it is the
same on every device, with and without XLA, and each row may have its own seed.

Source: Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators"
(SplitMix64).
"""

import math
from collections.abc import Callable

import tensorflow as tf

from vae_zoo.tensors import TensorLike

_INCREMENT = 0x9E3779B97F4A7C15
_MIXERS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
_LAST_SHIFT = 31
# Different offsets before hashing keep draws and folded seeds apart.
_DRAWS, _FOLDS = 0, 0xD1342543DE82EF95
# A name scope at the root: nested scope names would be half of a SavedModel.
_SCOPE = "noise/"


def standard_normal(
    shape: TensorLike,
    seed: TensorLike,
    dtype: tf.DType = tf.float32,
    event_rank: int = 1,
) -> tf.Tensor:
    """Draws of N(0, 1), by Box and Muller's method, up to 5.8 standard deviations.

    Args:
        shape: int32 vector of known length.
        seed: int32 [2]; or a seed for each row, int32 [B, 2] with `shape` [..., B,
            *event], where the draws of row b depend only on its seed.
        dtype: a float type; the resolution is that of float32.
        event_rank: length of `event`.
    """

    def draw(size: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        radius, angle = tf.unstack(_unit_interval((size + 1) // 2, seed), axis=-1)
        radius = tf.sqrt(-2 * tf.math.log(1 - radius))
        angle = 2 * math.pi * angle
        pairs = tf.concat([radius * tf.cos(angle), radius * tf.sin(angle)], axis=-1)
        return pairs[..., :size]

    with tf.name_scope(_SCOPE):
        return tf.cast(_by_row(draw, shape, seed, event_rank), dtype)


def uniform(
    shape: TensorLike,
    seed: TensorLike,
    dtype: tf.DType = tf.float32,
    event_rank: int = 0,
) -> tf.Tensor:
    """Draws from the uniform distribution on [0, 1); arguments as above."""

    def draw(size: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        pairs = _unit_interval((size + 1) // 2, seed)
        flat = tf.concat([tf.shape(pairs)[:-2], [-1]], axis=0)
        return tf.reshape(pairs, flat)[..., :size]

    with tf.name_scope(_SCOPE):
        return tf.cast(_by_row(draw, shape, seed, event_rank), dtype)


def fold_in(seed: TensorLike, number: TensorLike) -> tf.Tensor:
    """A seed derived from `seed` for its part `number`, an integer >= 0.

    Args:
        seed: int32 [2] or [B, 2].
        number: integer, or integers [B].

    Returns:
        Int32 [2], or [B, 2] if either has B rows.
    """
    with tf.name_scope(_SCOPE):
        bits = _mixed(_start(seed, _FOLDS)[..., 0] + _places(number))
        return tf.bitcast(bits, tf.int32)


def _by_row(
    draw: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    shape: TensorLike,
    seed: TensorLike,
    event_rank: int,
) -> tf.Tensor:
    """`draw` of a size and a seed [..., 2], reshaped from [..., size] to `shape`."""
    shape, seed = tf.convert_to_tensor(shape, tf.int32), tf.convert_to_tensor(seed)
    if seed.shape.rank == 1:
        return tf.reshape(draw(tf.reduce_prod(shape), seed), shape)
    axis = shape.shape[0] - 1 - event_rank
    others = tf.concat([shape[:axis], shape[axis + 1 :]], axis=0)
    rows = draw(tf.reduce_prod(others), seed)
    rows = tf.reshape(rows, tf.concat([shape[axis : axis + 1], others], axis=0))
    order = [*range(1, axis + 1), 0, *range(axis + 1, shape.shape[0])]
    return tf.transpose(rows, order) if axis else rows


def _unit_interval(count: tf.Tensor, seed: TensorLike) -> tf.Tensor:
    """Pairs of floats in [0, 1): [..., count, 2]."""
    bits = _mixed(_start(seed, _DRAWS) + _places(tf.range(count)))
    upper = tf.bitwise.right_shift(tf.bitcast(bits, tf.uint32), 8)
    return tf.cast(upper, tf.float32) * 2.0**-24


def _start(seed: TensorLike, stream: int) -> tf.Tensor:
    """The start of a seed's sequence: uint64 [..., 1]."""
    seed = tf.bitcast(tf.cast(seed, tf.int32), tf.uint64)
    return _mixed(tf.bitwise.bitwise_xor(seed, _uint64(stream)))[..., None]


def _places(numbers: TensorLike) -> tf.Tensor:
    """Offsets from the start; the first is one increment, as in the source."""
    return (tf.cast(numbers, tf.uint64) + _uint64(1)) * _uint64(_INCREMENT)


def _mixed(bits: tf.Tensor) -> tf.Tensor:
    """A bijection of uint64 that destroys all regularity of its argument."""
    for shift, factor in _MIXERS:
        bits = _shifted(bits, shift) * _uint64(factor)
    return _shifted(bits, _LAST_SHIFT)


def _shifted(bits: tf.Tensor, shift: int) -> tf.Tensor:
    return tf.bitwise.bitwise_xor(bits, tf.bitwise.right_shift(bits, _uint64(shift)))


def _uint64(value: int) -> tf.Tensor:
    return tf.constant(value, tf.uint64)
