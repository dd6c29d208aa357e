"""The wake-sleep algorithm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import keras
import tensorflow as tf

from vae_zoo.components import replicas
from vae_zoo.components.draw import total
from vae_zoo.components.objectives.gradients import GradientScale
from vae_zoo.components.objectives.objective import Objective
from vae_zoo.components.posteriors.posterior import check_density
from vae_zoo.tensors import LayerOptions

if TYPE_CHECKING:
    from vae_zoo.fitting.step import Step
    from vae_zoo.models.vae import VAE


@keras.saving.register_keras_serializable("vae_zoo")
class WakeSleep(Objective):
    """-log p(x, z) for z ~ q(z|x), and -log q(z'|x') for (x', z') ~ p, both at once.

    The wake term trains the decoder and the prior. The sleep term trains the encoder,
    on one dream (x', z') per example, whatever the examples' weights. Weights shared by
    both learn from both. Neither term follows the bound, and together they do not
    minimize any function.

    Args:
        name: the layer's name.
        **kwargs: what every Keras layer takes.

    Raises:
        ValueError: if the posterior cannot be evaluated at given latents.

    Source: Hinton et al. 1995.
    """

    def __init__(
        self, *, name: str | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(name=name, **kwargs)

    def build(self, model: VAE) -> None:
        """Refuses a posterior without a density at the latents of a dream."""
        check_density(model, "WakeSleep, whose q learns from draws of p(x, z)")

    def loss(self, step: Step) -> tf.Tensor:
        """See `Objective`."""
        scale = GradientScale()
        scale.factor = 0.0
        step.pass_draw_through(scale)
        awake = -total(step.log_joint())[0]
        asleep = -total(step.log_q_of_dream())[0]
        # Sample weights multiply the loss of each example, but dreams have none.
        dreams = replicas.weighted_mean(asleep)
        if step.sample_weight is not None:
            mean_weight = replicas.weighted_mean(step.sample_weight)
            dreams = tf.math.divide_no_nan(dreams, mean_weight)
        return awake + dreams
