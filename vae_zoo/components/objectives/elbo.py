"""The evidence lower bound, with or without weights of its two terms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Unpack

import keras
import tensorflow as tf

from vae_zoo.arguments import Config, check_count, check_flag
from vae_zoo.components.objectives.number import Number
from vae_zoo.components.objectives.objective import Objective
from vae_zoo.components.schedules import Iteration, ScheduleLike
from vae_zoo.tensors import LayerOptions

if TYPE_CHECKING:
    from vae_zoo.fitting.step import Step
    from vae_zoo.models.vae import VAE


@keras.saving.register_keras_serializable("vae_zoo")
class Elbo(Objective):
    """-log p(x|z) + beta KL, or with a capacity C -log p(x|z) + beta |KL - C|.

    With a capacity, KL is the mean over the batch of all replicas, weighted by the
    sample weights if there are any.

    Args:
        beta: weight of the KL, >= 0; a number or a schedule, that is, a serializable
            function of the optimizer's step (`components.schedules`). With a capacity
            this is the gamma of Burgess et al.
        free_bits: nats of the batch's mean KL that are free for each latent variable,
            >= 0; a number or a schedule.
        capacity: None, or C in nats, >= 0; a number or a schedule.
        normalized: whether `beta` is the normalized weight beta_norm = beta M / N of
            Higgins et al., M = latent_dim, N the number of observed elements.
        num_samples: L, the draws of the latents for each example.
        closed_form: whether to use the KL in closed form where there is one, the
            estimator B of Kingma & Welling; False: log q(z|x) - log p(z) of the draws,
            their estimator A.
        name: the layer's name.
        **kwargs: what every Keras layer takes.

    Raises:
        ValueError: if a number is negative, `num_samples` is below 1, or both a
            capacity and free bits are given.

    Source: Kingma & Welling 2014, equations 6 and 7; beta: Higgins et al. 2017,
    equation 4; capacity: Burgess et al. 2018, equation 8; free bits: Kingma et al.
    2016, appendix C.8.
    """

    beta = Number()
    free_bits = Number(is_off_at_zero=True)
    capacity = Number(is_optional=True)

    def __init__(
        self,
        *,
        beta: float | ScheduleLike = 1.0,
        free_bits: float | ScheduleLike = 0.0,
        capacity: float | ScheduleLike | None = None,
        normalized: bool = False,
        num_samples: int = 1,
        closed_form: bool = True,
        name: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.beta, self.free_bits, self.capacity = beta, free_bits, capacity
        self._is_normalized = check_flag("normalized", normalized)
        self.num_samples = check_count(
            "num_samples", num_samples, 1, "the draws for each example"
        )
        self.closed_form = check_flag("closed_form", closed_form)

    def check_numbers(self, values: Mapping[str, float | ScheduleLike | None]) -> None:
        """Refuses free bits with a capacity, which already sets the free nats."""
        free_bits, capacity = values.get("free_bits", 0.0), values.get("capacity")
        if capacity is not None and free_bits != 0.0:
            raise ValueError(
                "`free_bits` must be 0 with a `capacity`, which says itself how many "
                f"nats are free. Received: free_bits={free_bits}, capacity={capacity}"
            )

    @property
    def normalized(self) -> bool:
        """Whether `beta` is the normalized weight; fixed by the constructor."""
        return self._is_normalized

    def build(self, model: VAE) -> None:
        """Reads the model's sizes, which normalize `beta`."""
        self._unit = math.prod(model.input_shape) / model.latent_dim

    def kl_weight(self, iteration: Iteration) -> tf.Tensor:
        """The weight of the KL at an optimizer's step, a scalar."""
        beta: tf.Tensor = self.number("beta", iteration)
        return beta * self._unit if self.normalized else beta

    def loss(self, step: Step) -> tf.Tensor:
        """See `Objective`."""
        kl = self._kl(step)
        if self.capacity is not None:
            kl = tf.abs(step.mean(kl) - self.number("capacity", step.iteration))
        return self.kl_weight(step.iteration) * kl - step.terms["log_likelihood"]

    def _kl(self, step: Step) -> tf.Tensor:
        """The KL of all latents, [B], without its free nats."""
        if self.closed_form and self.free_bits == 0.0:
            return step.terms["kl"]
        free_bits = self.number("free_bits", step.iteration)
        total = 0.0
        for kl in step.divergences(closed_form=self.closed_form).values():
            kl = tf.reduce_mean(kl, axis=0)
            # Below the free bits, the mean over the batch has no gradient.
            total += kl + tf.nn.relu(free_bits - step.mean(kl))
        return total

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "normalized": self.normalized,
            "num_samples": self.num_samples,
            "closed_form": self.closed_form,
        }
