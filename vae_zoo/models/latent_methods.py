"""What a trained model does with data and latents."""

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from vae_zoo.arguments import check_choice, check_count, check_flag
from vae_zoo.components.geometry import Space
from vae_zoo.components.posteriors import Posterior
from vae_zoo.distributions.noise import fold_in
from vae_zoo.fitting.examples import as_numbers
from vae_zoo.fitting.inputs import Inputs, InputsLike, by_name
from vae_zoo.models import restoration
from vae_zoo.models.input_checks import as_incomplete, check_seed_of_rows
from vae_zoo.models.model_base import ModelBase
from vae_zoo.tensors import LatentsLike, Seed, TensorLike

# Which part of a sample's seed is that of x. Priors use the first few for parts of z.
_OF_X = 1_000_000


class LatentMethods(ModelBase):
    """From data to latents, among latents, and back; `VAE` says by which networks."""

    def prior(self, *, name: str | None = None) -> tfd.Distribution:
        """p of the latent `name`, by default that which `decode` takes: event [D].

        Raises:
            ValueError: if there is no such latent, or it depends on others.
        """
        if name in (None, self.top_latent):
            return self.prior_layer.distribution(self)
        check_choice("name", name, tuple(self.latent_shapes))
        first, p = next(self._priors({}, None))
        if name != first:
            raise ValueError(
                f"`name` must be a latent that depends on no other, '{first}': see "
                f"`conditionals` for the others. Received: name={name!r}"
            )
        return p

    def posterior_parameters(
        self,
        x: InputsLike,
        *,
        condition: TensorLike | None = None,
        name: str | None = None,
        training: bool = False,
    ) -> dict[str, tf.Tensor]:
        """The parameters of `posterior` under TFP's names: dict of float32 [B, ...]."""
        check_flag("training", training)
        inputs = self.as_inputs(x, condition)
        features = self.features_of_top(self.features(inputs, training=training))
        return self._head(name)(features)

    def posterior(
        self,
        x: InputsLike,
        *,
        condition: TensorLike | None = None,
        name: str | None = None,
        training: bool = False,
    ) -> tfd.Distribution:
        """q of the latent `name` given x: `tfd.Distribution`, batch [B], event [D].

        Args:
            x: float [B, *input_shape], or a dict of inputs.
            condition: of a conditional model, a row for each of x.
            name: of the latent; None: that which `encode` gives.
            training: whether layers such as dropout are in training mode.

        Raises:
            ValueError: if x does not fit the model, or there is no such latent.
        """
        check_flag("training", training)
        head = self._head(name)
        parameters = self.posterior_parameters(
            x, condition=condition, name=name, training=training
        )
        return head.distribution(**parameters)

    def _head(self, name: str | None) -> Posterior:
        heads = self.posterior_heads
        name = self.top_latent if name is None else name
        return heads[check_choice("name", name, tuple(heads))]

    @property
    def geometry(self) -> Space:
        """Where z lives, one of the spaces of `components.geometry`."""
        return self.posterior_head.geometry

    @property
    def num_clusters(self) -> int | None:
        """K of a model with a mixture as its prior, None for all others."""
        return self.prior_layer.num_components

    def encode(
        self, x: InputsLike, *, condition: TensorLike | None = None
    ) -> tf.Tensor:
        """The mean of q(z|x), on a sphere its mean direction: float32 [B, D]."""
        return self.locations(self.as_inputs(x, condition))[self.top_latent]

    def decode(
        self, z: TensorLike, *, condition: TensorLike | None = None
    ) -> tf.Tensor:
        """The mean of p(x|z) for z [..., D]: float32 [..., *input_shape].

        Args:
            z: float [..., D].
            condition: of a conditional model, a row for each of the last axis of z.
        """
        z = self._as_latents(z, "z")
        return self.points(z, self.given(condition, z.shape[-2]))

    def points(self, z: LatentsLike, inputs: Inputs | None = None) -> tf.Tensor:
        """The points that stand for p(x|z): float32 [..., *input_shape].

        Args:
            z: float [..., D], or a dict of the latents by name.
            inputs: `Inputs`, for a model that depends on a condition.
        """
        parameters = self.likelihood_parameters(z, inputs)
        head = self.likelihood_head
        return head.point(head.distribution(**parameters))

    def draw_x(
        self, z: LatentsLike, seed: TensorLike, inputs: Inputs | None = None
    ) -> tf.Tensor:
        """Draws of x from p(x|z): float32 [B, *input_shape].

        Args:
            z: float [B, D], or a dict of the latents by name.
            seed: int32 [2] or [B, 2], that which drew z; x gets another from it.
            inputs: `Inputs`, for a model that depends on a condition.
        """
        parameters = self.likelihood_parameters(z, inputs)
        return self.likelihood_head.draw(fold_in(seed, _OF_X), **parameters)

    def reconstruct(
        self, x: InputsLike, *, condition: TensorLike | None = None
    ) -> tf.Tensor:
        """The mean of p(x|z) at the locations of all latents: [B, *input_shape]."""
        inputs = self.as_inputs(x, condition)
        return self.points(self.locations(inputs), inputs)

    def interpolate(
        self, start: TensorLike, end: TensorLike, num_steps: int
    ) -> tf.Tensor:
        """Latents on the shortest way from `start` to `end`, both included.

        A straight line; on a sphere the arc of a great circle.

        Args:
            start: float [B, D].
            end: float [B, D].
            num_steps: S >= 2, the points on the way.

        Returns:
            Float32 [S, B, D], at equal distances.

        Raises:
            ValueError: if a shape or `num_steps` is off.
        """
        start, end = (
            self._as_latents(each, name, rank=2)
            for each, name in ((start, "start"), (end, "end"))
        )
        check_count("num_steps", num_steps, 2, "the points on the way")
        if not start.shape.is_compatible_with(end.shape):
            raise ValueError(
                f"`end` must have the shape of `start`, {tuple(start.shape)}. "
                f"Received: shape {tuple(end.shape)}"
            )
        return self.geometry.interpolate(start, end, num_steps)

    def traverse(self, z: TensorLike, dimension: int, num_steps: int) -> tf.Tensor:
        """Latents that differ from `z` by what one dimension alone can do.

        The element goes from -3 to 3; on a sphere `z` moves along the great circle
        through it and the axis, from one pole to the other.

        Args:
            z: float [B, D].
            dimension: which, 0 <= dimension < D.
            num_steps: S >= 2, the points on the way.

        Returns:
            Float32 [S, B, D].

        Raises:
            ValueError: if a shape, `dimension` or `num_steps` is off.
        """
        z = self._as_latents(z, "z", rank=2)
        check_count("num_steps", num_steps, 2, "the points on the way")
        last, meaning = self.latent_dim - 1, "the latent to change"
        if check_count("dimension", dimension, 0, meaning) > last:
            raise ValueError(
                f"`dimension` must lie in 0..{last}, {meaning}. Received: "
                f"dimension={dimension}"
            )
        return self.geometry.traverse(z, dimension, num_steps)

    def sample(
        self,
        num_samples: int,
        seed: Seed | None = None,
        *,
        cluster: int | None = None,
        condition: TensorLike | None = None,
        draw: bool = False,
    ) -> tf.Tensor:
        """New examples: the means of p(x|z) for draws of z, or draws of x.

        Args:
            num_samples: N >= 1.
            seed: integer or int32 [2], the same seed the same samples, or one for
                each sample, [N, 2]; None draws from the model's generator.
            cluster: None, or which of 0..K-1 all z come from; mixture models only.
            condition: of a conditional model, a row for each sample.
            draw: False (default) for the means of p(x|z), which are no data: smooth
                and without noise. True for draws of x from p(x|z), as data are, for
                the very z that give the means.

        Returns:
            Float32 [N, *input_shape].

        Raises:
            ValueError: if `num_samples` is below 1, `seed` is of another kind or
                shape, there is no such cluster, or `draw` is no boolean.
        """
        check_count("num_samples", num_samples, 1, "the examples to draw")
        check_flag("draw", draw)
        check_seed_of_rows(seed, num_samples)
        seed = self.as_seed(seed)
        inputs = self.given(condition, num_samples)
        if cluster is None:
            z = self.draw_prior([num_samples], seed, inputs)
        else:
            z = self.prior_layer.part(cluster).sample(num_samples, seed=seed)
        return self.draw_x(z, seed, inputs) if draw else self.points(z, inputs)

    def cluster_probabilities(
        self, x: InputsLike, *, condition: TensorLike | None = None
    ) -> tf.Tensor:
        """p(c|z) of each cluster c, at the means of the posteriors: float32 [B, K].

        Raises:
            ValueError: if the prior is no mixture, or as in `posterior`.

        Source: Jiang et al. 2017, equation 16, at one point.
        """
        locations = self.locations(self.as_inputs(x, condition))
        return self.prior_layer.part_probabilities(locations)

    def impute(
        self,
        x: InputsLike,
        mask: TensorLike,
        num_steps: int,
        seed: Seed | None = None,
        *,
        condition: TensorLike | None = None,
    ) -> tf.Tensor:
        """Draws the missing elements from p(x_missing | x_observed).

        A Markov chain: z is proposed from q(z|x) and accepted by Metropolis and
        Hastings' rule, then the missing elements are drawn from p(x|z). The first
        fifth of the steps accepts every proposal (pseudo-Gibbs), which finds the
        region where q is a fair proposal.

        Args:
            x: float [B, *input_shape]; what stands in missing places, NaN
                included, is not read.
            mask: [B, *input_shape], 1 = observed, 0 = missing.
            num_steps: length of the chain, >= 1.
            seed: integer or int32 [2], or one for each row, [B, 2]; None draws from
                the model's generator.
            condition: of a conditional model, a row for each of x.

        Returns:
            Float32 [B, *input_shape]: the observed elements as they came, the
            missing ones drawn.

        Raises:
            ValueError: if the shapes differ, `mask` holds other values than 0 and
                1 (checked eagerly), or `num_steps` is below 1.

        Source: Mattei & Frellsen 2018, algorithm 1; Rezende et al. 2014, appendix F.
        """
        check_count("num_steps", num_steps, 1, "the length of the chain")
        named = by_name(x, self.input_rules())
        x, observed = as_incomplete(
            as_numbers(named.get("x"), "x"), as_numbers(mask, "mask")
        )
        inputs = self.as_inputs({**named, "x": x}, condition)
        x = inputs.x
        # The model may know the data by another shape of as many elements.
        observed = tf.reshape(observed, tf.shape(x))
        return restoration.impute(self, inputs, observed, num_steps, self.as_seed(seed))
