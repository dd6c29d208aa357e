"""What every approximate posterior is."""

import tensorflow as tf

from vae_zoo.components.draw import DrawOfOne
from vae_zoo.components.geometry import EUCLIDEAN, Space
from vae_zoo.components.heads import Head
from vae_zoo.tensors import Seed


class Posterior(Head):
    """q(z|x) of one latent variable, made of an encoder's features.

    A subclass says what its parameters are (`build`, `call`) and what distribution they
    make (`distribution`). One whose density costs more at a point that it has not drawn
    itself, as that of a flow, overrides `infer` and `location`.

    `geometry` says where the latents live, and `has_density` whether q has a density
    at any point, not only at its own draws.
    """

    geometry: Space = EUCLIDEAN
    has_density = True

    def infer(
        self,
        features: tf.Tensor,
        num_samples: int = 1,
        seed: Seed | None = None,
        training: bool = False,
        *,
        z: tf.Tensor | None = None,
    ) -> DrawOfOne:
        """Draws of z with their log-density.

        Args:
            features: float [B, ...], the encoder's.
            num_samples: K >= 1, draws for each example.
            seed: int32 [2], or one for each row, [B, 2].
            training: whether layers of the posterior are in training mode.
            z: float [K, B, D] at which to evaluate q instead of drawing. A posterior
                that has no fast way to do so raises a ValueError that names it.

        Returns:
            `DrawOfOne` of z [K, B, D].
        """
        del training
        q = self.distribution(**self(features))
        if z is None:
            z = q.sample(num_samples, seed=seed)
        return DrawOfOne(z, q.log_prob(z), q)

    def location(self, features: tf.Tensor) -> tf.Tensor:
        """The point that `encode` returns, on a sphere the mean direction: [B, D]."""
        return self.geometry.location(self.distribution(**self(features)))

    def check_density(self, needed_by: str) -> None:
        """Raises ValueError if q has no density at points that it has not drawn.

        Args:
            needed_by: what cannot do without, for the error.
        """
        if not self.has_density:
            raise ValueError(
                f"`posterior` must have a density at any z for {needed_by}, as "
                "DiagonalNormal() and FullCovarianceNormal() have. Received: "
                f"posterior={type(self).__name__}, which knows that of its own draws "
                "alone"
            )
