"""The hyperspherical VAE: latents on the unit sphere."""

from typing import Unpack

import keras

from vae_zoo.arguments import Config
from vae_zoo.components.objectives import Elbo
from vae_zoo.components.objectives.objective import Objective
from vae_zoo.components.posteriors import Posterior, VonMisesFisher
from vae_zoo.components.priors import Prior, SphericalUniform
from vae_zoo.components.schedules import ScheduleLike
from vae_zoo.models.constructor_options import CommonOptions
from vae_zoo.models.objective_options import (
    NumberOfObjective,
    chosen_objective,
    config_with_options,
)
from vae_zoo.models.vae import VAE


@keras.saving.register_keras_serializable("vae_zoo")
class HypersphericalVAE(VAE):
    """p(z) uniform on the unit sphere, q(z|x) around a mean direction.

    `encode` returns the mean direction, and `interpolate` and `traverse` follow great
    circles. The prior treats all directions alike and pulls nothing to a centre. The KL
    is bounded by the nats that a direction can hold, so the model works best in few
    dimensions.

    Args:
        input_shape: as in `VAE`.
        latent_dim: length of the vector z, >= 2. The literature's d-dimensional
            sphere S^d has latent_dim = d + 1.
        posterior: q(z|x). `posteriors.VonMisesFisher()`, the default,
            `PowerSpherical()`, or a product of them (`components.products`).
        prior: p(z). Default `priors.SphericalUniform()`, or a product of them if the
            posterior is a product.
        beta: weight of the KL term in training, >= 0; a number or a schedule such as
            `components.schedules.Linear(0.0, 1.0, num_steps)`, a warm-up. `elbo`,
            `evaluate` and `val_loss` stay at beta = 1.
        **kwargs: as in `VAE`. An `objective` takes the place of `beta`.

    Raises:
        ValueError: if `latent_dim` is 1, `posterior` or `prior` is not on a sphere,
            `beta` is negative or given with an `objective`, or as in `VAE`.

    Source: Davidson et al. 2018; De Cao & Aziz 2020 (the power spherical posterior).
    """

    beta = NumberOfObjective()

    def __init__(
        self,
        input_shape: tuple[int, ...] | list[int],
        latent_dim: int,
        *,
        posterior: Posterior | None = None,
        prior: Prior | None = None,
        beta: float | ScheduleLike = 1.0,
        objective: Objective | None = None,
        **kwargs: Unpack[CommonOptions],
    ) -> None:
        objective = chosen_objective(objective, Elbo, beta=beta)
        prior = SphericalUniform() if prior is None else prior
        posterior = VonMisesFisher() if posterior is None else posterior
        if isinstance(prior, Prior) and prior.geometry is None:
            # It lives where the posterior does.
            space, name, example = posterior, "posterior", "VonMisesFisher()"
        else:
            space, name, example = prior, "prior", "SphericalUniform()"
        if not getattr(getattr(space, "geometry", None), "is_spherical", False):
            raise ValueError(
                f"`{name}` must be a distribution on the unit sphere, such as "
                f"{example}. Received: {name}={space!r}"
            )
        super().__init__(
            input_shape,
            latent_dim,
            posterior=posterior,
            prior=prior,
            objective=objective,
            **kwargs,
        )

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return config_with_options(
            super().get_config(), self.objective, Elbo, ("beta",)
        )
