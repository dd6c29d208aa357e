"""The bound from Renyi's divergence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import keras
import tensorflow as tf

from vae_zoo.arguments import Config, check_count, check_number
from vae_zoo.components.draw import total
from vae_zoo.components.objectives.objective import Objective
from vae_zoo.tensors import LayerOptions

if TYPE_CHECKING:
    from vae_zoo.fitting.step import Step


@keras.saving.register_keras_serializable("vae_zoo")
class Renyi(Objective):
    """-1 / (1 - alpha) log (1/K) sum_k w_k^(1 - alpha), w = p(x, z) / q(z|x).

    alpha = 1 is the evidence lower bound, alpha = 0 the importance-weighted bound. For
    alpha >= 0 it is a lower bound of log p(x) in expectation. For alpha < 0 it is an
    upper bound for many draws; for few draws it can be either.

    Args:
        alpha: the order, any finite number.
        num_samples: K, the draws of the latents for each example.
        name: the layer's name.
        **kwargs: what every Keras layer takes.

    Raises:
        ValueError: if `alpha` is no finite number, or `num_samples` is below 1.

    Source: Li & Turner 2016, equation 7.
    """

    def __init__(
        self,
        *,
        alpha: float = 0.5,
        num_samples: int = 5,
        name: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.alpha = check_number("alpha", alpha, "the order of the divergence")
        self.num_samples = check_count(
            "num_samples", num_samples, 1, "the draws for each example"
        )

    def loss(self, step: Step) -> tf.Tensor:
        """See `Objective`."""
        log_w = total(step.log_joint()) - total(step.log_q())  # [K, B]
        order = 1.0 - self.alpha
        if order == 0:
            return -tf.reduce_mean(log_w, axis=0)
        powers = order * log_w
        # Near order 1, dividing by 1 - alpha would magnify the rounding of a plain sum.
        largest = tf.stop_gradient(tf.reduce_max(powers, axis=0))
        less = tf.reduce_mean(tf.math.expm1(powers - largest), axis=0)
        return -(largest + tf.math.log1p(less)) / order

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "alpha": self.alpha,
            "num_samples": self.num_samples,
        }
