"""The hyperspherical VAE: latents on the unit sphere."""

import keras

from vae_zoo.components.posteriors import VonMisesFisher
from vae_zoo.components.priors import Prior, SphericalUniform
from vae_zoo.models.kl_weight import Weight, at_present_step, check_weights
from vae_zoo.models.vae import VAE, serialized


@keras.saving.register_keras_serializable("vae_zoo")
class HypersphericalVAE(VAE):
    """p(z) uniform on the unit sphere, q(z|x) around a mean direction.

    `encode` gives the mean direction, and `interpolate` and `traverse` follow great
    circles. All directions are alike to the prior, which pulls nothing to a centre;
    the divergence from it is bounded by how many nats a direction can hold, so it is
    at its best in few dimensions.

    Args:
        input_shape: as in `VAE`.
        latent_dim: length of the vector z, >= 2. The literature's d-dimensional
            sphere S^d has latent_dim = d + 1.
        posterior: `posteriors.VonMisesFisher()`, the default, `PowerSpherical()`, or
            a product of them (`components.products`).
        prior: default `priors.SphericalUniform()`; a product of them for a product.
        beta: weight of the KL term in training, >= 0; a number or a schedule such as
            `components.schedules.Linear(0.0, 1.0, num_steps)`, a warm-up. `elbo`,
            `evaluate` and `val_loss` stay at beta = 1.
        **kwargs: as in `VAE`.

    Raises:
        ValueError: if `latent_dim` is 1, `posterior` or `prior` is not on a sphere,
            `beta` is negative, or as in `VAE`.

    Source: Davidson et al. 2018; De Cao & Aziz 2020 (the power spherical posterior).
    """

    objective_weights = ("beta",)
    beta = Weight()

    def __init__(
        self,
        input_shape,
        latent_dim,
        *,
        posterior=None,
        prior=None,
        beta=1.0,
        **kwargs,
    ):
        check_weights(self, beta=beta)
        prior = SphericalUniform() if prior is None else prior
        if not (isinstance(prior, Prior) and prior.geometry.is_spherical):
            raise ValueError(
                "`prior` must be a distribution on the unit sphere, such as "
                f"SphericalUniform(). Received: prior={prior!r}"
            )
        super().__init__(
            input_shape,
            latent_dim,
            posterior=VonMisesFisher() if posterior is None else posterior,
            prior=prior,
            **kwargs,
        )
        self.beta = beta

    def objective(self, terms, y=None, sample_weight=None):
        """-log p(x|z) + beta KL, per example: float32 [B], nats."""
        beta = at_present_step(self, "beta")
        return beta * terms["kl"] - terms["log_likelihood"]

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "beta": serialized(self.beta)}
