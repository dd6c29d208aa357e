"""The base of all likelihoods p(x|z)."""

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from vae_zoo.components.heads import Head
from vae_zoo.components.likelihoods.value_rule import ValueRule
from vae_zoo.distributions.noise import uniform
from vae_zoo.tensors import BatchShape


class Likelihood(Head):
    """Independent elements of one family of distributions.

    Attributes:
        support: the bounds of the data.
        is_binary: whether the data can only be the two bounds.
    """

    support = (-math.inf, math.inf)
    is_binary = False

    def build(self, features_shape: BatchShape, event_shape: Sequence[int]) -> None:
        """Features [B, ...] to events `event_shape`."""
        self.event_shape = tuple(event_shape)

    # `*args` for subclasses: see `Head.distribution`.
    def element(self, *args: Any, **parameters: Any) -> tfd.Distribution:
        """The distribution of the elements, batch [B, *event_shape]."""
        raise NotImplementedError

    def distribution(self, **parameters: tf.Tensor) -> tfd.Independent:
        """`tfd.Independent`, batch [B], event `event_shape`."""
        return tfd.Independent(
            self.element(**parameters),
            reinterpreted_batch_ndims=len(self.event_shape),
        )

    def point(self, p: tfd.Distribution) -> tf.Tensor:
        """The point summary of p(x|z), which `decode` returns: the mean.

        Args:
            p: what `distribution` returned.

        Returns:
            Float32 [..., *event_shape].
        """
        return p.mean()

    def in_training(
        self, x: tf.Tensor, parameters: dict[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """The parameters with which a training step scores x.

        Args:
            x: float [B, *event_shape].
            parameters: those of p(x|z), a dict of [..., B, *].
        """
        del x
        return parameters

    def learn(
        self, x: tf.Tensor, p: tfd.Independent, sample_weight: tf.Tensor | None = None
    ) -> None:
        """Updates the weights that have no gradient, once for each training step.

        Args:
            x: float [B, *event_shape].
            p: p(x|z) as the step scored it, batch [K, B].
            sample_weight: [B], or None.
        """

    def value_rule(self) -> ValueRule:
        """The values that data may take under this likelihood."""
        return ValueRule(*self.support, owner=type(self).__name__)

    def draw(self, seed: tf.Tensor, **parameters: tf.Tensor) -> tf.Tensor:
        """A draw of the elements x.

        Args:
            seed: int32 [2], or one for each row, [B, 2].
            **parameters: those of p(x|z).

        Returns:
            Float32 [B, *event_shape].
        """
        return self.inverted(self.element(**parameters), seed)

    def inverted(self, element: tfd.Distribution, seed: tf.Tensor) -> tf.Tensor:
        """A draw of each element by the inverse distribution function."""
        shape = element.batch_shape_tensor()
        share = uniform(shape, seed, event_rank=len(self.event_shape))
        # A normal's quantile at 0 is infinite.
        return element.quantile(tf.maximum(share, 2.0**-25))

    def draw_given_noisy(
        self, y: tf.Tensor, noise: float, seed: tf.Tensor, *args: Any, **parameters: Any
    ) -> tf.Tensor:
        """A draw of the elements x given x with noise.

        Args:
            y: float [B, *event_shape], x with noise on each element.
            noise: the size of the noise, a number; its meaning depends on the family.
            seed: as in `draw`.
            **parameters: those of p(x|z).

        Returns:
            Float32 [B, *event_shape].
        """
        raise ValueError(self._has_no("noise model"))

    def draw_given_mean(
        self, mean: tf.Tensor, seed: tf.Tensor, *args: Any, **parameters: Any
    ) -> tf.Tensor:
        """A draw of groups of elements x [..., n] given their means.

        Args:
            mean: float [...].
            seed: int32 [2].
            **parameters: those of p(x|z), [..., n] each.

        Returns:
            Float32 [..., n].
        """
        raise ValueError(self._has_no("way to draw elements of a known mean"))

    def _has_no(self, what: str) -> str:
        return (
            f"`model` must have a likelihood with a {what}, as Bernoulli and Normal "
            f"have. Received: {type(self).__name__}"
        )
