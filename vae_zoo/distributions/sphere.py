"""The unit sphere: uniform draws, points at an angle from a direction, checks."""

import math
from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from vae_zoo.arguments import check_count
from vae_zoo.distributions.angular_family import AngularFamily
from vae_zoo.distributions.finite import as_parameter, check_parameter
from vae_zoo.distributions.noise import fold_in, standard_normal
from vae_zoo.tensors import Seed, TensorLike


class SphericalUniform(tfd.SphericalUniform):
    """`tfd.SphericalUniform`, with the same noise with and without XLA."""

    def __init__(self, dimension: int, *args: Any, **kwargs: Any) -> None:
        check_count("dimension", dimension, 1, "the length of the vectors")
        super().__init__(dimension, *args, **kwargs)

    def _sample_n(self, n: TensorLike, seed: Seed | None = None) -> tf.Tensor:
        shape = tf.concat([[n], self.batch_shape_tensor(), [self.dimension]], axis=0)
        return unit_vectors(shape, tfp.random.sanitize_seed(seed), self.dtype)


def unit_vectors(shape: TensorLike, seed: TensorLike, dtype: tf.DType) -> tf.Tensor:
    """Uniform draws from the unit sphere: `shape` [..., D], D >= 1."""
    noise = standard_normal(shape, seed, dtype)
    # The zero vector has no direction; it comes once in millions of draws.
    noise = tf.where(noise == 0, tf.ones_like(noise), noise)
    return noise / tf.norm(noise, axis=-1, keepdims=True)


def place(mean_direction: tf.Tensor, angle: tf.Tensor, tangent: tf.Tensor) -> tf.Tensor:
    """The points at `angle` from the mean direction, on the side of `tangent`.

    A Householder reflection takes the first axis to `mean_direction`, up to a sign. The
    sign avoids the point where the reflection and its derivative are undefined.

    Args:
        mean_direction: unit vectors [..., D].
        angle: [...].
        tangent: unit vectors [..., D - 1].

    Returns:
        Unit vectors [..., D], differentiable in `mean_direction` and `angle`.
    """
    first = mean_direction[..., :1]
    sign = tf.where(first < 0, -tf.ones_like(first), tf.ones_like(first))
    along = -sign * tf.cos(angle)[..., None]
    point = tf.concat([along, tf.sin(angle)[..., None] * tangent], axis=-1)
    mirror = tf.concat([first + sign, mean_direction[..., 1:]], axis=-1)
    share = tf.reduce_sum(mirror * point, -1, keepdims=True)
    return point - mirror * (2 * share / tf.reduce_sum(mirror**2, -1, keepdims=True))


def sample_at_angles(
    family: AngularFamily,
    mean_direction: tf.Tensor,
    concentration: tf.Tensor,
    num_samples: TensorLike,
    seed: Seed | None,
) -> tf.Tensor:
    """Draws [num_samples, ..., D] around mean directions, with angles of a family.

    Args:
        family: an `AngularFamily`.
        mean_direction: unit vectors [..., D], of the batch's shape or broadcast to it.
        concentration: [...], of the batch's shape.
        num_samples: integer scalar.
        seed: what TFP takes as a seed.
    """
    seed = tfp.random.sanitize_seed(seed)
    angles = family.sample(concentration, num_samples, fold_in(seed, 0))
    shape = tf.shape(angles)
    event_shape = tf.shape(mean_direction)[-1:]
    tangents = unit_vectors(
        tf.concat([shape, event_shape - 1], 0), fold_in(seed, 1), concentration.dtype
    )
    mean_direction = tf.broadcast_to(
        mean_direction, tf.concat([shape, event_shape], axis=0)
    )
    return place(mean_direction, angles, tangents)


def log_area(dimension: int | tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """log of the area of the unit sphere of R^dimension, `dimension` >= 1."""
    half = tf.cast(dimension, tf.float64) / 2
    area = math.log(2) + half * math.log(math.pi) - tf.math.lgamma(half)
    return tf.cast(area, dtype)


def float_dtype(mean_direction: TensorLike) -> tf.DType:
    """The dtype of `mean_direction`: its own, or float32 for integers.

    Raises:
        ValueError: if it is neither float32 nor float64.
    """
    as_parameter("mean_direction", mean_direction)
    dtype = tf.as_dtype(getattr(mean_direction, "dtype", None) or _type(mean_direction))
    dtype = tf.float32 if dtype.is_integer else dtype
    if dtype not in (tf.float32, tf.float64):
        raise ValueError(
            f"`mean_direction` must be float32 or float64. Received: {dtype.name}"
        )
    return dtype


def _type(value: TensorLike) -> tf.DType:
    return tf.convert_to_tensor(value).dtype


def checked_direction(mean_direction: tf.Tensor, check_length: bool) -> tf.Tensor:
    """`mean_direction` after a check for unit vectors in two or more dimensions.

    Raises:
        ValueError: if its last dimension is below 2, or it is not finite (checked
            eagerly), or with `check_length` a vector is no unit vector (inside a
            graph: `tf.errors.InvalidArgumentError`).
    """
    shape = mean_direction.shape
    if shape.rank == 0 or (shape[-1:].is_fully_defined() and shape[-1] < 2):
        raise ValueError(
            "`mean_direction` must have shape [..., D], D at least 2. Received: shape "
            f"{tuple(shape)}"
        )
    check_parameter("mean_direction", mean_direction)
    if not check_length:
        return mean_direction
    length = tf.norm(mean_direction, axis=-1)
    is_unit = tf.abs(length - 1) < 1e-4
    return _checked(mean_direction, is_unit, length, "mean_direction", "have length 1")


def checked_concentration(concentration: tf.Tensor, check_in_graph: bool) -> tf.Tensor:
    """`concentration` after a check that it is >= 0.

    Inside a graph it is checked only with `check_in_graph`.

    Raises:
        ValueError: if it is negative, infinite or NaN (inside a graph:
            `tf.errors.InvalidArgumentError`).
    """
    if not check_in_graph and tf.get_static_value(concentration) is None:
        return concentration
    is_valid = (concentration >= 0) & tf.math.is_finite(concentration)
    expectation = "be finite and >= 0"
    return _checked(
        concentration, is_valid, concentration, "concentration", expectation
    )


def check_same_sphere(q: tfd.Distribution, p: tfd.Distribution) -> None:
    """Raises ValueError if the events of `q` and `p` differ in dimension."""
    if not q.event_shape.is_compatible_with(p.event_shape):
        raise ValueError(
            "`q` and `p` must be on the same sphere. Received: "
            f"q.event_shape={q.event_shape}, p.event_shape={p.event_shape}"
        )


def _checked(
    value: tf.Tensor, is_valid: tf.Tensor, shown: tf.Tensor, name: str, expectation: str
) -> tf.Tensor:
    is_known = tf.get_static_value(is_valid)
    message = f"`{name}` must {expectation}. Received: "
    if is_known is None:
        wrong = _where_false(is_valid, shown)
        with tf.control_dependencies(
            [tf.debugging.Assert(tf.reduce_all(is_valid), [message, wrong])]
        ):
            return tf.identity(value)
    if not is_known.all():
        wrong = _where_false(is_valid, shown)[0]
        raise ValueError(f"{message}{'length ' if value is not shown else ''}{wrong}")
    return value


def _where_false(is_valid: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """The elements of `values` where `is_valid` is False, as a vector."""
    return tf.boolean_mask(tf.reshape(values, [-1]), tf.reshape(~is_valid, [-1]))
