"""Draws of partly known data by a Markov chain over latents and data."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import tensorflow as tf

from vae_zoo.components.draw import total
from vae_zoo.components.randomness import check_rows_of_seed
from vae_zoo.distributions.noise import fold_in, uniform
from vae_zoo.fitting.inputs import Inputs
from vae_zoo.models.importance import log_joint
from vae_zoo.models.input_checks import check_density
from vae_zoo.models.traced import traced

if TYPE_CHECKING:
    from vae_zoo.models.vae import VAE

# The share of the chain that accepts every proposal (pseudo-Gibbs). It finds the
# region where q is a fair proposal, from a start that may be far from it.
PSEUDO_GIBBS_SHARE = 0.2


def impute(
    model: VAE, inputs: Inputs, observed: tf.Tensor, num_steps: int, seed: tf.Tensor
) -> tf.Tensor:
    """Draws the unknown elements of x by the chain of `restore`.

    Args:
        model: a model of the package.
        inputs: `Inputs`, x [B, *input_shape].
        observed: boolean, of the shape of x: True where x is known.
        num_steps: length of the chain, >= 1.
        seed: int32 [2], or one for each row, [B, 2].

    Returns:
        Float32 [B, *input_shape].
    """
    _check(model, "imputation")
    check_rows_of_seed(seed, inputs.x)
    return traced(_impute, model)(inputs, observed, _lengths(num_steps), seed)


def denoise(
    model: VAE, y: tf.Tensor, noise: float, num_steps: int, seed: tf.Tensor
) -> tf.Tensor:
    """Draws x given `y`, which is x with noise; arguments as in `impute`."""
    _check(model, "denoising")
    check_rows_of_seed(seed, y)
    return traced(_denoise, model, noise)(y, _lengths(num_steps), seed)


def super_resolve(
    model: VAE, means: tf.Tensor, factor: int, num_steps: int, seed: tf.Tensor
) -> tf.Tensor:
    """Draws images given the means of their blocks of pixels; as `impute`.

    Args:
        model: a model of images [H, W, C].
        means: float [B, H / factor, W / factor, C].
        factor: integer >= 1; the blocks are of `factor` x `factor` pixels.
        num_steps: as in `impute`.
        seed: as in `impute`.
    """
    _check(model, "super-resolution")
    check_rows_of_seed(seed, means)
    return traced(_super_resolve, model, factor)(means, _lengths(num_steps), seed)


def _check(model: VAE, task: str) -> None:
    check_density(model, f"{task}, a chain that compares its latents under q(z|x)")


def _lengths(num_steps: int) -> tf.Tensor:
    """The lengths of the chain and of its start, as a tensor to avoid new traces."""
    num_pseudo_gibbs = max(1, round(PSEUDO_GIBBS_SHARE * num_steps))
    return tf.constant([num_steps, num_pseudo_gibbs])


def _impute(
    model: VAE, inputs: Inputs, observed: tf.Tensor, lengths: tf.Tensor, seed: tf.Tensor
) -> tf.Tensor:
    x = inputs.x

    def draw(parameters: dict[str, tf.Tensor], draw_seed: tf.Tensor) -> tf.Tensor:
        drawn = model.likelihood_head.draw(draw_seed, **parameters)
        return tf.where(observed, x, drawn)

    drawn = model.points(model.draw_prior(tf.shape(x)[:1], seed, inputs), inputs)
    start = inputs._replace(x=tf.where(observed, x, drawn))
    return restore(model, start, draw, lengths, seed)


def _denoise(
    model: VAE, noise: float, y: tf.Tensor, lengths: tf.Tensor, seed: tf.Tensor
) -> tf.Tensor:
    head = model.likelihood_head

    def draw(parameters: dict[str, tf.Tensor], draw_seed: tf.Tensor) -> tf.Tensor:
        return head.draw_given_noisy(y, noise, draw_seed, **parameters)

    start = tf.clip_by_value(y, *head.support)
    return restore(model, Inputs(start), draw, lengths, seed)


def _super_resolve(
    model: VAE, factor: int, means: tf.Tensor, lengths: tf.Tensor, seed: tf.Tensor
) -> tf.Tensor:
    shape = model.input_shape
    rows, columns = shape[0] // factor, shape[1] // factor

    def in_blocks(images: tf.Tensor) -> tf.Tensor:
        blocks = tf.reshape(images, [-1, rows, factor, columns, factor, shape[2]])
        blocks = tf.transpose(blocks, [0, 1, 3, 5, 2, 4])
        return tf.reshape(blocks, [-1, rows, columns, shape[2], factor**2])

    def from_blocks(blocks: tf.Tensor) -> tf.Tensor:
        blocks = tf.reshape(blocks, [-1, rows, columns, shape[2], factor, factor])
        return tf.reshape(tf.transpose(blocks, [0, 1, 4, 2, 5, 3]), [-1, *shape])

    def draw(parameters: dict[str, tf.Tensor], draw_seed: tf.Tensor) -> tf.Tensor:
        full = tf.shape(means)[:1], shape
        grouped = {
            name: in_blocks(tf.broadcast_to(value, tf.concat(full, axis=0)))
            for name, value in parameters.items()
        }
        drawn = model.likelihood_head.draw_given_mean(means, draw_seed, **grouped)
        return from_blocks(drawn)

    anything = model.likelihood_parameters(model.draw_prior([1], seed))
    return restore(model, Inputs(draw(anything, seed)), draw, lengths, seed)


def restore(
    model: VAE,
    start: Inputs,
    draw: Callable[[dict[str, tf.Tensor], tf.Tensor], tf.Tensor],
    lengths: tf.Tensor,
    seed: tf.Tensor,
) -> tf.Tensor:
    """x after steps of Metropolis-within-Gibbs on p(x, z | what is known of x).

    Each step proposes z from q(z|x), accepts it by Metropolis and Hastings' rule, and
    draws x again from p(x|z) and what is known.

    Args:
        model: a model of the package.
        start: `Inputs`, with the first x [B, *input_shape]; its other inputs stay
            fixed.
        draw: function (parameters of p(x|z), a dict; seed) -> x.
        lengths: int32 [2], the lengths of the chain and of its start, which accepts all
            proposals.
        seed: int32 [2], or one for each row, [B, 2].

    Returns:
        Float32 [B, *input_shape].

    Source: Mattei & Frellsen 2018, algorithm 1; Rezende et al. 2014, appendix F.
    """
    num_steps, num_pseudo_gibbs = tf.unstack(lengths)

    def move(
        step: tf.Tensor, x: tf.Tensor, z: dict[str, tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor, dict[str, tf.Tensor]]:
        step_seed = fold_in(seed, step)
        for_z, for_test, for_x = (fold_in(step_seed, part) for part in range(3))
        inputs = start._replace(x=x)
        features = model.features(inputs)
        proposal = model.infer(inputs, features=features, seed=for_z)
        old = model.infer(inputs, features=features, z=z)
        pairs = {name: tf.concat([proposal.z[name], old.z[name]], axis=0) for name in z}
        log_p = sum(log_joint(model, pairs, inputs))
        log_q = tf.concat([total(proposal.log_q), total(old.log_q)], axis=0)
        new, before = tf.unstack(log_p - log_q)
        accepted = tf.math.log(uniform(tf.shape(new), for_test)) < new - before
        accepted |= step < num_pseudo_gibbs
        z = {
            name: tf.ensure_shape(
                tf.where(_like(accepted[None], value), value, z[name]), z[name].shape
            )
            for name, value in proposal.z.items()
        }
        parameters = model.likelihood_parameters(
            {name: value[0] for name, value in z.items()}, inputs
        )
        return step + 1, tf.ensure_shape(draw(parameters, for_x), x.shape), z

    located = model.locations(start)
    first = {name: value[None] for name, value in located.items()}
    state = (tf.constant(0), start.x, first)
    return tf.while_loop(lambda step, *_: step < num_steps, move, state)[1]


def _like(flags: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """`flags` [1, B] with axes added to match `values` [1, B, *event]."""
    for _ in range(values.shape.rank - 2):
        flags = flags[..., None]
    return flags
