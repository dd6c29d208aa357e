"""Likelihoods of elements in [0, 1]: binary elements and grey values."""

import math
from collections.abc import Sequence

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from vae_zoo.components.heads import built_projection
from vae_zoo.components.likelihoods.likelihood import Likelihood
from vae_zoo.distributions import bernoulli, continuous_bernoulli
from vae_zoo.distributions.bernoulli_given_sum import BernoulliGivenSum
from vae_zoo.distributions.truncated_normal import TruncatedNormal
from vae_zoo.tensors import BatchShape


class _FromLogits(Likelihood):
    """A one-parameter family on [0, 1], parameterized by logits."""

    support = (0.0, 1.0)

    def build(self, features_shape: BatchShape, event_shape: Sequence[int]) -> None:
        """Features [B, ...] to events `event_shape`."""
        super().build(features_shape, event_shape)
        self.logits = built_projection(features_shape, event_shape, "logits")

    def call(self, features: tf.Tensor) -> dict[str, tf.Tensor]:
        """`logits` [B, *event_shape]."""
        return {"logits": self.logits(features)}


@keras.saving.register_keras_serializable("vae_zoo")
class Bernoulli(_FromLogits):
    """Binary elements. Values between 0 and 1 are taken as probabilities.

    Probabilities are not a likelihood of grey values: binarize those, or use
        `ContinuousBernoulli`.

    Source: Kingma & Welling 2014, appendix C.1.
    """

    is_binary = True

    def element(self, logits: tf.Tensor) -> tfd.Distribution:
        """`tfd.Bernoulli` with float samples."""
        return bernoulli.Bernoulli(logits=logits, dtype=tf.float32)

    def draw_given_noisy(
        self, y: tf.Tensor, noise: float, seed: tf.Tensor, *, logits: tf.Tensor
    ) -> tf.Tensor:
        """As in `Likelihood`; `noise` is the probability that an element flips."""
        evidence = math.log1p(-noise) - math.log(noise)
        return self.draw(seed, logits=logits + (2 * y - 1) * evidence)

    def draw_given_mean(
        self, mean: tf.Tensor, seed: tf.Tensor, *, logits: tf.Tensor
    ) -> tf.Tensor:
        """As in `Likelihood`; n times the mean, the number of ones, is an integer."""
        total = tf.round(mean * logits.shape[-1])
        return BernoulliGivenSum(logits, total).sample(seed=seed)


@keras.saving.register_keras_serializable("vae_zoo")
class ContinuousBernoulli(_FromLogits):
    """Grey values in [0, 1], with the normalizer that `Bernoulli` lacks.

    Source: Loaiza-Ganem & Cunningham 2019.
    """

    def element(self, logits: tf.Tensor) -> tfd.Distribution:
        """`tfd.ContinuousBernoulli`."""
        return continuous_bernoulli.ContinuousBernoulli(logits=logits)

    def draw_given_noisy(
        self, y: tf.Tensor, noise: float, seed: tf.Tensor, *, logits: tf.Tensor
    ) -> tf.Tensor:
        """As in `Likelihood`; `noise` is the standard deviation of normal noise.

        exp(logits x) N(y; x, noise^2) on [0, 1] is a truncated normal.
        """
        loc = y + noise**2 * logits
        return self.inverted(TruncatedNormal(loc, noise, *self.support), seed)
