"""One step of training or validation: what objectives need, each computed once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from vae_zoo.components import replicas
from vae_zoo.components.draw import Draw
from vae_zoo.components.randomness import row_seeds, seed_states
from vae_zoo.components.schedules import Iteration
from vae_zoo.distributions.noise import fold_in
from vae_zoo.fitting.inputs import Inputs

if TYPE_CHECKING:
    from vae_zoo.models.vae import VAE

# Which part of a row's seed is the objective's. Latents use the first few.
_OF_OBJECTIVE = 1_000_001


class Step:
    """The pass of a batch through a model.

    Everything is computed when it is first asked for, with one pass of the encoder. In
    training there are as many draws of the latents as the objective says, elsewhere
    one.

    Args:
        model: a model of the package.
        inputs: its `Inputs`, B rows.
        y: labels, int32 [B], -1 for unknown, of an objective that learns from them; or
            None.
        sample_weight: float32 [B], by which means go; or None.
        training: whether layers such as dropout are in training mode.
    """

    def __init__(
        self,
        model: VAE,
        inputs: Inputs,
        y: tf.Tensor | None = None,
        sample_weight: tf.Tensor | None = None,
        *,
        training: bool,
    ) -> None:
        self.model, self.inputs, self.y = model, inputs, y
        self.sample_weight, self.training = sample_weight, training
        self._num_rows = tf.shape(inputs.x)[0]
        self._scale: Callable[[tf.Tensor], tf.Tensor] | None = None

    @functools.cached_property
    def num_samples(self) -> int:
        """K, the draws of the latents for each example."""
        return self.model.objective.num_samples if self.training else 1

    @functools.cached_property
    def _seeds(self) -> tf.Tensor:
        return row_seeds(self.model.seed_generator, self._num_rows)

    @property
    def seed(self) -> tf.Tensor:
        """A seed for each row, int32 [B, 2], for an objective's own randomness."""
        return fold_in(self._seeds, _OF_OBJECTIVE)

    @property
    def iteration(self) -> Iteration:
        """The optimizer's step, 0 without one: an integer scalar."""
        return self.model.iteration

    @functools.cached_property
    def features(self) -> tf.Tensor:
        """The encoder's features of the inputs."""
        return self.model.features(self.inputs, training=self.training)

    def pass_draw_through(self, scale: Callable[[tf.Tensor], tf.Tensor]) -> None:
        """Has the gradient that flows back into the draw multiplied.

        To be called before anything asks for the draw. The draw's own `log_q` is not
        computed from what has passed.

        Args:
            scale: an `objectives.gradients.GradientScale`.
        """
        self._scale = scale

    @functools.cached_property
    def draw(self) -> Draw:
        """`Draw` of the latents, [K, B, …]."""
        features, seeds = self.features, self._seeds
        # What layers within the posteriors are about to draw by.
        self._states = [(each, tf.identity(each)) for each in seed_states(self.model)]
        draw = self.model.infer(
            self.inputs,
            self.num_samples,
            features=features,
            seed=seeds,
            training=self.training,
        )
        if self._scale is None:
            return draw
        return draw._replace(z={k: self._scale(value) for k, value in draw.z.items()})

    @functools.cached_property
    def conditionals(self) -> dict[str, tfd.Distribution]:
        """p of each latent and of x given the latents above, at the draw."""
        return self.model.conditionals(self.draw.z, self.inputs, training=self.training)

    def log_joint(self, z: dict[str, tf.Tensor] | None = None) -> dict[str, tf.Tensor]:
        """log p of each latent and of x, [K, B], nats, at `z` or the step's draw."""
        if z is None:
            return self._log_joint
        return self.model.log_joint(z, self.inputs, training=self.training)

    @functools.cached_property
    def _log_joint(self) -> dict[str, tf.Tensor]:
        return self.model.log_joint(
            self.draw.z, self.inputs, conditionals=self.conditionals
        )

    def log_q(self, z: dict[str, tf.Tensor] | None = None) -> dict[str, tf.Tensor]:
        """log q of each latent, [K, B], nats, at `z` or the step's draw."""
        if z is None:
            return self.draw.log_q
        return self.model.infer(
            self.inputs, z=z, features=self.features, training=self.training
        ).log_q

    @functools.cached_property
    def log_q_along_draw(self) -> dict[str, tf.Tensor]:
        """log q of each latent at the draw, [K, B], nats: the weights of q stopped.

        A gradient flows through the draw alone.
        """
        z = self.draw.z
        stopped = [(each, tf.stop_gradient(each)) for each in self._trained_weights]
        with keras.StatelessScope([*stopped, *self._states]):
            return self.model.infer(
                self.inputs,
                z=z,
                features=tf.nest.map_structure(tf.stop_gradient, self.features),
                training=self.training,
            ).log_q

    @property
    def _trained_weights(self) -> list[keras.Variable]:
        objective = {id(each) for each in self.model.objective.trainable_weights}
        weights = self.model.trainable_weights
        return [each for each in weights if id(each) not in objective]

    def log_q_of_dream(self) -> dict[str, tf.Tensor]:
        """log q of the latents of a draw of p(x, z), given its x: [1, B], nats.

        One draw for each example, given its condition if there is one. No gradient
        flows into the draw.
        """
        seed = self.seed
        z = self.model.draw_prior([self._num_rows], seed, self.inputs)
        x = self.model.draw_x(z, seed, self.inputs)
        z, x = tf.nest.map_structure(tf.stop_gradient, (z, x))
        return self.model.infer(
            self.inputs._replace(x=x),
            z={name: value[None] for name, value in z.items()},
            training=self.training,
        ).log_q

    def divergences(self, *, closed_form: bool = True) -> dict[str, tf.Tensor]:
        """KL of each latent, [K, B], nats, in closed form where there is one."""
        return self.model.divergences(
            self.draw,
            self.inputs,
            closed_form=closed_form,
            conditionals=self.conditionals,
        )

    @functools.cached_property
    def terms(self) -> dict[str, tf.Tensor]:
        """The terms of the bound, means over the draws: float32 [B] each, nats."""
        return self.model.terms(self.draw, self.inputs, self.conditionals)

    @property
    def elbo(self) -> tf.Tensor:
        """The bound: float32 [B], nats."""
        return self.terms["log_likelihood"] - self.terms["kl"]

    @functools.cached_property
    def outputs(self) -> dict[str, tf.Tensor]:
        """The bound, its terms and what the prior adds, for the metrics."""
        return {"elbo": self.elbo, **self.terms, **self.model.outputs_of_prior(self)}

    @property
    def is_known(self) -> tf.Tensor:
        """Whether the label of each example is known: booleans [B]."""
        if self.y is None:
            return tf.zeros([self._num_rows], tf.bool)
        return self.y >= 0

    def mean(self, values: tf.Tensor, where: tf.Tensor | None = None) -> tf.Tensor:
        """The mean of `values` [B] over the global batch, by sample weights: a scalar.

        Args:
            values: float [B].
            where: booleans [B], the examples that count; None: all.
        """
        weights = self.sample_weight
        if where is not None:
            counts = tf.cast(where, tf.float32)
            weights = counts if weights is None else counts * weights
        return replicas.weighted_mean(values, weights)


def loss_of(step: Step) -> tuple[tf.Tensor, tf.Tensor]:
    """The loss of a step and those of its examples.

    Args:
        step: a `Step`; in training its objective counts, elsewhere the negative bound.

    Returns:
        A scalar, sum(w v) / B and what layers add, to which a strategy adds those of
        other replicas; and the v, float32 [B].
    """
    losses = step.model.objective.loss(step) if step.training else -step.elbo
    weights = step.sample_weight
    weighted = losses if weights is None else losses * weights
    num_examples = replicas.total(tf.cast(tf.size(losses), losses.dtype))
    loss = tf.reduce_sum(weighted) / num_examples
    if step.training and (further := step.model.losses):
        loss += sum(further) / tf.distribute.get_strategy().num_replicas_in_sync
    return loss, losses


def inputs_of_batch(x: tf.Tensor | dict[str, tf.Tensor]) -> Inputs:
    """A checked batch, a tensor or a dict of them, as `Inputs`."""
    return Inputs(**x) if isinstance(x, dict) else Inputs(x)
