"""Draws angles to a mean direction, and differentiates them in the concentration.

Take an exponential family on the unit sphere of R^D, with concentration kappa, whose
density depends only on the angle t between z and a mean direction. Its angles have

    p(t) ~ exp(kappa h(t)) sin(t)^(D - 2),   0 <= t <= pi,

and a statistic h that is 0 at t = 0 and decreases. Everything is written in
y = 1 - cos t or in differences of angles. These keep their relative precision when the
concentration is large and all angles are small.
"""

import abc
import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from vae_zoo.distributions.noise import fold_in, uniform
from vae_zoo.tensors import TensorLike

# Nodes of the quadrature, and the log of the mass that its tails may lose, by
# precision.
_NUM_NODES = {tf.float32: 40, tf.float64: 128}
_NEGLIGIBLE = {tf.float32: 18.0, tf.float64: 38.0}
# The arc beyond which p is negligible is searched on nested grids of its logarithm:
# three grids of eight points find it to 4%.
_LOG_ARCS = (math.log(1e-9), math.log(math.pi))
_GRID = np.arange(1, 9)
_NUM_SEARCHES = 3
# Proposals at a time: at least two in three are accepted, so a second round is rare.
_NUM_PROPOSALS = 8
_MAX_ROUNDS = 100
_LARGEST_CONCENTRATION = 1e15


class AngularFamily(abc.ABC):
    """One statistic h on the sphere of R^D.

    Args:
        event_size: D >= 2, an integer, or a scalar tensor if it is not known.
        dtype: of all tensors, float32 or float64.
    """

    def __init__(self, event_size: int | tf.Tensor, dtype: tf.DType) -> None:
        self.dtype = dtype
        half = tf.cast(event_size, tf.float64) / 2
        # log of the integral of sin(t)^(D - 2) over [0, pi].
        log_uniform = tf.math.lgamma(half - 0.5) - tf.math.lgamma(half)
        self.log_uniform = tf.cast(log_uniform + math.log(math.pi) / 2, dtype)
        self.power = tf.cast(event_size, dtype) - 2

    @abc.abstractmethod
    def statistic_change(self, y: tf.Tensor, change: tf.Tensor) -> tf.Tensor:
        """h at `y + change` minus h at `y`, where y = 1 - cos t."""

    @abc.abstractmethod
    def mode(self, concentration: tf.Tensor) -> tf.Tensor:
        """The y at which p(t) is largest."""

    @abc.abstractmethod
    def envelope(self, concentration: tf.Tensor) -> tf.Tensor:
        """The y at which p(t) exceeds the envelope of `sample` most."""

    def moments(self, concentration: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The mean of h, and log E_uniform[exp(kappa h)]: [...] each, like kappa."""
        _, statistic, log_weights = self.quadrature(concentration)
        largest = tf.stop_gradient(tf.reduce_max(log_weights, axis=-1, keepdims=True))
        weights = tf.exp(log_weights - largest)
        total = tf.reduce_sum(weights, axis=-1)
        mean = tf.reduce_sum(weights * statistic, axis=-1) / total
        return mean, largest[..., 0] + tf.math.log(total) - self.log_uniform

    def quadrature(
        self, concentration: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """A rule for integrals of p(t).

        Args:
            concentration: kappa [...].

        Returns:
            y and h at the nodes, and the log of the rule's weights times p(t), not
            normalized: each [..., nodes]. The last is differentiable in kappa; the
            nodes are constants.
        """
        fixed = tf.stop_gradient(concentration)
        mode = self.mode(tf.minimum(fixed, _LARGEST_CONCENTRATION))
        start = angle_of(mode)
        limits = tf.stack([start, math.pi - start])
        signs = tf.stack([-tf.ones_like(start), tf.ones_like(start)])
        arcs = signs * self._reach(fixed, start, limits, signs)
        low, high = arcs[0], arcs[1]
        nodes, weights = _rule(self.dtype)
        steps = low[..., None] + (high - low)[..., None] * nodes
        y, start = mode[..., None], start[..., None]
        change, growth = _along_arc(start, steps)
        zero = tf.zeros_like(y)
        statistic = self.statistic_change(zero, y) + self.statistic_change(y, change)
        growth += _log_sine(y)
        log_density = concentration[..., None] * statistic + self.power * growth
        return (
            y + change,
            statistic,
            log_density + tf.math.log(weights * (high - low)[..., None]),
        )

    def sample(
        self, concentration: tf.Tensor, num_samples: TensorLike, seed: tf.Tensor
    ) -> tf.Tensor:
        """Angles t [num_samples, ...] for kappa [...], differentiable in kappa.

        The derivative is that of the function t(kappa) that keeps the distribution
        function constant, however the angle was drawn. No loop is differentiated.

        Args:
            concentration: [...].
            num_samples: integer scalar.
            seed: int32 [2].

        Source: Figurnov et al. 2018, equation 5.
        """

        @tf.custom_gradient
        def draw(
            concentration: tf.Tensor,
        ) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
            angles = self._rejection(concentration, num_samples, seed)

            def gradient(upstream: tf.Tensor) -> tf.Tensor:
                derivative = self._implicit_derivative(concentration, angles)
                return tf.reduce_sum(upstream * derivative, axis=0)

            return angles, gradient

        return draw(concentration)

    def _implicit_derivative(
        self, concentration: tf.Tensor, angles: tf.Tensor
    ) -> tf.Tensor:
        """dt/dkappa: the integral of (h - E[h]) p / p(t) over [t, pi].

        It equals minus the integral over [0, t]; the code integrates away from the
        mode.
        """
        mean, _ = self.moments(concentration)
        mode = self.mode(tf.minimum(concentration, _LARGEST_CONCENTRATION))
        is_beyond = angles >= angle_of(mode)
        sign = tf.where(is_beyond, tf.ones_like(angles), -tf.ones_like(angles))
        limit = tf.where(is_beyond, math.pi - angles, angles)
        length = self._reach(concentration, angles, limit, sign)
        nodes, weights = _rule(self.dtype)
        start, y = angles[..., None], _height(angles)[..., None]
        change, growth = _along_arc(start, (sign * length)[..., None] * nodes)
        shift = self.statistic_change(y, change)
        ratio = tf.exp(concentration[..., None] * shift + self.power * growth)
        excess = self.statistic_change(tf.zeros_like(y), y) - mean[..., None] + shift
        return sign * length * tf.reduce_sum(weights * excess * ratio, axis=-1)

    def _reach(
        self,
        concentration: tf.Tensor,
        start: tf.Tensor,
        limit: tf.Tensor,
        sign: tf.Tensor,
    ) -> tf.Tensor:
        """The length of the arc from `start` to where p is negligible, at most `limit`.

        The arc leads away from the mode, so p falls along it; `sign` is 1 towards
        larger angles and -1 towards smaller ones.
        """
        low = tf.fill(tf.shape(limit), tf.constant(_LOG_ARCS[0], self.dtype))[..., None]
        width = _LOG_ARCS[1] - _LOG_ARCS[0]
        concentration, y = concentration[..., None], _height(start)[..., None]
        start, limit, sign = start[..., None], limit[..., None], sign[..., None]
        for _ in range(_NUM_SEARCHES):
            width /= _GRID.size
            arcs = tf.exp(low + width * tf.constant(_GRID, self.dtype))
            change, growth = _along_arc(start, sign * tf.minimum(arcs, limit))
            log_ratio = concentration * self.statistic_change(y, change)
            is_short = log_ratio + self.power * growth > -_NEGLIGIBLE[self.dtype]
            count = tf.reduce_sum(tf.cast(is_short, self.dtype), axis=-1, keepdims=True)
            low += width * count
        return tf.minimum(tf.exp(low + width), limit)[..., 0]

    def _rejection(
        self, concentration: tf.Tensor, num_samples: TensorLike, seed: tf.Tensor
    ) -> tf.Tensor:
        """Angles by rejection, several proposals at a time; NaN for a NaN kappa.

        Source: Wood 1994; the proposals by Ulrich 1984.
        """
        # Beyond this, angles are below the resolution of a float32 vector.
        concentration = tf.minimum(concentration, _LARGEST_CONCENTRATION)
        best = self.envelope(concentration)
        slope = best / (2 - best)
        exponent = 2 / self.power  # infinite for D = 2, as it should be
        shape = tf.concat([[num_samples], tf.shape(concentration)], axis=0)
        leading = tf.TensorShape([3, _NUM_PROPOSALS])
        draws_shape = tf.concat([leading, shape], axis=0)
        static_shape = tf.TensorShape([tf.get_static_value(num_samples)])
        static_shape = static_shape.concatenate(concentration.shape)

        order = tf.range(_NUM_PROPOSALS)
        order = tf.reshape(order, tf.concat([[-1], tf.ones_like(shape)], axis=0))

        def propose(
            key: tf.Tensor, chosen: tf.Tensor, is_pending: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            draws = 1 - uniform(draws_shape, key, self.dtype)
            draws = tf.ensure_shape(draws, leading.concatenate(static_shape))
            # A symmetric beta variable (1 - side) / 2, moved by the envelope's map.
            # Below 1, since for D = 2 the exponent is infinite.
            below = tf.minimum(draws[0], 1 - 2.0**-24)
            radius = -tf.math.expm1(exponent * tf.math.log(below))
            side = tf.sqrt(radius) * tf.cos(math.pi * draws[1])
            y = 2 * slope * (1 - side) / ((1 + side) + slope * (1 - side))
            score = concentration * self.statistic_change(best, y - best)
            # (1 - x cos t) / (1 - x^2) - 1, with x = 1 - best.
            excess = (1 - best) * (y - best) / (best * (2 - best))
            score += (self.power + 1) * tf.math.log1p(excess)
            is_accepted = tf.math.log(draws[2]) <= score
            first = tf.reduce_min(tf.where(is_accepted, order, _NUM_PROPOSALS), axis=0)
            is_done = is_pending & (first < _NUM_PROPOSALS)
            drawn = tf.reduce_sum(tf.where(order == first, y, tf.zeros_like(y)), axis=0)
            chosen = tf.where(is_done, drawn, chosen)
            is_pending &= ~is_done
            return fold_in(key, 0), chosen, is_pending

        # A NaN kappa never accepts a proposal, so the loop must not wait for it.
        is_pending = tf.broadcast_to(tf.math.is_finite(concentration), shape)
        state = propose(
            seed,
            tf.ensure_shape(tf.zeros(shape, self.dtype), static_shape),
            tf.ensure_shape(is_pending, static_shape),
        )
        _, chosen, _ = tf.while_loop(
            lambda key, chosen, is_pending: tf.reduce_any(is_pending),
            propose,
            state,
            maximum_iterations=_MAX_ROUNDS,
        )
        nothing = tf.constant(math.nan, self.dtype)
        return tf.where(tf.math.is_finite(concentration), angle_of(chosen), nothing)


def angle_of(y: tf.Tensor) -> tf.Tensor:
    """The angle with 1 - cos t = y, kept off 0 and pi, where sin t is 0."""
    angle = 2 * tf.asin(tf.sqrt(tf.clip_by_value(y / 2, 0, 1)))
    return tf.clip_by_value(angle, 1e-12, math.pi - 1e-6)


def _height(angle: tf.Tensor) -> tf.Tensor:
    """y = 1 - cos t."""
    return 2 * tf.sin(angle / 2) ** 2


def _log_sine(y: tf.Tensor) -> tf.Tensor:
    """log sin t at 1 - cos t = y > 0, precise around y = 1, where it is 0."""
    small = tf.math.log(tf.maximum(y * (2 - y), 1e-24))
    return tf.where(y < 0.5, small, tf.math.log1p(-(tf.minimum(1 - y, 0.5) ** 2))) / 2


def _along_arc(start: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The changes of y and of log sin t by a step along the circle."""
    half = tf.sin(step / 2)
    across, along = 2 * half**2, 2 * half * tf.cos(step / 2)
    change = tf.cos(start) * across + tf.sin(start) * along
    growth = along * tf.cos(start) / tf.sin(start) - across
    return change, tf.math.log1p(tf.maximum(growth, -1 + 2.0**-23))


def _rule(dtype: tf.DType) -> tuple[tf.Tensor, tf.Tensor]:
    """Gauss-Legendre nodes and weights on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(_NUM_NODES[dtype])
    return tf.constant((nodes + 1) / 2, dtype), tf.constant(weights / 2, dtype)
