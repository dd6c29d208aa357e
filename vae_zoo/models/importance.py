"""Importance sampling of log p(x) with the approximate posterior as the proposal."""

import tensorflow as tf
import tensorflow_probability as tfp

from vae_zoo.distributions.noise import fold_in
from vae_zoo.models.proposal import DefensiveProposal

# Rows of the decoder's input at a time: large enough for fast matrix products, small
# enough that memory stays a few MiB however many samples are drawn.
ROWS_PER_STEP = 4096
# The batch size to expect where a graph leaves it open.
TYPICAL_BATCH_SIZE = 128


def log_weights(model, x, z, q):
    """log p(x|z) p(z) / q(z|x), nats, z being all latent variables.

    Args:
        model: a model with `likelihood` and `joint_prior`.
        x: float [B, *input_shape].
        z: float [K, B, U], K known.
        q: what they were drawn from, with `log_prob`; the model's `joint_posterior`,
            say, batch [B], event [U].

    Returns:
        Float32 [K, B].
    """
    count = z.shape[0]
    rows = tf.reshape(z[..., : model.latent_dim], [-1, model.latent_dim])
    x = tf.tile(x, [count] + [1] * len(model.input_shape))
    log_likelihood = tf.reshape(model.likelihood(rows).log_prob(x), [count, -1])
    return log_likelihood + model.joint_prior().log_prob(z) - q.log_prob(z)


def log_marginal_likelihood(model, x, num_samples, seed):
    """log (1/K) sum_k exp(log_weights), in steps of bounded memory.

    Args:
        model: a model with `joint_posterior`, `joint_prior` and `likelihood`.
        x: float [B, *input_shape].
        num_samples: K >= 1.
        seed: int32 [2].

    Returns:
        Float32 [B], nats.

    Source: Burda et al. 2016, equation 8.
    """
    log_sum, _ = log_weight_sums(model, x, num_samples, seed)
    return log_sum - tf.math.log(float(num_samples))


def log_weight_sums(model, x, num_samples, seed, prior_share=0.0):
    """Logarithms of the sum of K weights and of the sum of their squares: [B] each.

    Arguments as above, and `prior_share` as in `DefensiveProposal`. The squared sum
    over the sum of squares is the effective sample size (Kong 1992).
    """
    q = model.joint_posterior(x)
    batch_size = x.shape[0] or TYPICAL_BATCH_SIZE
    size = min(num_samples, max(1, ROWS_PER_STEP // batch_size))
    num_full, rest = divmod(num_samples, size)

    def log_sums(step, count):
        proposal = DefensiveProposal(q, model.joint_prior(), count, prior_share)
        z = proposal.sample(fold_in(seed, step))
        weights = log_weights(model, x, z, proposal)
        return tuple(tf.reduce_logsumexp(n * weights, axis=0) for n in (1, 2))

    def add(step, *sums):
        more = log_sums(step, size)
        pairs = zip(sums, more, strict=True)
        return step + 1, *(tfp.math.log_add_exp(*pair) for pair in pairs)

    # The odd one comes first, so that all the steps of the loop are alike.
    sums = log_sums(0, rest or size)
    num_steps = num_full + (1 if rest else 0)
    _, *sums = tf.while_loop(
        lambda step, *_: step < num_steps, add, (tf.constant(1), *sums)
    )
    return sums
