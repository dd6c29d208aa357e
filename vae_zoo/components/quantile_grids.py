"""Grids of latents at equal shares of probability, laid out as in a picture."""

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from vae_zoo.distributions.quantiles import marginal_quantiles

GridAxes: TypeAlias = tuple[tuple[str, float, float], tuple[str, float, float]]

# The axes, across and up: the name and the values at both ends.
AXES_OF_PLANE = (("quantile of latent 1", 0, 1), ("quantile of latent 2", 0, 1))
AXES_OF_CIRCLE = (("angle, degrees", -180, 180), ("", 0, 1))
AXES_OF_SPHERE = (("longitude, degrees", -180, 180), ("latent 3", -1, 1))


def plane(p: tfd.Distribution, num_steps: int) -> tf.Tensor:
    """The quantiles (i + 1/2) / num_steps of each element of z ~ p.

    Args:
        p: distribution with event shape [2].
        num_steps: S >= 1.

    Returns:
        Float32 [S, S, 2]; the first element increases to the right, the second upwards.

    Source: Kingma & Welling 2014, figure 4.
    """
    across, up = tf.unstack(marginal_quantiles(p, _middles(num_steps)), axis=1)
    return tf.stack(tf.meshgrid(across, up[::-1]), axis=-1)


def circle(num_steps: int) -> tf.Tensor:
    """Equal arcs of the unit circle, from -180 to 180 degrees: float32 [1, S, 2]."""
    angle = _longitudes(num_steps)[None]
    return _as_latents(np.cos(angle), np.sin(angle))


def sphere(num_steps: int) -> tf.Tensor:
    """Equal areas of the unit sphere of R^3: longitudes across, heights up.

    Args:
        num_steps: S >= 1, the number of heights; there are twice as many longitudes.

    Returns:
        Float32 [S, 2 S, 3]; the north pole, where the third element is 1, is at the
        top.

    Source: Archimedes: on a sphere, height is as uniform as longitude.
    """
    heights = 1 - 2 * _middles(num_steps)
    longitude, height = np.meshgrid(_longitudes(2 * num_steps), heights)
    radius = np.sqrt(1 - height**2)
    return _as_latents(radius * np.cos(longitude), radius * np.sin(longitude), height)


def _middles(count: int) -> npt.NDArray[np.float64]:
    """The midpoints of `count` equal parts of [0, 1]."""
    return (np.arange(count) + 0.5) / count


def _longitudes(count: int) -> npt.NDArray[np.float64]:
    return math.pi * (2 * _middles(count) - 1)


def _as_latents(*elements: np.ndarray) -> tf.Tensor:
    return tf.constant(np.stack(elements, axis=-1), tf.float32)
