"""Importance sampling of log p(x) with the approximate posterior as the proposal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import tensorflow as tf

from vae_zoo.components.draw import Draw, total
from vae_zoo.components.randomness import check_rows_of_seed
from vae_zoo.distributions.noise import fold_in
from vae_zoo.fitting.inputs import Inputs
from vae_zoo.models.proposal import DefensiveProposal
from vae_zoo.models.traced import traced

if TYPE_CHECKING:
    from vae_zoo.models.vae import VAE

# At a time: enough for fast matrix products, few enough that memory stays small however
# many are drawn. It is the same for every batch, so that a row draws the same in each.
SAMPLES_PER_STEP = 32
# To trace a function takes as long as about so many steps outside of one.
STEPS_WORTH_TRACING = 15
# Of a decoder's outputs at a time, in a step for many rows or large ones: 16 MiB.
ELEMENTS_AT_A_TIME = 1 << 22


def log_joint(
    model: VAE, z: dict[str, tf.Tensor], inputs: Inputs
) -> tuple[tf.Tensor, tf.Tensor]:
    """log p(z) and log p(x|z), by so few rows at a time that memory is bounded.

    Args:
        model: a model of the package.
        z: the latents, name -> float [K, B, *event], K known.
        inputs: `Inputs`, B rows.

    Returns:
        Two float32 [K, B], nats.
    """
    most = max(1, ELEMENTS_AT_A_TIME // model.elements_of_a_row)
    first = next(iter(z.values()))
    count, num_rows = first.shape[0], tf.shape(inputs.x)[0]
    known = inputs.given()["x"].shape[0]
    if known is not None and count * known <= most:
        return _split(model.log_joint(z, inputs))
    num_pairs = count * num_rows
    num_parts = tf.maximum(1, -(-num_pairs // most))
    size = -(-num_pairs // num_parts)
    # The last part repeats its last row: all have to be of one size.
    places = tf.minimum(tf.range(num_parts * size), num_pairs - 1)
    flat = {
        name: tf.reshape(value, tf.concat([[num_pairs], tf.shape(value)[2:]], axis=0))
        for name, value in z.items()
    }

    def of_part(places: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        own = {name: tf.gather(value, places)[None] for name, value in flat.items()}
        rows = _gathered(inputs, places % num_rows)
        return tuple(part[0] for part in _split(model.log_joint(own, rows)))

    parts = tf.map_fn(
        of_part,
        tf.reshape(places, [num_parts, size]),
        fn_output_signature=(tf.float32, tf.float32),
        parallel_iterations=1,
    )
    return tuple(
        tf.reshape(tf.reshape(part, [-1])[:num_pairs], [count, num_rows])
        for part in parts
    )


def _gathered(inputs: Inputs, rows: tf.Tensor) -> Inputs:
    given = inputs.given().items()
    return Inputs(**{name: tf.gather(value, rows) for name, value in given})


def _split(terms: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
    """The log-densities of all latents together and of x: [K, B] each."""
    log_likelihood = terms["x"]
    log_prior = total({name: each for name, each in terms.items() if name != "x"})
    return tf.broadcast_to(log_prior, tf.shape(log_likelihood)), log_likelihood


def log_marginal_likelihood(
    model: VAE, inputs: Inputs, num_samples: int, seed: tf.Tensor
) -> tf.Tensor:
    """log (1/K) sum_k p(x, z_k) / q(z_k|x), in steps of bounded memory.

    Args:
        model: a model of the package.
        inputs: `Inputs`, B rows.
        num_samples: K >= 1.
        seed: int32 [2], or one for each row, [B, 2].

    Returns:
        Float32 [B], nats.

    Source: Burda et al. 2016, equation 8.
    """
    log_sum, _ = log_weight_sums(model, inputs, num_samples, seed)
    return log_sum - tf.math.log(float(num_samples))


def log_weight_sums(
    model: VAE,
    inputs: Inputs,
    num_samples: int,
    seed: tf.Tensor,
    prior_share: float = 0.0,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Logarithms of the sum of K weights and of the sum of their squares: [B] each.

    Arguments as above, and `prior_share` as in `DefensiveProposal`. The squared sum
    over the sum of squares is the effective sample size (Kong 1992).
    """
    check_rows_of_seed(seed, inputs.x)
    if num_samples <= STEPS_WORTH_TRACING * SAMPLES_PER_STEP:
        return _log_weight_sums(model, num_samples, prior_share, inputs, seed)
    return traced(_log_weight_sums, model, num_samples, prior_share)(inputs, seed)


def _log_weight_sums(
    model: VAE, num_samples: int, prior_share: float, inputs: Inputs, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    features = model.features(inputs)
    size = min(num_samples, SAMPLES_PER_STEP)
    num_full, rest = divmod(num_samples, size)
    num_steps = num_full + (1 if rest else 0)

    def draw(step: int | tf.Tensor, count: int) -> tf.Tensor:
        proposal = DefensiveProposal(model, inputs, features, count, prior_share)
        return log_weights(proposal, proposal.sample(fold_in(seed, step)))

    def add(step: tf.Tensor, *sums: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return step + 1, *_added(sums, draw(step, size))

    # The odd one comes first, so that all the steps of the loop are alike.
    weights = draw(0, rest or size)
    nothing = tf.zeros_like(weights[0])
    sums = _added((nothing + weights.dtype.min, nothing, nothing), weights)
    _, largest, weight_sum, squares = tf.while_loop(
        lambda step, *_: step < num_steps,
        add,
        (tf.constant(1), *sums),
        parallel_iterations=1,
    )
    return largest + tf.math.log(weight_sum), 2 * largest + tf.math.log(squares)


def log_weights(proposal: DefensiveProposal, draw: Draw) -> tf.Tensor:
    """log p(x, z) less the proposal's log-density: float32 [K, B], nats.

    Args:
        proposal: a `DefensiveProposal`.
        draw: what it drew.
    """
    log_prior, log_likelihood = log_joint(proposal.model, draw.z, proposal.inputs)
    log_q = total(draw.log_q)
    return log_likelihood + log_prior - proposal.log_density(log_q, log_prior)


def _added(
    sums: Sequence[tf.Tensor], weights: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
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
