"""The variational autoencoder of Kingma & Welling 2014, base of the zoo."""

import json

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from vae_zoo.arguments import check_count, check_flag, check_seed
from vae_zoo.components.foreign import check_network
from vae_zoo.components.heads import Head
from vae_zoo.components.likelihoods import Bernoulli, Likelihood
from vae_zoo.components.networks import MLP
from vae_zoo.components.posteriors import DiagonalNormal
from vae_zoo.components.prior import Prior
from vae_zoo.components.priors import StandardNormal
from vae_zoo.components.randomness import row_seeds
from vae_zoo.distributions.divergence import kl_divergence
from vae_zoo.models import clusters, importance
from vae_zoo.models.composition import Composition
from vae_zoo.models.elbo_model import ElboModel
from vae_zoo.models.input_checks import (
    as_latents,
    check_sizes,
)
from vae_zoo.models.latent_methods import LatentMethods
from vae_zoo.models.preset_methods import PresetMethods

tfd = tfp.distributions

DEFAULT_HIDDEN_UNITS = (512, 256)


@keras.saving.register_keras_serializable("vae_zoo")
class VAE(LatentMethods, PresetMethods, Composition, ElboModel):
    """p(x, z) = p(z) p(x|z) with an approximate posterior q(z|x).

    Trains with the stock `compile` (no loss) and `fit` on arrays or `tf.data`
    of x or (x, y), y ignored. x: float [B, *input_shape].

    Args:
        input_shape: shape of one example, rank 1 to 3, without the batch.
        latent_dim: length D of the vector that `decode` takes.
        encoder: layer [B, *input_shape] -> features. Default `MLP((512, 256))`.
        decoder: layer [B, D] -> features. Default: the mirror image of `encoder`
            if that is a network of this package, else of `MLP((512, 256))`.
        posterior: q(z|x). Default `DiagonalNormal()`.
        prior: p(z). Default `StandardNormal()`.
        likelihood: p(x|z). Default `Bernoulli()`.
        seed: integer that fixes the noise of training and sampling. The weights'
            initial values follow `keras.utils.set_random_seed`.
        name: the model's name.
        **kwargs: what every `keras.Model` takes, such as `dtype`.

    Raises:
        ValueError: if `input_shape` or `latent_dim` is not made of positive
            integers, a component is no instance of what it must be, already part of
            another model or gives anything but one tensor of features, `posterior`
            and `prior` live on different spaces, or data have another shape or values
            off the likelihood's support.

    Source: Kingma & Welling 2014, sections 2 and 3.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        latent_dim: int,
        *,
        encoder: keras.layers.Layer | None = None,
        decoder: keras.layers.Layer | None = None,
        posterior: Head | None = None,
        prior: Prior | None = None,
        likelihood: Likelihood | None = None,
        seed: int | None = None,
        name: str | None = None,
        **kwargs,
    ):
        input_shape, latent_dim = check_sizes(input_shape, latent_dim)
        seed = check_seed("seed", seed)
        # The data enter the likelihood in float32 whatever the networks use.
        super().__init__(name=name, autocast=False, **kwargs)
        self.input_shape = input_shape
        self.latent_dim = latent_dim
        self.seed = check_seed("seed", seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        policy = self.dtype_policy
        default = MLP(DEFAULT_HIDDEN_UNITS, dtype=policy, name="encoder")
        self.encoder = check_network("encoder", default if encoder is None else encoder)
        if decoder is None:
            pattern = self.encoder if hasattr(self.encoder, "mirror") else default
            decoder = pattern.mirror(input_shape)
        self.decoder = decoder
        self.posterior_head = DiagonalNormal() if posterior is None else posterior
        self.prior_layer = StandardNormal() if prior is None else prior
        self.likelihood_head = Bernoulli() if likelihood is None else likelihood
        self._compose()
        self.make_trackers()

    @property
    def geometry(self):
        """Where the latents live, one of the spaces of `components.geometry`."""
        return self.prior_layer.geometry

    @property
    def num_clusters(self):
        """K of a model with a mixture as its prior, None for all others."""
        return self.prior_layer.num_components

    # The generative story.

    def prior(self) -> tfd.Distribution:
        """p(z): `tfd.Distribution`, batch [], event [D]."""
        return self.prior_layer.distribution()

    def likelihood_parameters(
        self, z, *, training: bool = False
    ) -> dict[str, tf.Tensor]:
        """The parameters of p(x|z) under TFP's names: dict of float32 [B, ...]."""
        check_flag("training", training)
        features = self.decoder(self._as_latents(z, "z"), training=training)
        return self.likelihood_head(features)

    def likelihood(self, z, *, training: bool = False) -> tfd.Distribution:
        """p(x|z) for z [B, D]: `tfd.Distribution`, batch [B], event input_shape."""
        parameters = self.likelihood_parameters(z, training=training)
        return self.likelihood_head.distribution(**parameters)

    def posterior_parameters(
        self, x, *, training: bool = False
    ) -> dict[str, tf.Tensor]:
        """The parameters of q(z|x) under TFP's names: dict of float32 [B, ...]."""
        check_flag("training", training)
        features = self.encoder(self._as_data(x), training=training)
        return self.posterior_head(features)

    def posterior(self, x, *, training: bool = False) -> tfd.Distribution:
        """q(z|x) for x [B, *input_shape]: `tfd.Distribution`, batch [B], event [D]."""
        parameters = self.posterior_parameters(x, training=training)
        return self.posterior_head.distribution(**parameters)

    def joint_posterior(self, x, *, training: bool = False) -> tfd.Distribution:
        """q of all latent variables: of z alone, unless a model has others after z."""
        return self.posterior(x, training=training)

    def joint_prior(self) -> tfd.Distribution:
        """p of all latent variables, in the order of `joint_posterior`."""
        return self.prior()

    # The bound.

    def elbo_terms(
        self, x, *, seed=None, training: bool = False
    ) -> dict[str, tf.Tensor]:
        """The terms of the evidence lower bound, from one sample of z per example.

        Args:
            x: float [B, *input_shape].
            seed: integer or int32 [2], or one for each row, [B, 2]; None draws from
                the model's generator.
            training: whether layers such as dropout are in training mode.

        Returns:
            Dict of float32 [B], in nats: `log_likelihood` log p(x|z) and `kl`
            KL(q(z|x) || p(z)).

        Source: Kingma & Welling 2014, equation 7 (closed-form KL) and 6.
        """
        x = self._as_data(x)
        q = self.joint_posterior(x, training=training)
        u = q.sample(seed=self._as_seed(seed))
        terms = self.elbo_terms_at(u, q, x, training=training)
        return {name: terms[name] for name in self.term_names}

    def elbo_terms_at(self, u, q, x, *, training=False):
        """`elbo_terms` at a draw u of the joint posterior q: what a story consists of.

        Args:
            u: float [B, U], all latent variables.
            q: the `joint_posterior` of `x`.
            x: float32 [B, *input_shape].
            training: as in `elbo_terms`.
        """
        return {
            **self.scored(x, u, training=training),
            "kl": kl_divergence(q, self.prior(), u),
        }

    def scored(self, x, z, *, training=False):
        """`log_likelihood` log p(x|z): dict of float32 [B], nats.

        In training also what the likelihood takes to `learn`.
        """
        parameters, seen = self.likelihood_parameters(z, training=training), {}
        if training:
            parameters, seen = self.likelihood_head.in_training(x, parameters)
        p = self.likelihood_head.distribution(**parameters)
        return {"log_likelihood": p.log_prob(x), **seen}

    def elbo(self, x, *, seed=None) -> tf.Tensor:
        """The evidence lower bound at beta = 1: float32 [B], nats."""
        terms = self.elbo_terms(x, seed=seed)
        return terms["log_likelihood"] - terms["kl"]

    def log_marginal_likelihood(self, x, num_samples: int, *, seed=None) -> tf.Tensor:
        """Importance-sampled log p(x), with q(z|x) as the proposal.

        log (1/K) sum_k p(x|z_k) p(z_k) / q(z_k|x): a lower bound in expectation
        that tightens as K grows. Memory does not grow with `num_samples`.

        Args:
            x: float [B, *input_shape].
            num_samples: K, the draws from q(z|x) per example, >= 1.
            seed: integer or int32 [2], or one for each row, [B, 2]; None draws from
                the model's generator.

        Returns:
            Float32 [B], nats.

        Raises:
            ValueError: if `num_samples` is below 1.

        Source: Burda et al. 2016, equation 8.
        """
        what = "the draws from q(z|x) per example"
        check_count("num_samples", num_samples, 1, what)
        return importance.log_marginal_likelihood(
            self, self._as_data(x), num_samples, self._as_seed(seed)
        )

    # Keras.

    def call(self, x, training=False):
        """The deterministic outputs and the bound's terms, for `fit` and `predict`.

        Returns:
            Dict of float32: `latents` [B, D] (`encode`), `reconstructions`
            [B, *input_shape] (`reconstruct`), and in nats `elbo` [B] and the
            terms of `elbo_terms` [B]; of mixture models also what `clusters.outputs`
            adds.
        """
        x = self._as_data(x)
        q = self.joint_posterior(x, training=training)
        u = q.sample(seed=row_seeds(self.seed_generator, tf.shape(x)[0]))
        terms = self.elbo_terms_at(u, q, x, training=training)
        # In a training graph nothing uses these two, and they are pruned.
        latents = self.geometry.location(q)[:, : self.latent_dim]
        return {
            "latents": latents,
            "reconstructions": self.decode(latents),
            "elbo": terms["log_likelihood"] - terms["kl"],
            **terms,
            **(clusters.outputs(self, u, q) if self.num_clusters else {}),
        }

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "input_shape": self.input_shape,
            "latent_dim": self.latent_dim,
            "encoder": serialized(self.encoder),
            "decoder": serialized(self.decoder),
            "posterior": serialized(self.posterior_head),
            "prior": serialized(self.prior_layer),
            "likelihood": serialized(self.likelihood_head),
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The model with these constructor arguments, untrained."""
        deserialize = keras.saving.deserialize_keras_object
        return cls(
            **{key: deserialize(value, custom_objects) for key, value in config.items()}
        )

    def _as_data(self, x):
        """`x` as a float32 tensor [B, *input_shape]; values checked eagerly."""
        x = self.door().examples.as_tensor(x)
        return tf.ensure_shape(x, (None, *self.input_shape))

    def _as_latents(self, z, name):
        """`z` as a float32 tensor [B, D]."""
        return as_latents(z, self.latent_dim, name)


def serialized(component):
    """The component's config, the same before and after a trip through a file."""
    return json.loads(json.dumps(keras.saving.serialize_keras_object(component)))
