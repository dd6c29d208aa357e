"""Bounds from several importance weights per example, and their gradients."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, Unpack

import keras
import tensorflow as tf

from vae_zoo.arguments import (
    Config,
    check_choice,
    check_count,
    check_flag,
    check_number,
)
from vae_zoo.components.draw import total
from vae_zoo.components.objectives.gradients import GradientScale, with_gradient_of
from vae_zoo.components.objectives.objective import Objective
from vae_zoo.components.posteriors.posterior import check_density
from vae_zoo.tensors import LayerOptions

if TYPE_CHECKING:
    from vae_zoo.fitting.step import Step
    from vae_zoo.models.vae import VAE

GRADIENTS = ("reparameterized", "sticking-the-landing", "doubly-reparameterized")
# The least weight to divide by, so that quotients stay finite.
_LEAST_WEIGHT = 1e-30


@keras.saving.register_keras_serializable("vae_zoo")
class ImportanceWeighted(Objective):
    """-mean_m log (1/K) sum_k w_mk, w = p(x, z) / q(z|x), of M K draws per example.

    The encoder's gradient has several estimators:

    - "reparameterized": that of the value. Its signal falls below its noise as K grows.
    - "sticking-the-landing": without the score of q, so it is zero where q is the exact
      posterior. It is biased for K > 1.
    - "doubly-reparameterized": unbiased, and also zero there.

    The last two evaluate q again at its own draws.

    Args:
        num_samples: K, the weights of a bound.
        gradient: the estimator of the encoder's gradient.
        num_bounds: M, the independent bounds to average (MIWAE).
        elbo_share: share of the plain bound in a mixture with this one, in [0, 1]
            (CIWAE).
        joint_decoder: whether the decoder and the prior follow the single bound of all
            M K weights, and the encoder the mean of the M (PIWAE).
        name: the layer's name.
        **kwargs: what every Keras layer takes.

    Raises:
        ValueError: if a number or the gradient is not as above, or the posterior cannot
            be evaluated at its own draws.

    Source: Burda et al. 2016, equation 8; Roeder et al. 2017; Tucker et al. 2019,
    equation 8; Rainforth et al. 2018, section 4.
    """

    def __init__(
        self,
        *,
        num_samples: int = 5,
        gradient: Literal[
            "reparameterized", "sticking-the-landing", "doubly-reparameterized"
        ] = "reparameterized",
        num_bounds: int = 1,
        elbo_share: float = 0.0,
        joint_decoder: bool = False,
        name: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self._num_weights = check_count("num_samples", num_samples, 1, "K")
        self.gradient = check_choice("gradient", gradient, GRADIENTS)
        self.num_bounds = check_count("num_bounds", num_bounds, 1, "M")
        self.elbo_share = check_number(
            "elbo_share", elbo_share, "of the plain bound", minimum=0, maximum=1
        )
        self.joint_decoder = check_flag("joint_decoder", joint_decoder)
        self.num_samples = self.num_bounds * self._num_weights

    def build(self, model: VAE) -> None:
        """Refuses a posterior that a gradient would evaluate where it cannot."""
        if self.gradient != "reparameterized":
            needed_by = f"the gradient {self.gradient!r}, which evaluates q anew"
            check_density(model, needed_by)

    def loss(self, step: Step) -> tf.Tensor:
        """See `Objective`."""
        scale = GradientScale()
        step.pass_draw_through(scale)
        stops = self.gradient != "reparameterized"
        log_q = total(step.log_q_along_draw if stops else step.log_q())
        log_p = total(step.log_joint())
        log_w = tf.stop_gradient(log_p - log_q)  # [M K, B]
        plain = self.elbo_share / self.num_samples
        own = (
            tf.nn.softmax(self._by_bound(log_w), axis=1) / self.num_bounds
        )  # [M, K, B]
        of_decoder = tf.nn.softmax(log_w, axis=0) if self.joint_decoder else own
        of_encoder = own
        if self.gradient == "doubly-reparameterized":
            of_encoder = self.num_bounds * own**2
        of_decoder, of_encoder = (
            plain + (1 - self.elbo_share) * tf.reshape(each, tf.shape(log_w))
            for each in (of_decoder, of_encoder)
        )
        of_decoder = tf.maximum(of_decoder, _LEAST_WEIGHT)
        scale.factor = of_encoder / of_decoder
        # The draw's own log q does not pass through the scale.
        of_log_q = of_decoder if stops else of_encoder
        surrogate = tf.reduce_sum(of_log_q * log_q - of_decoder * log_p, axis=0)
        return with_gradient_of(-self._bound(log_w), surrogate)

    def _by_bound(self, log_w: tf.Tensor) -> tf.Tensor:
        shape = tf.concat(
            [[self.num_bounds, self._num_weights], tf.shape(log_w)[1:]], 0
        )
        return tf.reshape(log_w, shape)

    def _bound(self, log_w: tf.Tensor) -> tf.Tensor:
        """The value, [B], which is the bound that the decoder follows."""
        groups = log_w[None] if self.joint_decoder else self._by_bound(log_w)
        bounds = tf.reduce_logsumexp(groups, axis=1) - math.log(groups.shape[1])
        share = self.elbo_share
        elbo = share * tf.reduce_mean(log_w, axis=0) if share else 0.0
        return elbo + (1 - share) * tf.reduce_mean(bounds, axis=0)

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "num_samples": self._num_weights,
            "gradient": self.gradient,
            "num_bounds": self.num_bounds,
            "elbo_share": self.elbo_share,
            "joint_decoder": self.joint_decoder,
        }
