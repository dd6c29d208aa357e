"""The methods of every model with latent variables, by the latents' names."""

from collections.abc import Iterator, Mapping, Sequence

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from vae_zoo.arguments import check_flag
from vae_zoo.components.draw import Draw, total
from vae_zoo.components.geometry import EUCLIDEAN, Space
from vae_zoo.distributions.divergence import kl_divergence
from vae_zoo.distributions.noise import fold_in
from vae_zoo.fitting.inputs import Inputs, InputsLike
from vae_zoo.models.input_checks import as_named_latents, check_shape_of_draws
from vae_zoo.models.model_base import ModelBase
from vae_zoo.tensors import Features, Seed, TensorLike


class Story(ModelBase):
    """A generative story p(z, x) and the posteriors q(z|x) that approximate it.

    A model defines p by `story`, q by `features` and `infer`, and the point summaries
    of q by `locations`. All other methods follow from these.
    """

    # A model defines these.

    def story(
        self, z: dict[str, tf.Tensor], inputs: Inputs, *, training: bool = False
    ) -> Iterator[tuple[str, tfd.Distribution]]:
        """The name and the distribution of each latent, then of x: a generator.

        Args:
            z: the latents by name, float [..., *event]. Each is looked up only after
                its distribution has been yielded, so a sampler can add it in between.
            inputs: `Inputs`.
            training: whether layers such as dropout are in training mode.
        """
        raise NotImplementedError

    def features(self, inputs: InputsLike, *, training: bool = False) -> Features:
        """One pass of the encoder, for `infer` and `locations`.

        Args:
            inputs: x [B, *input_shape], a dict of inputs, or `Inputs`.
            training: whether layers such as dropout are in training mode.
        """
        raise NotImplementedError

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
        """Draws of the latents from q given the inputs.

        Args:
            inputs: x [B, *input_shape], a dict of inputs, or `Inputs`.
            num_samples: K >= 1, draws for each example; a larger K changes all of them.
            z: latents, name -> float [K, B, *event], at which to evaluate q instead of
                drawing.
            features: what `features` returned for these inputs; None: computed here.
            seed: integer or int32 [2], or one for each row, [B, 2]. A single latent
                uses it as it is; with several, latent i uses `fold_in(seed, i)`. None
                draws from the model's generator.
            training: whether layers such as dropout are in training mode.

        Returns:
            `Draw`: of each latent z, log q(z) and q.

        Raises:
            ValueError: if `num_samples` is below 1, or the names in `z` are not those
                of the latents.
        """
        raise NotImplementedError

    def locations(
        self, inputs: InputsLike, *, features: Features | None = None
    ) -> dict[str, tf.Tensor]:
        """Point summaries of the posteriors: name -> float [B, *event].

        Args:
            inputs: as in `infer`.
            features: as in `infer`.
        """
        raise NotImplementedError

    @property
    def geometries(self) -> dict[str, Space]:
        """The space of each latent, in that order, from `components.geometry`."""
        return dict.fromkeys(self.latent_shapes, EUCLIDEAN)

    @property
    def latent_shapes(self) -> dict[str, tuple[int, ...]]:
        """The event shape of each latent, in the order in which q draws them."""
        raise NotImplementedError

    # All other methods follow.

    def conditionals(
        self,
        z: Mapping[str, TensorLike],
        inputs: InputsLike | None,
        *,
        training: bool = False,
    ) -> dict[str, tfd.Distribution]:
        """p of each latent given those above it, and "x": p of x given all latents.

        Args:
            z: the latents, name -> float [..., *event].
            inputs: as in `infer`; may be None if the model has no condition.
            training: whether layers such as dropout are in training mode.

        Returns:
            Dict of distributions; the batch shape of "x" and of latents below others is
            [...], that of the other latents is [] or [B].

        Raises:
            ValueError: if the names in `z` are not those of the latents.
        """
        check_flag("training", training)
        z = self.checked_latents(z)
        return dict(self._told(z, inputs, training))

    def log_joint(
        self,
        z: Mapping[str, TensorLike],
        inputs: InputsLike,
        *,
        conditionals: dict[str, tfd.Distribution] | None = None,
        training: bool = False,
    ) -> dict[str, tf.Tensor]:
        """log p of each latent given those above it, and "x": float [..., B], nats.

        Args:
            z: the latents, name -> float [..., B, *event].
            inputs: as in `infer`.
            conditionals: what `conditionals` returned at `z`; None: computed here.
            training: whether layers such as dropout are in training mode.
        """
        inputs = self.as_inputs(inputs)
        if conditionals is None:
            conditionals = self.conditionals(z, inputs, training=training)
        values = {**z, "x": inputs.x}
        return {name: p.log_prob(values[name]) for name, p in conditionals.items()}

    def log_prior(
        self, z: Mapping[str, TensorLike], inputs: InputsLike | None
    ) -> dict[str, tf.Tensor]:
        """As `log_joint`, without x and without the decoder: float [..., B], nats."""
        z = self.checked_latents(z)
        return {name: p.log_prob(z[name]) for name, p in self._priors(z, inputs)}

    def _priors(
        self, z: dict[str, tf.Tensor], inputs: InputsLike | None, training: bool = False
    ) -> Iterator[tuple[str, tfd.Distribution]]:
        """The story up to x."""
        for name, p in self._told(z, inputs, training):
            if name == "x":
                return
            yield name, p

    def _told(
        self, z: dict[str, tf.Tensor], inputs: InputsLike | None, training: bool
    ) -> Iterator[tuple[str, tfd.Distribution]]:
        inputs = Inputs() if inputs is None else self.as_inputs(inputs)
        return self.story(z, inputs, training=training)

    def draw_prior(
        self,
        shape: tf.Tensor | Sequence[int],
        seed: Seed | None,
        inputs: InputsLike | None = None,
    ) -> dict[str, tf.Tensor]:
        """Draws of all latents from p: name -> float [*shape, *event].

        Args:
            shape: int32 vector of known length, [N], or [K, B] for K draws given each
                row of inputs.
            seed: integer or int32 [2], or one for each of the last axis of `shape`;
                None draws from the model's generator.
            inputs: as in `infer`, for a model whose priors depend on them.
        """
        rank, seed = check_shape_of_draws(shape), self.as_seed(seed)
        z: dict[str, tf.Tensor] = {}
        num_latents = len(self.latent_shapes)
        for number, (name, p) in enumerate(self._priors(z, inputs)):
            own = seed if num_latents == 1 else fold_in(seed, number)
            z[name] = p.sample(shape[: rank - p.batch_shape.rank], seed=own)
        return z

    def divergences(
        self,
        draw: Draw,
        inputs: InputsLike,
        *,
        closed_form: bool = True,
        conditionals: dict[str, tfd.Distribution] | None = None,
    ) -> dict[str, tf.Tensor]:
        """KL(q || p) of each latent given those above it: float [K, B], nats.

        It is in closed form if there is one, else log q - log p of the draw.

        Args:
            draw: what `infer` returned.
            inputs: as in `infer`.
            closed_form: False for log q - log p of the draw in any case.
            conditionals: what `conditionals` returned at `draw.z`; None: computed here.
        """
        check_flag("closed_form", closed_form)
        z = self.checked_latents(draw.z)
        p = dict(self._priors(z, inputs)) if conditionals is None else conditionals
        found = {}
        for name in self.latent_shapes:
            log_q, q = draw.log_q[name], draw.q[name]
            if closed_form and q is not None:
                kl = kl_divergence(q, p[name], z[name], log_q=log_q)
            else:
                kl = log_q - p[name].log_prob(z[name])
            found[name] = tf.broadcast_to(kl, tf.shape(log_q))
        return found

    def terms(
        self, draw: Draw, inputs: Inputs, conditionals: dict[str, tfd.Distribution]
    ) -> dict[str, tf.Tensor]:
        """The terms of the bound, means over the draws: float32 [B] each, nats.

        Args:
            draw: what `infer` returned.
            inputs: `Inputs`.
            conditionals: what `conditionals` returned at `draw.z`.
        """
        divergences = self.divergences(draw, inputs, conditionals=conditionals)
        found = {
            "log_likelihood": conditionals["x"].log_prob(inputs.x),
            "kl": total(divergences),
        }
        if len(divergences) > 1:
            found |= {f"kl_{name}": kl for name, kl in divergences.items()}
        return {name: tf.reduce_mean(value, axis=0) for name, value in found.items()}

    def checked_latents(self, z: Mapping[str, TensorLike]) -> dict[str, tf.Tensor]:
        """`z` as a dict of float32 tensors, one for each latent of the model.

        Raises:
            ValueError: if one is missing, unknown or of another shape.
        """
        return as_named_latents(z, self.latent_shapes)
