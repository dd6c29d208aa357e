"""Draws of missing elements by a Markov chain over latents and missing elements."""

import tensorflow as tf

from vae_zoo.distributions.noise import fold_in, uniform
from vae_zoo.models.importance import log_weights

# The share of the chain that accepts every proposal (pseudo-Gibbs). It finds the
# region where q is a fair proposal, from a start that may be far from it.
PSEUDO_GIBBS_SHARE = 0.2


def impute(model, x, observed, num_steps, seed):
    """The missing elements after `num_steps` of Metropolis-within-Gibbs.

    Each step proposes z from q(z|x), accepts it by Metropolis and Hastings' rule, and
    draws the missing elements from p(x|z).

    Args:
        model: a model with `joint_posterior`, `joint_prior` and `likelihood`.
        x: float [B, *input_shape].
        observed: boolean [B, *input_shape].
        num_steps: length of the chain, >= 1.
        seed: int32 [2].

    Returns:
        Float32 [B, *input_shape], `x` where it was observed.

    Source: Mattei & Frellsen 2018, algorithm 1; Rezende et al. 2014, appendix F.
    """
    num_pseudo_gibbs = max(1, round(PSEUDO_GIBBS_SHARE * num_steps))

    def move(step, completed, z):
        step_seed = fold_in(seed, step)
        for_z, for_test, for_x = (fold_in(step_seed, part) for part in range(3))
        q = model.joint_posterior(completed)
        proposal = q.sample(seed=for_z)
        new, old = tf.unstack(log_weights(model, completed, tf.stack([proposal, z]), q))
        accepted = tf.math.log(uniform(tf.shape(new), for_test)) < new - old
        accepted |= step < num_pseudo_gibbs
        z = tf.where(accepted[:, None], proposal, z)
        drawn = model.likelihood(z[:, : model.latent_dim]).sample(seed=for_x)
        return step + 1, tf.where(observed, x, drawn), z

    completed = tf.where(observed, x, model.sample(1, seed=seed))
    start = model.geometry.location(model.joint_posterior(completed))
    state = (tf.constant(0), completed, start)
    _, completed, _ = tf.while_loop(lambda step, *_: step < num_steps, move, state)
    return completed
