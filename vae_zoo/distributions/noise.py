"""Random numbers that depend on the seed alone, however a function is compiled.

TensorFlow leaves the generator, and how a seed becomes its key, to the device.
Under XLA on a CPU that gives other numbers than without XLA, up to thirty times as
slowly. Here the generator is Philox and the seed's 64 bits are its key.

Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
"""

import math

import tensorflow as tf

_PHILOX = 1
# The upper half of Philox' counter: what is drawn and what is folded in never meet.
_DRAWS, _FOLDS = 0, 1


def standard_normal(shape, seed, dtype=tf.float32):
    """Draws of N(0, 1), by Box and Muller's method, up to 5.8 standard deviations.

    Args:
        shape: int32 vector.
        seed: int32 [2].
        dtype: a float type; the resolution is that of float32.
    """
    size = tf.reduce_prod(shape)
    half = (size + 1) // 2
    radius, angle = tf.unstack(_unit_interval(_bits([2, half], seed, _DRAWS)))
    radius = tf.sqrt(-2 * tf.math.log(1 - radius))
    angle = 2 * math.pi * angle
    pairs = tf.concat([radius * tf.cos(angle), radius * tf.sin(angle)], axis=0)
    return tf.cast(tf.reshape(pairs[:size], shape), dtype)


def uniform(shape, seed, dtype=tf.float32):
    """Draws of the uniform distribution on [0, 1); arguments as above."""
    return tf.cast(_unit_interval(_bits(shape, seed, _DRAWS)), dtype)


def fold_in(seed, number):
    """A seed int32 [2] for part `number` (integer >= 0) of what `seed` stands for."""
    return tf.bitcast(_bits([2], seed, _FOLDS, number), tf.int32)


def _bits(shape, seed, stream, start=0):
    """Uniform uint32; the floats that TensorFlow makes of them differ under XLA."""
    counter = [tf.cast(start, tf.uint64), tf.constant(stream, tf.uint64)]
    key = tf.reshape(tf.bitcast(tf.cast(seed, tf.int32), tf.uint64), [1])
    return tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=shape, key=key, counter=tf.stack(counter), alg=_PHILOX, dtype=tf.uint32
    )


def _unit_interval(bits):
    """The upper 24 bits as floats in [0, 1)."""
    return tf.cast(tf.bitwise.right_shift(bits, 8), tf.float32) * 2.0**-24
