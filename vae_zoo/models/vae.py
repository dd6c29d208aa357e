"""The variational autoencoder of Kingma & Welling 2014, the zoo's base model."""

from collections.abc import Iterator, Mapping
from typing import Any, Unpack

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from vae_zoo.arguments import check_count, check_flag, check_seed, shown
from vae_zoo.components.draw import Draw
from vae_zoo.components.foreign import check_network
from vae_zoo.components.geometry import Space
from vae_zoo.components.likelihoods import Bernoulli, Likelihood
from vae_zoo.components.networks import MLP
from vae_zoo.components.objectives import Elbo, Objective
from vae_zoo.components.posteriors import DiagonalNormal, Posterior
from vae_zoo.components.priors import Prior, StandardNormal
from vae_zoo.components.randomness import row_seeds
from vae_zoo.components.rows import over_rows
from vae_zoo.distributions.noise import fold_in
from vae_zoo.fitting.adapter import Adapter
from vae_zoo.fitting.inputs import Inputs, InputsLike
from vae_zoo.models.bounds import Bounds
from vae_zoo.models.composition import Composition
from vae_zoo.models.input_checks import as_latents, check_sizes
from vae_zoo.models.latent_methods import LatentMethods
from vae_zoo.models.preset_methods import PresetMethods
from vae_zoo.models.signatures import ModelSignatures
from vae_zoo.models.story import Story
from vae_zoo.tensors import (
    Features,
    LatentsLike,
    LayerOptions,
    ModelInput,
    Seed,
    TensorLike,
)

DEFAULT_HIDDEN_UNITS = (512, 256)


@keras.saving.register_keras_serializable("vae_zoo")
class VAE(
    Story, Bounds, LatentMethods, ModelSignatures, PresetMethods, Composition, Adapter
):
    """p(x, z) = p(z) p(x|z) with an approximate posterior q(z|x).

    It trains with the stock `compile` (without a loss) and `fit` on arrays or `tf.data`
    of x or (x, y), where y is ignored. x is float [B, *input_shape].

    Args:
        input_shape: shape of one example, rank 1 to 3, without the batch.
        latent_dim: length D of the vector that `decode` takes.
        encoder: the network that makes features of x, a layer
            [B, *input_shape] -> features. Default `MLP((512, 256))`.
        decoder: layer [B, D] -> features. Default: the mirror image of `encoder` if
            that is a network of this package, else that of `MLP((512, 256))`.
        posterior: q(z|x). Default `DiagonalNormal()`.
        prior: p(z). Default `StandardNormal()`.
        likelihood: p(x|z). Default `Bernoulli()`.
        objective: what training minimizes. Default `Elbo()`. It can be read and
            replaced later, as `model.objective`.
        seed: integer that fixes the noise of training and sampling. The weights'
            initial values follow `keras.utils.set_random_seed`.
        name: the model's name.
        **kwargs: what every `keras.Model` takes, such as `dtype`.

    Raises:
        ValueError: if `input_shape` or `latent_dim` is not made of positive integers;
            if a component has the wrong class, is already part of another model, or
            returns anything but one tensor of features; if `posterior` and `prior` are
            on different spaces; or if data have another shape or values off the
            likelihood's support.

    Source: Kingma & Welling 2014, sections 2 and 3.
    """

    # The latent that `encode` returns and `decode` takes, and the decoder's latent.
    top_latent = decoded_latent = "z"

    def __init__(
        self,
        input_shape: tuple[int, ...] | list[int],
        latent_dim: int,
        *,
        encoder: keras.layers.Layer | None = None,
        decoder: keras.layers.Layer | None = None,
        posterior: Posterior | None = None,
        prior: Prior | None = None,
        likelihood: Likelihood | None = None,
        objective: Objective | None = None,
        seed: int | None = None,
        name: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        input_shape, latent_dim = check_sizes(input_shape, latent_dim)
        super().__init__(seed=check_seed("seed", seed), name=name, **kwargs)
        self.input_shape = input_shape
        self.latent_dim = latent_dim
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
        self.objective = Elbo() if objective is None else objective
        self._compose()
        self.make_trackers()

    # The generative story.

    def story(
        self, z: dict[str, tf.Tensor], inputs: Inputs, *, training: bool = False
    ) -> Iterator[tuple[str, tfd.Distribution]]:
        """p(z), then p(x|z); see `Story`."""
        yield from self.prior_layer.conditionals(self, z)
        yield "x", self._likelihood(z, inputs, training)

    def _likelihood(
        self, z: dict[str, tf.Tensor], inputs: Inputs, training: bool
    ) -> tfd.Distribution:
        parameters = self.likelihood_parameters(z, inputs, training=training)
        if training:
            parameters = self.likelihood_head.in_training(inputs.x, parameters)
        return self.likelihood_head.distribution(**parameters)

    def likelihood_parameters(
        self, z: LatentsLike, inputs: Inputs | None = None, *, training: bool = False
    ) -> dict[str, tf.Tensor]:
        """The parameters of p(x|z) by TFP's names.

        Args:
            z: float [..., D], or a dict of the latents by name.
            inputs: `Inputs`, for a model that depends on a condition.
            training: whether layers such as dropout are in training mode.

        Returns:
            Dict of float32 [..., *], or [1, ...] or a scalar if all rows share it.
        """
        check_flag("training", training)
        z = self._latents_of_decoder(z)

        def parameters(rows: tf.Tensor) -> dict[str, tf.Tensor]:
            return self.likelihood_head(self.decoder(rows, training=training))

        return over_rows(parameters, z)

    def _latents_of_decoder(self, z: LatentsLike) -> tf.Tensor:
        """The decoder's input, [..., D'], from the latents that `likelihood` takes."""
        if not isinstance(z, dict):
            z = self.completed(self._as_latents(z, "z"))
        if self.decoded_latent not in z:
            raise ValueError(
                f"`z` must have the latent '{self.decoded_latent}', of which x is "
                f"made. Received: {shown([*z])}"
            )
        return z[self.decoded_latent]

    def completed(self, z: tf.Tensor) -> dict[str, tf.Tensor]:
        """The latents that x depends on, by name, if `z` is the latent of `decode`.

        Args:
            z: float [..., D].
        """
        return {self.top_latent: z}

    def likelihood(
        self,
        z: LatentsLike,
        *,
        condition: TensorLike | None = None,
        training: bool = False,
    ) -> tfd.Distribution:
        """p(x|z): `tfd.Distribution`, batch [...], event input_shape.

        Args:
            z: float [..., D], or a dict of the latents by name.
            condition: of a conditional model, a row for each of the last axis of z.
            training: whether layers such as dropout are in training mode.
        """
        inputs = self.given(condition, self._latents_of_decoder(z).shape[-2])
        parameters = self.likelihood_parameters(z, inputs, training=training)
        return self.likelihood_head.distribution(**parameters)

    # The posteriors.

    @property
    def posterior_heads(self) -> dict[str, Posterior]:
        """The posteriors of latents given x alone, in the order of their draws."""
        return {self.top_latent: self.posterior_head}

    @property
    def latent_shapes(self) -> dict[str, tuple[int, ...]]:
        """See `Story`."""
        top = {self.top_latent: (self.latent_dim,)}
        shapes: dict[str, Any] = self.prior_layer.latent_shapes | top
        # None for a latent that the prior lacks.
        return {name: shapes.get(name) for name in self.posterior_heads}  # type: ignore[misc]

    @property
    def geometries(self) -> dict[str, Space]:
        """See `Story`."""
        return {name: head.geometry for name, head in self.posterior_heads.items()}

    def features(self, inputs: InputsLike, *, training: bool = False) -> Features:
        """See `Story`: the encoder's output for x."""
        check_flag("training", training)
        return self.encoder(self.as_inputs(inputs).x, training=training)

    def features_of_top(self, features: Features) -> tf.Tensor:
        """The features from which the posterior of the top latent is made: [B, ...].

        Args:
            features: what `features` returned.
        """
        return features

    def infer(
        self,
        inputs: InputsLike,
        num_samples: int = 1,
        *,
        z: Mapping[str, TensorLike] | None = None,
        features: Features | None = None,
        seed: Seed | None = None,
        training: bool = False,
    ) -> Draw:
        """See `Story`: each latent is drawn given x alone."""
        check_count("num_samples", num_samples, 1, "the draws for each example")
        check_flag("training", training)
        if features is None:
            features = self.features(inputs, training=training)
        if z is not None:
            z = self.checked_latents(z)
        else:
            seed = self.as_seed(seed)
        parts = {}
        for number, (name, head) in enumerate(self.posterior_heads.items()):
            own = {"z": z[name]} if z is not None else {}
            # A single latent uses the seed itself, on which the shipped presets'
            # answers depend.
            is_alone = z is not None or len(self.posterior_heads) == 1
            own_seed = seed if is_alone else fold_in(seed, number)
            parts[name] = head.infer(features, num_samples, own_seed, training, **own)
        return Draw.of(parts)

    def locations(
        self, inputs: InputsLike, *, features: Features | None = None
    ) -> dict[str, tf.Tensor]:
        """See `Story`."""
        if features is None:
            features = self.features(inputs)
        return {
            name: head.location(features) for name, head in self.posterior_heads.items()
        }

    # Keras.

    def call(self, x: ModelInput, training: bool = False) -> dict[str, tf.Tensor]:
        """The deterministic outputs and the bound's terms, for `predict`.

        Args:
            x: float [B, *input_shape], or a dict of inputs.
            training: whether layers such as dropout are in training mode.

        Returns:
            Dict of float32: `latents` [B, D] (`encode`), `reconstructions`
            [B, *input_shape] (`reconstruct`), in nats `elbo` [B] and the terms of
            `elbo_terms` [B], and the outputs that the prior adds.
        """
        inputs = self.as_inputs(x)
        features = self.features(inputs, training=training)
        seeds = row_seeds(self.seed_generator, tf.shape(inputs.x)[0])
        draw = self.infer(inputs, features=features, seed=seeds, training=training)
        conditionals = self.conditionals(draw.z, inputs, training=training)
        terms = self.terms(draw, inputs, conditionals)
        locations = self.locations(inputs, features=features)
        return {
            "latents": locations[self.top_latent],
            "reconstructions": self.points(locations, inputs),
            "elbo": terms["log_likelihood"] - terms["kl"],
            **terms,
            **self.prior_layer.outputs(draw.z, locations, conditionals),
        }

    def _as_latents(
        self, z: TensorLike, name: str, rank: int | None = None
    ) -> tf.Tensor:
        """`z` as a float32 tensor [..., D]."""
        return as_latents(z, self.latent_dim, name, rank)
