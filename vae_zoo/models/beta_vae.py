"""The beta-VAE: the two terms of the bound, weighed."""

import math

import keras
import tensorflow as tf

from vae_zoo.arguments import check_flag
from vae_zoo.models.elbo_model import weighted_mean
from vae_zoo.models.kl_weight import Weight, at_present_step, check_weights
from vae_zoo.models.vae import VAE, serialized


@keras.saving.register_keras_serializable("vae_zoo")
class BetaVAE(VAE):
    """A VAE trained with the KL term times beta, or held at a capacity.

    The objective is -log p(x|z) + beta KL, or with a capacity C
    -log p(x|z) + beta |KL - C|, KL in the latter being the mean over the batch, that of
    all replicas, by sample weights where there are any. Only
    training knows of it: `elbo`, `evaluate` and `val_loss` stay at beta = 1.

    Args:
        input_shape: as in `VAE`.
        latent_dim: as in `VAE`.
        beta: weight of the KL term, >= 0; a number or a schedule, that is, a
            serializable function of the optimizer's step
            (`components.schedules`). With a capacity this is the gamma of
            Burgess et al. It may be set later, as `capacity` may: `model.beta = 4.0`
            counts from the next step on.
        normalized: True: `beta` is the normalized weight beta_norm = beta M / N
            of Higgins et al., M = latent_dim, N the number of observed elements.
        capacity: None, or C in nats, >= 0; a number or a schedule.
        **kwargs: as in `VAE`.

    Raises:
        ValueError: if `beta` or `capacity` is negative, or as in `VAE`.

    Source: Higgins et al. 2017, equation 4; Burgess et al. 2018, equation 8.
    """

    objective_weights = ("beta", "capacity")
    beta = Weight()
    capacity = Weight(is_optional=True)

    def __init__(
        self,
        input_shape,
        latent_dim,
        *,
        beta=1.0,
        normalized=False,
        capacity=None,
        **kwargs,
    ):
        check_weights(self, beta=beta, capacity=capacity)
        check_flag("normalized", normalized)
        super().__init__(input_shape, latent_dim, **kwargs)
        self.beta = beta
        self._is_normalized = bool(normalized)
        self.capacity = capacity

    @property
    def normalized(self):
        """Whether `beta` is the normalized weight; fixed by the constructor."""
        return self._is_normalized

    def kl_weight(self):
        """The weight of the KL term at the optimizer's present step."""
        beta = at_present_step(self, "beta")
        if self.normalized:
            return beta * (math.prod(self.input_shape) / self.latent_dim)
        return beta

    def objective(self, terms, y=None, sample_weight=None):
        """-log p(x|z) plus the weighed KL term, per example: float32 [B], nats."""
        kl = terms["kl"]
        if self.capacity is not None:
            mean = weighted_mean(kl, sample_weight)
            kl = tf.abs(mean - at_present_step(self, "capacity"))
        return self.kl_weight() * kl - terms["log_likelihood"]

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "beta": serialized(self.beta),
            "normalized": self.normalized,
            "capacity": serialized(self.capacity),
        }
