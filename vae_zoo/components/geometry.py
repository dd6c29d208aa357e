"""The spaces of latents, and the shortest paths between points."""

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from vae_zoo.components import quantile_grids
from vae_zoo.distributions.noise import standard_normal
from vae_zoo.tensors import Array

if TYPE_CHECKING:
    from vae_zoo.components.product_geometry import Product

# The smallest normal float32 has a reciprocal that is finite.
TINY = 1e-37


class Euclidean:
    """R^D, in which latents are joined by straight lines."""

    name = "R^D"
    is_spherical = False

    def variances(self, size: int) -> npt.NDArray[np.float64]:
        """The variance of each of `size` elements of N(0, I), used as a unit: [D]."""
        return np.ones(size)

    def location(self, q: tfd.Distribution) -> tf.Tensor:
        """The point summary of the distribution `q`, its mean: [..., D]."""
        return q.mean()

    # Coordinates without a boundary, for samplers that use gradients: each point v of
    # R^D stands for the latent `project(v)`.

    def lift(self, z: Array, seed: tf.Tensor) -> tf.Tensor:
        """A random point that stands for `z` [..., D]; on a sphere its length is drawn
        as that of a standard normal vector."""
        del seed
        return z

    def project(self, v: Array) -> tf.Tensor:
        """The latents that points [..., D] stand for."""
        return v

    def log_volume(self, v: Array) -> tf.Tensor:
        """The log-density of v less that of `project(v)`: [...], nats."""
        return tf.zeros_like(v[..., 0])

    def mean(self, points: Array) -> tf.Tensor:
        """The mean of `points` [N, D]: [D]."""
        return tf.reduce_mean(points, axis=0)

    def move(self, z: Array, start: Array, end: Array, amount: Array) -> tf.Tensor:
        """`z` moved as `start` has to move to reach `end`.

        Args:
            z: float [..., D].
            start: float [..., D].
            end: float [..., D].
            amount: float [...], the share of the way; 1 is all of it.

        Returns:
            Float [..., D], with shapes broadcast; if `z` is `start` and `amount` is 1,
            it is `end`.
        """
        return z + amount[..., None] * (end - start)

    def interpolate(self, start: Array, end: Array, num_steps: int) -> tf.Tensor:
        """Points at equal distances from `start` to `end`, both included.

        Args:
            start: float [B, D].
            end: float [B, D].
            num_steps: S >= 2.

        Returns:
            Float [S, B, D].
        """
        share = tf.linspace(0.0, 1.0, num_steps)[:, None, None]
        # The ends are exact, which they would not be in a sum of steps.
        return (1 - share) * start + share * end

    def traverse(self, z: Array, dimension: int, num_steps: int) -> tf.Tensor:
        """`z` with one element moved from -3 to 3, standard deviations of N(0, 1).

        Args:
            z: float [B, D].
            dimension: index of the element, 0 <= dimension < D.
            num_steps: S >= 2.

        Returns:
            Float [S, B, D].
        """
        axis = tf.one_hot(dimension, z.shape[-1])
        values = tf.linspace(-3.0, 3.0, num_steps)[:, None, None]
        return z * (1 - axis) + values * axis

    def grid_axes(self, size: int) -> quantile_grids.GridAxes | None:
        """The axes of `quantile_grid`, across and up, or None if there is no grid.

        Args:
            size: D, which decides whether there is a grid.

        Returns:
            Two tuples, each the name of an axis and the values at its ends.
        """
        return quantile_grids.AXES_OF_PLANE if size == 2 else None

    def quantile_grid(self, p: tfd.Distribution, num_steps: int) -> tf.Tensor:
        """Latents at equal shares of probability, as `quantile_grids` has them.

        Args:
            p: the prior, event [D].
            num_steps: S >= 1, the points along an axis.

        Returns:
            Float32 [S, S, 2].

        Raises:
            ValueError: unless D = 2.
        """
        check_has_grid(self, p.event_shape[0])
        return quantile_grids.plane(p, num_steps)


class Sphere:
    """The unit sphere of R^D, on which latents are joined by great circles.

    Vectors of other lengths stand for their directions.
    """

    name = "the unit sphere"
    is_spherical = True

    def variances(self, size: int) -> npt.NDArray[np.float64]:
        """As in `Euclidean`, for a uniform direction."""
        return np.full(size, 1 / size)

    def location(self, q: tfd.Distribution) -> tf.Tensor:
        """The point summary of the distribution `q`, its mean direction."""
        return q.mean_direction

    def lift(self, z: Array, seed: tf.Tensor) -> tf.Tensor:
        """As in `Euclidean`."""
        return z * tf.norm(standard_normal(tf.shape(z), seed), axis=-1, keepdims=True)

    def project(self, v: Array) -> tf.Tensor:
        """As in `Euclidean`."""
        return unit_length(v)

    def log_volume(self, v: Array) -> tf.Tensor:
        """As in `Euclidean`: that of a standard normal over that of its direction."""
        dim = v.shape[-1]
        log_area = math.log(2) + dim / 2 * math.log(math.pi) - math.lgamma(dim / 2)
        log_normal = -0.5 * (tf.reduce_sum(v**2, axis=-1) + dim * math.log(2 * math.pi))
        return log_normal + log_area

    def mean(self, points: Array) -> tf.Tensor:
        """As in `Euclidean`, the direction of the mean."""
        return unit_length(tf.reduce_mean(unit_length(points), axis=0))

    def move(self, z: Array, start: Array, end: Array, amount: Array) -> tf.Tensor:
        """As in `Euclidean`: rotated in the plane of the two, which keeps distances.

        All great circles connect opposite points. Then the path is the one through the
        axis along which `start` is shortest.
        """
        z, start, end = unit_length(z), unit_length(start), unit_length(end)
        toward = _tangent(start, end)
        # Unlike an arc sine or cosine, precise for both near and opposite points.
        half_sine = tf.norm(end - start, axis=-1, keepdims=True) / 2
        half_cosine = tf.norm(end + start, axis=-1, keepdims=True) / 2
        angle = amount[..., None] * 2 * tf.atan2(half_sine, half_cosine)
        x = tf.reduce_sum(z * start, axis=-1, keepdims=True)
        y = tf.reduce_sum(z * toward, axis=-1, keepdims=True)
        rotated_x = x * tf.cos(angle) - y * tf.sin(angle)
        rotated_y = x * tf.sin(angle) + y * tf.cos(angle)
        return z + (rotated_x - x) * start + (rotated_y - y) * toward

    def interpolate(self, start: Array, end: Array, num_steps: int) -> tf.Tensor:
        """As in `Euclidean`, along the shorter arc of the great circle.

        Source: Shoemake 1985 (slerp).
        """
        shares = tf.linspace(0.0, 1.0, num_steps)[:, None]
        return self.move(start, start, end, shares)

    def traverse(self, z: Array, dimension: int, num_steps: int) -> tf.Tensor:
        """`z` moved along the great circle through it and one axis, pole to pole.

        The element of that axis goes from -1 to 1 as the sine of equal angles, and the
        others keep their proportions.

        Args:
            z: unit vectors [B, D].
            dimension: index of the axis, 0 <= dimension < D.
            num_steps: S >= 2.

        Returns:
            Unit vectors [S, B, D].
        """
        z, axis = unit_length(z), tf.one_hot(dimension, z.shape[-1])
        equator = _tangent(tf.broadcast_to(axis, tf.shape(z)), z)
        angles = tf.linspace(-math.pi / 2, math.pi / 2, num_steps)[:, None, None]
        return tf.sin(angles) * axis + tf.cos(angles) * equator

    def grid_axes(self, size: int) -> quantile_grids.GridAxes | None:
        """As in `Euclidean`."""
        axes = {2: quantile_grids.AXES_OF_CIRCLE, 3: quantile_grids.AXES_OF_SPHERE}
        return axes.get(size)

    def quantile_grid(self, p: tfd.Distribution, num_steps: int) -> tf.Tensor:
        """As in `Euclidean`: [1, S, 2] for a circle, [S, 2 S, 3] for a sphere.

        Raises:
            ValueError: unless D is 2 or 3.
        """
        size = p.event_shape[0]
        check_has_grid(self, size)
        grid = quantile_grids.circle if size == 2 else quantile_grids.sphere
        return grid(num_steps)


Space: TypeAlias = "Euclidean | Sphere | Product"

EUCLIDEAN = Euclidean()
SPHERE = Sphere()


def check_has_grid(space: Space, size: int) -> None:
    """Raises ValueError unless `space` of `size` elements has a `quantile_grid`."""
    if not space.grid_axes(size):
        raise ValueError(
            "`model` must have latents on a plane, a circle or a sphere: latent_dim=2, "
            f"or 3 on the unit sphere. Received: latents on {space.name}, "
            f"latent_dim={size}"
        )


def _tangent(point: Array, other: Array) -> tf.Tensor:
    """The unit vector orthogonal to `point` towards `other`, or any if undefined."""
    shortest = tf.one_hot(tf.argmin(tf.abs(point), axis=-1), point.shape[-1])
    toward = _orthogonal(point, other)
    length = tf.norm(toward, axis=-1, keepdims=True)
    fallback = _orthogonal(point, shortest)
    toward = tf.where(length > 1e-6, toward / tf.maximum(length, 1e-6), fallback)
    # Again, since for near or opposite points the remainder is mostly rounding.
    return tf.math.l2_normalize(_orthogonal(point, toward), axis=-1)


def _orthogonal(point: Array, other: Array) -> tf.Tensor:
    """`other` minus its projection on the unit vector `point`."""
    return other - tf.reduce_sum(point * other, axis=-1, keepdims=True) * point


def unit_length(vectors: Array) -> tf.Tensor:
    """`vectors` [B, D] divided by their lengths; the first axis for zero vectors."""
    # The result does not depend on the scale, so its gradient can be stopped.
    largest = tf.stop_gradient(tf.reduce_max(tf.abs(vectors), axis=-1, keepdims=True))
    axis = tf.one_hot(0, vectors.shape[-1])
    is_zero = largest < TINY
    # Dividing by the largest element first avoids over- and underflow of squares.
    scaled = tf.where(is_zero, axis, vectors / tf.where(is_zero, 1.0, largest))
    return scaled / tf.norm(scaled, axis=-1, keepdims=True)
