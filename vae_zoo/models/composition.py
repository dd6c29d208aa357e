"""The layers that a model is made of: what they must be, and how they are built."""

import math

from vae_zoo.components.foreign import build_network
from vae_zoo.components.heads import build_head
from vae_zoo.components.objectives.objective import build_objective
from vae_zoo.components.parts import check_components, claim
from vae_zoo.components.priors.prior import build_prior
from vae_zoo.fitting.examples import ExampleRule
from vae_zoo.models.input_checks import check_same_geometry


class Composition:
    """Checks and builds the components that the constructor of `VAE` has set."""

    def _compose(self):
        """Makes the components parts of this model, once all of them fit.

        Raises:
            ValueError: if one does not.
        """
        check_components(self.components())
        check_same_geometry(self.posterior_head, self.prior_layer)
        self.build_components()
        build_objective(self.objective, self)
        claim(self.components())

    def components(self):
        """The layers that the model is made of, by the names of the arguments."""
        return {
            "encoder": self.encoder,
            "decoder": self.decoder,
            "posterior": self.posterior_head,
            "prior": self.prior_layer,
            "likelihood": self.likelihood_head,
            "objective": self.objective,
        }

    def build_components(self):
        """Creates all weights now: loading restores what exists, nothing else."""
        x_shape = (None, *self.input_shape)
        self._features_shape = build_network("encoder", self.encoder, x_shape)
        build_head(self.posterior_head, self._features_shape, (self.latent_dim,))
        z_shape = (None, *self.latent_shapes[self.decoded_latent])
        self._decoded_shape = build_network("decoder", self.decoder, z_shape)
        build_head(self.likelihood_head, self._decoded_shape, self.input_shape)
        if not self.prior_layer.built:
            self.prior_layer.build_for(self)
        build_prior(self.prior_layer, (self.latent_dim,))
        self._check_latents()
        self.built = True

    def _check_latents(self):
        """Raises ValueError unless there is a posterior of each latent of the prior."""
        known, needed = [*self.latent_shapes], [*self.prior_layer.latent_shapes]
        # A prior with one latent is that of the top one, whatever its name.
        if len(needed) > 1 and sorted(known) != sorted(needed):
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

    # Training asks for these; see `fitting.Adapter`.

    def input_rules(self):
        """See `Adapter`."""
        rule = self.likelihood_head.value_rule()
        return {"x": ExampleRule(self.input_shape, rule)}

    def make_metrics(self):
        """See `Adapter`: those of the prior."""
        return self.prior_layer.make_metrics()

    def outputs_of_prior(self, step):
        """What the prior's metrics are made of, from a `fitting.Step`."""
        locations = self.locations(step.inputs, features=step.features)
        return self.prior_layer.outputs(step.draw.z, locations, step.conditionals)

    def learn(self, step):
        """See `Adapter`: the likelihood's weights that no gradient moves."""
        p = step.conditionals["x"]
        self.likelihood_head.learn(step.inputs.x, p, step.sample_weight)

    def start_of_training(self, data):
        """See `Adapter`: what the prior needs."""
        return self.prior_layer.start(self, data)
