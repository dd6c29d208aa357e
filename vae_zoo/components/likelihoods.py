"""Likelihoods p(x|z): what one element of the data is, given the latents."""

import math

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from vae_zoo.components.heads import Head, built_projection, positive
from vae_zoo.components.value_rule import ValueRule
from vae_zoo.distributions import bernoulli
from vae_zoo.distributions.bernoulli_given_sum import BernoulliGivenSum
from vae_zoo.distributions.noise import uniform

tfd = tfp.distributions


class Likelihood(Head):
    """Independent elements, each from one family.

    Attributes:
        support: the bounds of the data.
        is_binary: whether the data can only be the two bounds.
    """

    support = (-math.inf, math.inf)
    is_binary = False

    def build(self, features_shape, event_shape):
        """Features [B, ...] to events `event_shape`."""
        self.event_shape = tuple(event_shape)

    def element(self, **parameters):
        """The distribution of the elements, batch [B, *event_shape]."""
        raise NotImplementedError

    def distribution(self, **parameters):
        """`tfd.Independent`, batch [B], event `event_shape`."""
        return tfd.Independent(
            self.element(**parameters),
            reinterpreted_batch_ndims=len(self.event_shape),
        )

    def value_rule(self):
        """The values that data may take under this likelihood."""
        return ValueRule(*self.support, owner=type(self).__name__)

    def draw(self, seed, **parameters):
        """A draw of the elements x.

        Args:
            seed: int32 [2], or one for each row, [B, 2].
            **parameters: those of p(x|z).

        Returns:
            Float32 [B, *event_shape].
        """
        return self.inverted(self.element(**parameters), seed)

    def inverted(self, element, seed):
        """A draw of each element by the inverse of its distribution function."""
        shape = element.batch_shape_tensor()
        share = uniform(shape, seed, event_rank=len(self.event_shape))
        # At 0 the quantile of a normal is infinite.
        return element.quantile(tf.maximum(share, 2.0**-25))

    def draw_given_noisy(self, y, noise, seed, **parameters):
        """A draw of the elements x, known but for noise.

        Args:
            y: float [B, *event_shape], x with noise on each element.
            noise: what the family takes for it, a number.
            seed: as in `draw`.
            **parameters: those of p(x|z).

        Returns:
            Float32 [B, *event_shape].
        """
        raise ValueError(self._has_no("noise model"))

    def draw_given_mean(self, mean, seed, **parameters):
        """A draw of groups of elements x [..., n] of which the means are known.

        Args:
            mean: float [...].
            seed: int32 [2].
            **parameters: those of p(x|z), [..., n] each.

        Returns:
            Float32 [..., n].
        """
        raise ValueError(self._has_no("way to draw elements of a known mean"))

    def _has_no(self, what):
        return (
            f"`model` must have a likelihood with a {what}, as Bernoulli and Normal "
            f"have. Received: {type(self).__name__}"
        )


class _FromLogits(Likelihood):
    """A family of one parameter on [0, 1], given by its logits."""

    support = (0.0, 1.0)

    def build(self, features_shape, event_shape):
        """Features [B, ...] to events `event_shape`."""
        super().build(features_shape, event_shape)
        self.logits = built_projection(features_shape, event_shape, "logits")

    def call(self, features):
        """`logits` [B, *event_shape]."""
        return {"logits": self.logits(features)}


@keras.saving.register_keras_serializable("vae_zoo")
class Bernoulli(_FromLogits):
    """Binary elements. Values between 0 and 1 are taken as probabilities.

    That is no likelihood of grey values: binarize them, or use
    `ContinuousBernoulli`.

    Source: Kingma & Welling 2014, appendix C.1.
    """

    is_binary = True

    def element(self, logits):
        """`tfd.Bernoulli` with float samples."""
        return bernoulli.Bernoulli(logits=logits, dtype=tf.float32)

    def draw_given_noisy(self, y, noise, seed, *, logits):
        """As in `Likelihood`; `noise` is the probability that an element flips."""
        evidence = math.log1p(-noise) - math.log(noise)
        return self.draw(seed, logits=logits + (2 * y - 1) * evidence)

    def draw_given_mean(self, mean, seed, *, logits):
        """As in `Likelihood`; n times the mean is the number of ones, an integer."""
        total = tf.round(mean * logits.shape[-1])
        return BernoulliGivenSum(logits, total).sample(seed=seed)


@keras.saving.register_keras_serializable("vae_zoo")
class ContinuousBernoulli(_FromLogits):
    """Grey values in [0, 1], with the normalizer that Bernoulli lacks there.

    Source: Loaiza-Ganem & Cunningham 2019.
    """

    def element(self, logits):
        """`tfd.ContinuousBernoulli`."""
        return tfd.ContinuousBernoulli(logits=logits)

    def draw_given_noisy(self, y, noise, seed, *, logits):
        """As in `Likelihood`; `noise` is the standard deviation of normal noise.

        exp(logits x) N(y; x, noise^2) on [0, 1] is a truncated normal.
        """
        loc = y + noise**2 * logits
        return self.inverted(tfd.TruncatedNormal(loc, noise, *self.support), seed)


@keras.saving.register_keras_serializable("vae_zoo")
class Normal(Likelihood):
    """Real-valued elements N(loc(z), scale^2).

    Args:
        scale: the standard deviation in units of the data, if it is fixed.
            None (default): learned, one for all elements.
        per_element: True: each element has a standard deviation of its own, a
            function of z.
        min_scale: lower bound of a learned scale; without one the likelihood of
            data that repeat exactly is unbounded.

    Raises:
        ValueError: if `scale` is not positive or given along with
            `per_element`, or `min_scale` is not positive.

    Source: Kingma & Welling 2014, appendix C.2.
    """

    def __init__(
        self, scale=None, *, per_element=False, min_scale=1e-3, name=None, **kwargs
    ):
        super().__init__(name=name, **kwargs)
        if scale is not None and not scale > 0:
            raise ValueError(
                "`scale` must be None (learned) or a positive standard deviation. "
                f"Received: scale={scale}"
            )
        if scale is not None and per_element:
            raise ValueError(
                "`scale` must be None when `per_element` is True: the scale is "
                f"learned. Received: scale={scale}"
            )
        if not min_scale > 0:
            raise ValueError(
                f"`min_scale` must be positive. Received: min_scale={min_scale}"
            )
        self.scale = scale
        self.per_element = per_element
        self.min_scale = min_scale

    def build(self, features_shape, event_shape):
        """Features [B, ...] to events `event_shape`."""
        super().build(features_shape, event_shape)
        self.loc = built_projection(features_shape, event_shape, "loc")
        if self.per_element:
            self.raw_scale = built_projection(features_shape, event_shape, "raw_scale")
        elif self.scale is None:
            self.raw_shared_scale = self.add_weight(
                name="raw_shared_scale", shape=(), initializer="zeros"
            )

    def call(self, features):
        """`loc` [B, *event_shape] and `scale`, of the same shape or []."""
        if self.per_element:
            scale = positive(self.raw_scale(features), self.min_scale)
        elif self.scale is None:
            raw = tf.convert_to_tensor(self.raw_shared_scale)
            scale = positive(raw, self.min_scale)
        else:
            scale = tf.constant(self.scale, tf.float32)
        return {"loc": self.loc(features), "scale": scale}

    def element(self, loc, scale):
        """`tfd.Normal`."""
        return tfd.Normal(loc, scale)

    def draw_given_noisy(self, y, noise, seed, *, loc, scale):
        """As in `Likelihood`; `noise` is the standard deviation of normal noise."""
        share = scale**2 / (scale**2 + noise**2)
        posterior = tfd.Normal(loc + share * (y - loc), noise * tf.sqrt(share))
        return self.inverted(posterior, seed)

    def draw_given_mean(self, mean, seed, *, loc, scale):
        """As in `Likelihood`: a draw of all, and its error spread by the variances."""
        x = self.element(loc, scale).sample(seed=seed)
        error = mean - tf.reduce_mean(x, axis=-1)
        variance = tf.broadcast_to(scale, tf.shape(x)) ** 2
        share = variance / tf.reduce_mean(variance, axis=-1, keepdims=True)
        return x + share * error[..., None]

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "scale": self.scale,
            "per_element": self.per_element,
            "min_scale": self.min_scale,
        }
