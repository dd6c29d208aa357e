"""The layers that a model is made of: what they must be, and how they are built."""

import math

from vae_zoo.components.foreign import build_network
from vae_zoo.components.heads import build_head
from vae_zoo.components.parts import check_components, claim
from vae_zoo.components.priors.prior import build_prior
from vae_zoo.models.input_checks import check_same_geometry


class Composition:
    """Checks and builds the components that the constructor of `VAE` has set."""

    def _compose(self):
        """Makes the components parts of this model, once all of them fit.

        Raises:
            ValueError: if one does not.
        """
        check_components(self._components())
        check_same_geometry(self.posterior_head, self.prior_layer)
        self._build_components()
        claim(self._components())

    def _components(self):
        """The layers that the model is made of, by the names of the arguments."""
        return {
            "encoder": self.encoder,
            "decoder": self.decoder,
            "posterior": self.posterior_head,
            "prior": self.prior_layer,
            "likelihood": self.likelihood_head,
        }

    def _build_components(self):
        """Creates all weights now: loading restores what exists, nothing else."""
        x_shape, z_shape = (None, *self.input_shape), (None, self.latent_dim)
        self._features_shape = build_network("encoder", self.encoder, x_shape)
        build_head(self.posterior_head, self._features_shape, (self.latent_dim,))
        self._decoded_shape = build_network("decoder", self.decoder, z_shape)
        build_head(self.likelihood_head, self._decoded_shape, self.input_shape)
        build_prior(self.prior_layer, (self.latent_dim,))
        self._check_latents()
        self.built = True

    def _check_latents(self):
        """Raises ValueError unless each latent has both a prior and a posterior."""
        known, needed = [*self.posterior_heads], [*self.prior_layer.latent_shapes]
        if sorted(known) != sorted(needed):
            raise ValueError(
                "`prior` must be one of the latents that this model has posteriors "
                f"of, {' and '.join(known)}. Received: "
                f"{type(self.prior_layer).__name__}, of {' and '.join(needed)}"
            )

    @property
    def elements_of_a_row(self):
        """The size of what the decoder gives for one z, or of x if that is larger."""
        sizes = [size for size in self._decoded_shape[1:] if isinstance(size, int)]
        return max(math.prod(sizes), math.prod(self.input_shape))
