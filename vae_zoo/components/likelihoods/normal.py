"""The normal likelihood, and how its scale follows the residuals."""

from collections.abc import Sequence
from typing import Unpack

import keras
import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from vae_zoo.arguments import Config, check_flag, check_number
from vae_zoo.components import replicas
from vae_zoo.components.heads import built_projection, positive
from vae_zoo.components.likelihoods.likelihood import Likelihood
from vae_zoo.tensors import BatchShape, LayerOptions

# The weight of the latest batch in the moving mean of squared residuals, which lags by
# five batches. With a hundred rows the error of the scale is below a percent.
SHARE_OF_LATEST = 0.2
# The least excess over `min_scale`, as a share of it, if all residuals are 0.
SMALLEST_EXCESS = 1e-3


@keras.saving.register_keras_serializable("vae_zoo")
class Normal(Likelihood):
    """Real-valued elements N(loc(z), scale^2).

    A learned scale that does not depend on z follows the residuals x - loc(z): it is
    the root of the moving mean of their squares, the optimum in closed form, starting
    from the first batch. Each training step updates it, without a gradient. The density
    stays normalized, since outside of training an example is never scored with its own
    residuals.

    Args:
        scale: the standard deviation in units of the data, if it is fixed. None
            (default): a learned one for all elements.
        per_element: whether each element has its own standard deviation, a function of
            z.
        per_channel: whether each index of the last axis has its own learned standard
            deviation: the columns of a table, the channels of an image.
        min_scale: lower bound of a learned scale, in units of the data; without it the
            likelihood of data that repeat exactly would be unbounded.
        name: the layer's name.
        **kwargs: what every Keras layer takes.

    Raises:
        ValueError: if a number is not positive and finite, or more than one of
            `scale`, `per_element` and `per_channel` is given.

    Source: Kingma & Welling 2014, appendix C.2; the learned scale: Rybkin, Daniilidis
    & Levine 2021, section 3.2, which uses each batch separately.
    """

    def __init__(
        self,
        scale: float | None = None,
        *,
        per_element: bool = False,
        per_channel: bool = False,
        min_scale: float = 1e-3,
        name: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        if scale is not None:
            scale = check_number("scale", scale, "a standard deviation", above=0)
        self.scale = scale
        self.per_element = check_flag("per_element", per_element)
        self.per_channel = check_flag("per_channel", per_channel)
        self.min_scale = check_number(
            "min_scale", min_scale, "the smallest standard deviation", above=0
        )
        if (scale is not None) + self.per_element + self.per_channel > 1:
            raise ValueError(
                "Only one of `scale`, `per_element` and `per_channel` may be given: "
                f"a fixed scale or a learned one. Received: scale={scale}, "
                f"per_element={per_element}, per_channel={per_channel}"
            )

    @property
    def follows_residuals(self) -> bool:
        """Whether the scale is learned and does not depend on z."""
        return self.scale is None and not self.per_element

    def build(self, features_shape: BatchShape, event_shape: Sequence[int]) -> None:
        """Features [B, ...] to events `event_shape`."""
        super().build(features_shape, event_shape)
        # With a random start of loc, the first residuals and the scale that follows
        # them would have another size than the data.
        self.loc = built_projection(
            features_shape, event_shape, "loc", starts_at_zero=self.follows_residuals
        )
        if self.per_element:
            self.raw_scale = built_projection(features_shape, event_shape, "raw_scale")
        elif self.follows_residuals:
            # Stays exactly 0 until the first batch.
            self.raw_shared_scale = self.add_weight(
                name="raw_shared_scale",
                shape=self.event_shape[-1:] if self.per_channel else (),
                initializer="zeros",
                trainable=False,
                # All replicas compute the same value.
                aggregation="only_first_replica",
            )

    def call(self, features: tf.Tensor) -> dict[str, tf.Tensor]:
        """`loc` [B, *event_shape] and `scale`, of the same shape, [1, …, C] or []."""
        if self.per_element:
            scale = positive(self.raw_scale(features), self.min_scale)
        elif self.follows_residuals:
            scale = self._for_all_rows(self._learned_scale())
        else:
            scale = tf.constant(self.scale, tf.float32)
        return {"loc": self.loc(features), "scale": scale}

    def _learned_scale(self) -> tf.Tensor:
        raw = tf.convert_to_tensor(self.raw_shared_scale)
        return positive(raw, self.min_scale)

    def _for_all_rows(self, scale: tf.Tensor) -> tf.Tensor:
        """A scale [C] of the last axis as [1, …, C], the same for every row."""
        if not self.per_channel:
            return scale
        return tf.reshape(scale, [1] * len(self.event_shape) + [-1])

    def in_training(
        self, x: tf.Tensor, parameters: dict[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """As in `Likelihood`.

        Until a first batch has set the scale, the present batch's own residuals set it,
        whatever their weights.
        """
        if not (self.follows_residuals and self.trainable):
            return parameters
        squares = self._squared_residuals(x, parameters["loc"])
        own, _ = _means(squares, tf.ones(tf.shape(squares)[:1]))
        own = tf.stop_gradient(tf.maximum(tf.sqrt(own), self.min_scale))
        own = tf.reshape(self._for_all_rows(own), parameters["scale"].shape)
        is_unset = tf.reshape(
            self._for_all_rows(self._is_unset()), parameters["scale"].shape
        )
        return {**parameters, "scale": tf.where(is_unset, own, parameters["scale"])}

    def _squared_residuals(self, x: tf.Tensor, loc: tf.Tensor) -> tf.Tensor:
        """Mean squares by row, and by channel if these have scales: [B] or [B, C]."""
        squares = tf.stop_gradient(x - loc) ** 2
        num_draws = squares.shape.rank - 1 - len(self.event_shape)
        last = squares.shape.rank - (1 if self.per_channel else 0)
        others = [*range(num_draws), *range(num_draws + 1, last)]
        return tf.reduce_mean(squares, axis=others)

    def learn(
        self, x: tf.Tensor, p: tfd.Independent, sample_weight: tf.Tensor | None = None
    ) -> None:
        """As in `Likelihood`: moves the scale towards the batch's.

        A batch with weights w and squared residuals r moves the squared scale s by a
        share of mean(w r) - mean(w) s. For any batch size, this is 0 on average if s is
        sum(w r) / sum(w) over all data.
        """
        if not (self.follows_residuals and self.trainable):
            return
        squares = self._squared_residuals(x, p.distribution.loc)
        if sample_weight is None:
            weights = tf.ones(tf.shape(squares)[:1])
        else:
            weights = tf.reshape(tf.cast(sample_weight, tf.float32), [-1])
        latest, weight = _means(squares, weights)
        before = self._learned_scale() ** 2
        share = tf.minimum(SHARE_OF_LATEST * weight, 1.0)
        moved = before + share * (latest - before)
        scale = tf.sqrt(tf.where(self._is_unset(), latest, moved))
        excess = tf.maximum(scale - self.min_scale, SMALLEST_EXCESS * self.min_scale)
        raw = tfp.math.softplus_inverse(excess)
        # If all weights are 0 there is nothing to learn.
        self.raw_shared_scale.assign(tf.where(weight > 0, raw, self.raw_shared_scale))

    def _is_unset(self) -> tf.Tensor:
        return tf.equal(self.raw_shared_scale, 0.0)

    def element(self, loc: tf.Tensor, scale: tf.Tensor) -> tfd.Normal:
        """`tfd.Normal`."""
        return tfd.Normal(loc, scale)

    def draw_given_noisy(
        self,
        y: tf.Tensor,
        noise: float,
        seed: tf.Tensor,
        *,
        loc: tf.Tensor,
        scale: tf.Tensor,
    ) -> tf.Tensor:
        """As in `Likelihood`; `noise` is the standard deviation of normal noise."""
        share = scale**2 / (scale**2 + noise**2)
        posterior = tfd.Normal(loc + share * (y - loc), noise * tf.sqrt(share))
        return self.inverted(posterior, seed)

    def draw_given_mean(
        self, mean: tf.Tensor, seed: tf.Tensor, *, loc: tf.Tensor, scale: tf.Tensor
    ) -> tf.Tensor:
        """As in `Likelihood`: a free draw, its error shared out by the variances."""
        x = self.element(loc, scale).sample(seed=seed)
        error = mean - tf.reduce_mean(x, axis=-1)
        variance = tf.broadcast_to(scale, tf.shape(x)) ** 2
        share = variance / tf.reduce_mean(variance, axis=-1, keepdims=True)
        return x + share * error[..., None]

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "scale": self.scale,
            "per_element": self.per_element,
            "per_channel": self.per_channel,
            "min_scale": self.min_scale,
        }


def _means(values: tf.Tensor, weights: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The mean of w v for rows v [B, ...] and weights w [B], and the mean of w.

    Under a distribution strategy they are over all replicas' rows, the same on each.
    """
    rank = values.shape.rank
    shaped = tf.reshape(weights, [-1] + [1] * (rank - 1))
    sums = (
        tf.reduce_sum(shaped * values, axis=0),
        tf.reduce_sum(weights),
        tf.cast(tf.size(weights), tf.float32),
    )
    flat = tf.concat([tf.reshape(each, [-1]) for each in sums], axis=0)
    flat = replicas.total(flat)
    total = tf.reshape(flat[:-2], values.shape[1:])
    weight = tf.math.divide_no_nan(flat[-2], flat[-1])
    return tf.math.divide_no_nan(total, flat[-2]), weight
