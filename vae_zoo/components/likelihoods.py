"""Likelihoods p(x|z): what one element of the data is, given the latents."""

import math

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from vae_zoo.components.heads import Head, built_projection, positive
from vae_zoo.components.value_rule import ValueRule

tfd = tfp.distributions


class Likelihood(Head):
    """Independent elements, each from one family; `support` bounds the data."""

    support = (-math.inf, math.inf)

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

    def element(self, logits):
        """`tfd.Bernoulli` with float samples."""
        return tfd.Bernoulli(logits=logits, dtype=tf.float32)


@keras.saving.register_keras_serializable("vae_zoo")
class ContinuousBernoulli(_FromLogits):
    """Grey values in [0, 1], with the normalizer that Bernoulli lacks there.

    Source: Loaiza-Ganem & Cunningham 2019.
    """

    def element(self, logits):
        """`tfd.ContinuousBernoulli`."""
        return tfd.ContinuousBernoulli(logits=logits)


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

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "scale": self.scale,
            "per_element": self.per_element,
            "min_scale": self.min_scale,
        }
