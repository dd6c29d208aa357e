"""Importance sampling of log p(x) with the approximate posterior as the proposal."""

import tensorflow as tf

from vae_zoo.distributions.noise import fold_in
from vae_zoo.models.proposal import DefensiveProposal

# At a time: enough for fast matrix products, few enough that memory stays small however
# many are drawn. It is the same for every batch, so that a row draws the same in each.
SAMPLES_PER_STEP = 32
# To trace a function takes as long as about so many steps outside of one.
STEPS_WORTH_TRACING = 15


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
        seed: int32 [2], or one for each row, [B, 2].

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
    size = min(num_samples, SAMPLES_PER_STEP)
    num_full, rest = divmod(num_samples, size)

    def draw(step, count):
        proposal = DefensiveProposal(q, model.joint_prior(), count, prior_share)
        z = proposal.sample(fold_in(seed, step))
        return log_weights(model, x, z, proposal)

    def add(step, *sums):
        return step + 1, *_added(sums, draw(step, size))

    num_steps = num_full + (1 if rest else 0)

    def sums_of_all():
        # The odd one comes first, so that all the steps of the loop are alike.
        weights = draw(0, rest or size)
        nothing = tf.zeros_like(weights[0])
        sums = _added((nothing + weights.dtype.min, nothing, nothing), weights)
        return tf.while_loop(
            lambda step, *_: step < num_steps, add, (tf.constant(1), *sums)
        )

    if tf.executing_eagerly() and num_steps > STEPS_WORTH_TRACING:
        sums_of_all = tf.function(sums_of_all)
    _, largest, total, squares = sums_of_all()
    return largest + tf.math.log(total), 2 * largest + tf.math.log(squares)


def _added(sums, weights):
    """The largest log weight, and sums of weights and of squares in its units: [B].

    A sum of logarithms would lose what is added once it is a rounding of log p(x).

    Args:
        sums: these three of the weights before.
        weights: more log weights [K, B].
    """
    before, total, squares = sums
    largest = tf.maximum(before, tf.reduce_max(weights, axis=0))
    scale, ratios = tf.exp(before - largest), tf.exp(weights - largest)
    total = scale * total + tf.reduce_sum(ratios, axis=0)
    squares = scale**2 * squares + tf.reduce_sum(ratios**2, axis=0)
    return largest, total, squares
