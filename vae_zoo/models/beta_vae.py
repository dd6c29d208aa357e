"""The beta-VAE, which weights the two terms of the bound."""

from typing import Unpack

import keras

from vae_zoo.arguments import Config
from vae_zoo.components.objectives import Elbo
from vae_zoo.components.objectives.objective import Objective
from vae_zoo.components.schedules import ScheduleLike
from vae_zoo.models.constructor_options import VAEOptions
from vae_zoo.models.objective_options import (
    NumberOfObjective,
    chosen_objective,
    config_with_options,
)
from vae_zoo.models.vae import VAE


@keras.saving.register_keras_serializable("vae_zoo")
class BetaVAE(VAE):
    """A VAE trained with the KL term times beta, or held at a capacity.

    The objective is `components.objectives.Elbo`: -log p(x|z) + beta KL or, with a
    capacity C, -log p(x|z) + beta |KL - C|. In the latter, KL is the mean over the
    batch of all replicas, weighted by the sample weights if there are any. Only
    training uses it: `elbo`, `evaluate` and `val_loss` stay at beta = 1.

    Args:
        input_shape: as in `VAE`.
        latent_dim: as in `VAE`.
        beta: weight of the KL term, >= 0; a number or a schedule, that is, a
            serializable function of the optimizer's step
            (`components.schedules`). With a capacity this is the gamma of
            Burgess et al. It may be set later, as `capacity` may: `model.beta = 4.0`
            counts from the next step on.
        normalized: whether `beta` is the normalized weight beta_norm = beta M / N
            of Higgins et al., M = latent_dim, N the number of observed elements.
        capacity: C in nats, at which beta |KL - C| holds the KL, >= 0. None, a number
            or a schedule.
        **kwargs: as in `VAE`. An `objective` takes the place of `beta`, `normalized`
            and `capacity`.

    Raises:
        ValueError: if `beta` or `capacity` is negative or given with an `objective`, or
            as in `VAE`.

    Source: Higgins et al. 2017, equation 4; Burgess et al. 2018, equation 8.
    """

    beta = NumberOfObjective()
    capacity = NumberOfObjective()

    def __init__(
        self,
        input_shape: tuple[int, ...] | list[int],
        latent_dim: int,
        *,
        beta: float | ScheduleLike = 1.0,
        normalized: bool = False,
        capacity: float | ScheduleLike | None = None,
        objective: Objective | None = None,
        **kwargs: Unpack[VAEOptions],
    ) -> None:
        objective = chosen_objective(
            objective, Elbo, beta=beta, normalized=normalized, capacity=capacity
        )
        super().__init__(input_shape, latent_dim, objective=objective, **kwargs)

    @property
    def normalized(self) -> bool:
        """Whether `beta` is the normalized weight; fixed by the constructor."""
        return self.objective.normalized

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return config_with_options(
            super().get_config(),
            self.objective,
            Elbo,
            ("beta", "normalized", "capacity"),
        )
