"""The methods that every model with latent variables has, by the latents' names."""

from collections.abc import Iterator, Mapping, Sequence

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from vae_zoo.arguments import check_count, check_flag
from vae_zoo.components.draw import Draw, total
from vae_zoo.components.geometry import EUCLIDEAN, Space
from vae_zoo.distributions.divergence import kl_divergence
from vae_zoo.distributions.noise import fold_in
from vae_zoo.fitting.inputs import Inputs, InputsLike
from vae_zoo.models import importance
from vae_zoo.models.input_checks import as_named_latents, check_shape_of_draws
from vae_zoo.models.model_base import ModelBase
from vae_zoo.tensors import Seed, TensorLike


class Story(ModelBase):
    """A generative story p(z, x) and the posteriors q(z|x) that approximate it.

    A model defines p by `story`, q by `features` and `infer`, and the points that stand
    for q by `locations`. All other methods follow from these.
    """

    # A model defines these.

    def story(
        self, z: dict[str, tf.Tensor], inputs: Inputs, *, training: bool = False
    ) -> Iterator[tuple[str, tfd.Distribution]]:
        """The name and the distribution of each latent, then of x: a generator.

        Args:
            z: the latents by name, float [..., *event]. Each is looked up only after
                its distribution was yielded, so a sampler can add it in between.
            inputs: `Inputs`.
            training: whether layers such as dropout are in training mode.
        """
        raise NotImplementedError

    def features(self, inputs: InputsLike, *, training: bool = False) -> tf.Tensor:
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
        features: tf.Tensor | None = None,
        seed: Seed | None = None,
        training: bool = False,
    ) -> Draw:
        """Draws of the latents from q given the inputs.

        Args:
            inputs: x [B, *input_shape], a dict of inputs, or `Inputs`.
            num_samples: K >= 1, draws for each example; those for K are no prefix of
                those for a larger K.
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
            ValueError: if `num_samples` is below 1, or `z` lacks a latent of the model
                or has another.
        """
        raise NotImplementedError

    def locations(
        self, inputs: InputsLike, *, features: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        """The points that stand for the posteriors: name -> float [B, *event].

        Args:
            inputs: as in `infer`.
            features: as in `infer`.
        """
        raise NotImplementedError

    @property
    def geometries(self) -> dict[str, Space]:
        """Where each latent lives, in that order: spaces of `components.geometry`."""
        return dict.fromkeys(self.latent_shapes, EUCLIDEAN)

    @property
    def latent_shapes(self) -> dict[str, tuple[int, ...]]:
        """The event shape of each latent, in the order in which q draws them."""
        raise NotImplementedError

    # These follow.

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
            inputs: as in `infer`; None will do where there is no condition.
            training: whether layers such as dropout are in training mode.

        Returns:
            Dict of distributions; the batch of "x" is [...], as that of latents below
            others, and that of the others [] or [B].

        Raises:
            ValueError: if `z` lacks a latent of the model or has another.
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
        """As `log_joint` without x, for which no decoder runs: float [..., B], nats."""
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

        In closed form where there is one, else log q - log p of the draw.

        Args:
            draw: what `infer` returned.
            inputs: as in `infer`.
            closed_form: False: log q - log p of the draw in any case.
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

    def elbo_terms(
        self,
        x: InputsLike,
        *,
        condition: TensorLike | None = None,
        seed: Seed | None = None,
        training: bool = False,
    ) -> dict[str, tf.Tensor]:
        """The terms of the evidence lower bound, from one draw of z per example.

        Args:
            x: float [B, *input_shape], or a dict of inputs.
            condition: of a conditional model, a row for each of x.
            seed: integer or int32 [2], or one for each row, [B, 2]; None draws from
                the model's generator.
            training: whether layers such as dropout are in training mode.

        Returns:
            Dict of float32 [B], in nats: `log_likelihood` log p(x|z), `kl`
            KL(q(z|x) || p(z)), and what a model with several latents adds.

        Source: Kingma & Welling 2014, equation 7 (closed-form KL) and 6.
        """
        check_flag("training", training)
        inputs = self.as_inputs(x, condition)
        draw = self.infer(inputs, seed=seed, training=training)
        conditionals = self.conditionals(draw.z, inputs, training=training)
        terms = self.terms(draw, inputs, conditionals)
        return {name: terms[name] for name in self.term_names}

    def elbo(
        self,
        x: InputsLike,
        *,
        condition: TensorLike | None = None,
        seed: Seed | None = None,
    ) -> tf.Tensor:
        """The evidence lower bound at beta = 1: float32 [B], nats; see `elbo_terms`."""
        terms = self.elbo_terms(x, condition=condition, seed=seed)
        return terms["log_likelihood"] - terms["kl"]

    def log_marginal_likelihood(
        self,
        x: InputsLike,
        num_samples: int,
        *,
        condition: TensorLike | None = None,
        seed: Seed | None = None,
    ) -> tf.Tensor:
        """Importance-sampled log p(x), with q(z|x) as the proposal.

        log (1/K) sum_k p(x|z_k) p(z_k) / q(z_k|x): a lower bound in expectation
        that tightens as K grows. Memory does not grow with `num_samples`.

        Args:
            x: float [B, *input_shape], or a dict of inputs.
            num_samples: K, the draws from q(z|x) per example, >= 1.
            condition: of a conditional model, a row for each of x.
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
            self, self.as_inputs(x, condition), num_samples, self.as_seed(seed)
        )

    def checked_latents(self, z: Mapping[str, TensorLike]) -> dict[str, tf.Tensor]:
        """`z` as a dict of float32 tensors, one for each latent of the model.

        Raises:
            ValueError: if one is missing, unknown or of another shape.
        """
        return as_named_latents(z, self.latent_shapes)
