"""Procedural sprites with known factors of variation, drawn when read."""

import math

import tensorflow as tf

from vae_zoo.datasets.source import Source
from vae_zoo.datasets.splits import Whole

IMAGE_SIZE = 64
FACTOR_SIZES = {
    "shape": 3,
    "scale": 6,
    "orientation": 40,
    "position_x": 32,
    "position_y": 32,
}
NUM_EXAMPLES = math.prod(FACTOR_SIZES.values())
# Half the side of a sprite at scale 1, in units of the image, so that at any place and
# angle it stays inside.
RADIUS = 0.17
ORDER_SEED = (2017, 64)


def find_splits() -> dict[str, Whole]:
    """x uint8 [64, 64, 1] of 0 and 255, y int32 [5]: the factors' indices.

    All combinations of 3 shapes (square, ellipse, heart), 6 scales, 40 orientations and
    32 x 32 positions, 737,280 in all, are in a random but fixed order, so that any
    range is a fair sample.

    Source: after dSprites (Matthey et al. 2017), with 40 distinct orientations.
    """
    return {"train": Whole(NUM_EXAMPLES, _source, is_shuffled=True)}


def _source() -> Source:
    def gather(indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        y = factors(
            tf.random.experimental.index_shuffle(indices, ORDER_SEED, NUM_EXAMPLES - 1)
        )
        return draw(y), y

    return Source(
        name="sprites/train",
        element_shape=(IMAGE_SIZE, IMAGE_SIZE, 1),
        indices=range(NUM_EXAMPLES),
        gather=gather,
        has_labels=True,
        factor_names=tuple(FACTOR_SIZES),
    )


def factors(numbers: tf.Tensor) -> tf.Tensor:
    """The factor indices int32 [B, 5] of combination numbers [B]."""
    digits = tf.unravel_index(
        tf.cast(numbers, tf.int32), tf.constant(list(FACTOR_SIZES.values()))
    )
    return tf.transpose(digits)


def draw(y: tf.Tensor) -> tf.Tensor:
    """The sprites with factor indices `y` int [B, 5]: uint8 [B, 64, 64, 1]."""
    y = tf.cast(y, tf.float32)[:, :, None, None]
    size = RADIUS * (0.5 + 0.5 * y[:, 1] / 5)
    angle = 2 * math.pi * y[:, 2] / FACTOR_SIZES["orientation"]
    centre_x, centre_y = 0.25 + 0.5 * y[:, 3] / 31, 0.25 + 0.5 * y[:, 4] / 31
    pixels = (tf.range(IMAGE_SIZE, dtype=tf.float32) + 0.5) / IMAGE_SIZE
    dx, dy = pixels[None, None, :] - centre_x, pixels[None, :, None] - centre_y
    # The sprite's own coordinates, in which it spans [-1, 1] and v points upwards.
    u = (tf.cos(angle) * dx + tf.sin(angle) * dy) / size
    v = (tf.sin(angle) * dx - tf.cos(angle) * dy) / size
    inside = tf.where(
        y[:, 0] < 0.5,
        _in_square(u, v),
        tf.where(y[:, 0] < 1.5, _in_ellipse(u, v), _in_heart(u, v)),
    )
    return tf.where(inside, tf.constant(255, tf.uint8), 0)[..., None]


def _in_square(u: tf.Tensor, v: tf.Tensor) -> tf.Tensor:
    return tf.maximum(tf.abs(u), tf.abs(v)) <= 1


def _in_ellipse(u: tf.Tensor, v: tf.Tensor) -> tf.Tensor:
    return u**2 + (2 * v) ** 2 <= 1.7


def _in_heart(u: tf.Tensor, v: tf.Tensor) -> tf.Tensor:
    u, v = 1.15 * u, 1.15 * v + 0.1
    return (u**2 + v**2 - 1) ** 3 <= u**2 * v**3
