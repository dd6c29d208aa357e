"""Importance sampling of log p(x) with the approximate posterior as the proposal."""

import math

import tensorflow as tf

from vae_zoo.components.randomness import check_rows_of_seed
from vae_zoo.distributions.noise import fold_in
from vae_zoo.models.proposal import DefensiveProposal
from vae_zoo.models.traced import traced

# At a time: enough for fast matrix products, few enough that memory stays small however
# many are drawn. It is the same for every batch, so that a row draws the same in each.
SAMPLES_PER_STEP = 32
# To trace a function takes as long as about so many steps outside of one.
STEPS_WORTH_TRACING = 15
# Of a decoder's outputs at a time, in a step for many rows or large ones: 16 MiB.
ELEMENTS_AT_A_TIME = 1 << 22


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
    log_likelihood = log_likelihoods(model, x, z)
    return log_likelihood + model.joint_prior().log_prob(z) - q.log_prob(z)


def log_likelihoods(model, x, z):
    """log p(x|z), nats, by so few rows at a time that memory is bounded: [K, B].

    Arguments as in `log_weights`.
    """
    count, num_rows = z.shape[0], tf.shape(x)[0]
    z = tf.reshape(z[..., : model.latent_dim], [-1, model.latent_dim])
    most = max(1, ELEMENTS_AT_A_TIME // _elements_of_a_row(model))
    if z.shape[0] is not None and z.shape[0] <= most:
        x = tf.tile(x, [count] + [1] * len(model.input_shape))
        return tf.reshape(model.likelihood(z).log_prob(x), [count, -1])
    total = tf.shape(z)[0]
    num_parts = tf.maximum(1, -(-total // most))
    size = -(-total // num_parts)
    # The last part repeats its last row: all have to be of one size.
    places = tf.minimum(tf.range(num_parts * size), total - 1)

    def of_part(places):
        own = tf.gather(x, places % num_rows)
        return model.likelihood(tf.gather(z, places)).log_prob(own)

    parts = tf.map_fn(
        of_part,
        tf.reshape(places, [num_parts, size]),
        fn_output_signature=tf.float32,
        parallel_iterations=1,
    )
    return tf.reshape(tf.reshape(parts, [-1])[:total], [count, num_rows])


def _elements_of_a_row(model):
    """The size of what the decoder puts out for one z, or of x, if that is larger."""
    sizes = [size for size in model._decoded_shape[1:] if isinstance(size, int)]
    return max(math.prod(sizes), math.prod(model.input_shape))


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
    check_rows_of_seed(seed, x)
    if num_samples <= STEPS_WORTH_TRACING * SAMPLES_PER_STEP:
        return _log_weight_sums(model, num_samples, prior_share, x, seed)
    return traced(_log_weight_sums, model, num_samples, prior_share)(x, seed)


def _log_weight_sums(model, num_samples, prior_share, x, seed):
    q = model.joint_posterior(x)
    size = min(num_samples, SAMPLES_PER_STEP)
    num_full, rest = divmod(num_samples, size)
    num_steps = num_full + (1 if rest else 0)

    def draw(step, count):
        proposal = DefensiveProposal(q, model.joint_prior(), count, prior_share)
        z = proposal.sample(fold_in(seed, step))
        return log_weights(model, x, z, proposal)

    def add(step, *sums):
        return step + 1, *_added(sums, draw(step, size))

    # The odd one comes first, so that all the steps of the loop are alike.
    weights = draw(0, rest or size)
    nothing = tf.zeros_like(weights[0])
    sums = _added((nothing + weights.dtype.min, nothing, nothing), weights)
    _, largest, total, squares = tf.while_loop(
        lambda step, *_: step < num_steps,
        add,
        (tf.constant(1), *sums),
        parallel_iterations=1,
    )
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
