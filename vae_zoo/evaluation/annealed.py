"""Bounds on log p(x) by annealed importance sampling, from below and above."""

import dataclasses

import numpy as np
import tensorflow as tf

from vae_zoo.arguments import check_count
from vae_zoo.distributions.noise import fold_in
from vae_zoo.evaluation.estimate import (
    Batches,
    Data,
    Estimate,
    check_model,
    log_mean,
    mapped,
)
from vae_zoo.evaluation.latent_target import (
    LatentTarget,
    LogDensity,
    State,
    adapted_kernel,
)
from vae_zoo.models.input_checks import check_density
from vae_zoo.models.proposal import check_prior_share
from vae_zoo.models.traced import traced
from vae_zoo.models.vae import VAE
from vae_zoo.tensors import ModelInput

# At least half of the chains start where q has its mass.
PRIOR_SHARE = 0.5


@dataclasses.dataclass(frozen=True)
class BidirectionalEstimate:
    """log p(x) of data that the model drew, bounded from both sides.

    Attributes:
        lower: `Estimate`, in nats, no larger than log p(x) in expectation.
        upper: `Estimate`, in nats, no smaller than log p(x) in expectation.
        gap: `Estimate` of their difference: the largest average error of annealing on
            such data.
    """

    lower: Estimate
    upper: Estimate
    gap: Estimate


def annealed_marginal_likelihood(
    model: VAE,
    data: Data,
    num_steps: int,
    *,
    num_chains: int = 1,
    prior_share: float = PRIOR_SHARE,
    seed: int = 0,
    verbose: int = 0,
) -> Estimate:
    """log p(x) of a data set by annealed importance sampling.

    Each chain starts at a draw from r(z), which is q(z|x) mixed with p(z). It passes
    through the densities r(z)^(1 - t) p(x, z)^t for t = 1/n, 2/n, …, 1, with a step of
    Hamiltonian Monte Carlo at each. Fifty earlier steps find the step size of each
    example. With n = 1 it is importance sampling.

    Args:
        model: a model of the package.
        data: `tf.data.Dataset` of x or (x, …), x float [B, *input_shape].
        num_steps: n >= 1.
        num_chains: C >= 1, the chains whose weights are averaged.
        prior_share: share of the chains, in [0, 1), that start at draws from p(z); they
            find what q(z|x) misses.
        seed: fixes the draws.
        verbose: 1 shows Keras' progress bar.

    Returns:
        `Estimate` in nats, no larger than log p(x) in expectation.

    Raises:
        ValueError: if a number is below 1, or the data do not fit the model.
        Interrupted: by Ctrl-C, with the estimate from the batches that were done.

    Source: Neal 2001; for decoders, Wu et al. 2017 (who start from the prior).
    """
    settings = _checked(model, num_steps, num_chains, prior_share)
    batches = Batches(model, data)
    score = traced(_score, model, *settings)
    return mapped(score, batches, seed, verbose, lambda pair: Estimate.of(*pair))


def _score(
    model: VAE,
    num_steps: int,
    num_chains: int,
    prior_share: float,
    x: ModelInput,
    key: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    return log_likelihood(model, x, num_steps, num_chains, prior_share, key)


def bidirectional(
    model: VAE,
    num_examples: int,
    num_steps: int,
    *,
    num_chains: int = 1,
    prior_share: float = PRIOR_SHARE,
    batch_size: int = 100,
    seed: int = 0,
    verbose: int = 0,
) -> BidirectionalEstimate:
    """Annealing from both sides, on data that the model draws.

    z is drawn from p(z) and x from p(x|z). So z is a draw from the exact posterior
    p(z|x), from which chains that run backwards have to start.

    Args:
        model: a model of the package.
        num_examples: how many to draw, >= 1.
        num_steps: as in `annealed_marginal_likelihood`.
        num_chains: as there; only one chain runs backwards.
        prior_share: as there.
        batch_size: examples at a time, >= 1.
        seed: fixes the draws.
        verbose: 1 shows Keras' progress bar.

    Returns:
        `BidirectionalEstimate`.

    Raises:
        ValueError: if a number is out of range.
        Interrupted: by Ctrl-C, with the estimate from the batches that were done.

    Source: Grosse et al. 2015; Wu et al. 2017, section 4.
    """
    settings = _checked(model, num_steps, num_chains, prior_share)
    check_count("num_examples", num_examples, 1, "the examples to draw")
    check_count("batch_size", batch_size, 1, "the examples at a time")
    sides = traced(_sides, model, *settings)

    def summarize(found: tuple[np.ndarray, np.ndarray]) -> BidirectionalEstimate:
        lower, upper = found
        return BidirectionalEstimate(
            *(Estimate.of(values) for values in (lower, upper, upper - lower))
        )

    numbers = tf.data.Dataset.range(num_examples).batch(batch_size)
    return mapped(sides, numbers, seed, verbose, summarize)


def _sides(
    model: VAE,
    num_steps: int,
    num_chains: int,
    prior_share: float,
    numbers: tf.Tensor,
    key: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """log p(x) from below and from above, for one example per element of `numbers`."""
    z = model.draw_prior([tf.size(numbers)], fold_in(key, 0))
    x = model.likelihood(z).sample(seed=fold_in(key, 1))
    chains = (num_chains, prior_share)
    lower, _ = log_likelihood(model, x, num_steps, *chains, fold_in(key, 2))
    target = LatentTarget(model, x, *chains, fold_in(key, 3))
    start = [part[None] for part in target.whiten(z, fold_in(key, 4))]
    ends = (target.log_joint, target.log_start)
    backwards = _anneal(
        target, ends, start, num_steps, fold_in(key, 5), is_forward=False
    )
    return lower, -backwards[0]


def log_likelihood(
    model: VAE,
    x: ModelInput,
    num_steps: int,
    num_chains: int,
    prior_share: float,
    seed: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """log p(x) of a batch x [B, *input_shape] and its variance: float [B] each."""
    target = LatentTarget(model, x, num_chains, prior_share, fold_in(seed, 0))
    start = target.starts(fold_in(seed, 1))
    ends = (target.log_start, target.log_joint)
    log_weights = _anneal(target, ends, start, num_steps, fold_in(seed, 2))
    log_weights = tf.ensure_shape(log_weights, (num_chains, None))
    return log_mean(log_weights, target.proposal.sizes)


def _checked(
    model: VAE, num_steps: object, num_chains: object, prior_share: object
) -> tuple[int, int, float]:
    check_density(check_model(model), "annealing, which starts at q(z|x)")
    return (
        check_count("num_steps", num_steps, 1, "the densities to pass through"),
        check_count("num_chains", num_chains, 1, "the chains of each example"),
        check_prior_share(prior_share),
    )


def _anneal(
    target: LatentTarget,
    ends: tuple[LogDensity, LogDensity],
    start: State,
    num_steps: int,
    seed: tf.Tensor,
    is_forward: bool = True,
) -> tf.Tensor:
    """Log weights [C, B] of chains from draws of one density to another.

    Args:
        target: a `LatentTarget`.
        ends: the two log-densities.
        start: states, a list of [C, B, D], draws from the first density.
        num_steps: steps from one density to the other.
        seed: int32 [2].
        is_forward: whether the second density is the posterior's.
    """
    # Uses separate draws, since the chains' moves must not depend on their start.
    elsewhere = target.starts(fold_in(seed, 0))
    hamiltonian = adapted_kernel(target.log_joint, elsewhere, fold_in(seed, 1))
    step_size = hamiltonian.step_size
    start_density, end_density = ends
    has_prior = target.proposal.sizes[1] > 0

    def move(
        step: tf.Tensor, states: State, log_weights: tf.Tensor
    ) -> tuple[tf.Tensor, State, tf.Tensor]:
        share = tf.cast(step + 1, tf.float32) / num_steps

        def log_density(*states: tf.Tensor) -> tf.Tensor:
            return (1 - share) * start_density(*states) + share * end_density(*states)

        log_weights += (end_density(*states) - start_density(*states)) / num_steps
        # Every other step has the width that chains from the prior need. All chains
        # take it: if a step depended on where its chain started, the weights would be
        # biased.
        is_wide = has_prior & (step % 2 == 0)
        widths = [
            tf.where(is_wide, width, 1.0)
            for width in target.widths(share if is_forward else 1 - share)
        ]
        kernel = hamiltonian.copy(
            target_log_prob_fn=log_density,
            step_size=[step_size * width for width in widths],
        )
        # TFP's own chain would reuse the density's value from the step before, a bias.
        results = kernel.bootstrap_results(states)
        states, _ = kernel.one_step(states, results, seed=fold_in(seed, step + 2))
        return step + 1, states, log_weights

    state = (tf.constant(0), start, tf.zeros(tf.shape(start[0])[:-1]))
    return tf.while_loop(lambda step, *_: step < num_steps, move, state)[2]
