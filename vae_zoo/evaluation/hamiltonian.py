"""Estimates log p(x) from draws of the posterior, for very few latents."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_probability as tfp
from scipy.special import logsumexp
from scipy.stats import gaussian_kde

from vae_zoo.arguments import check_count
from vae_zoo.distributions.noise import fold_in
from vae_zoo.evaluation.estimate import Batches, Data, Estimate, check_model, mapped
from vae_zoo.evaluation.latent_target import LatentTarget, State, adapted_kernel
from vae_zoo.models.input_checks import check_density
from vae_zoo.models.traced import traced
from vae_zoo.models.vae import VAE
from vae_zoo.tensors import ModelInput

MAX_LATENTS = 4
NUM_CHAINS = 20
NUM_BURNIN_STEPS = 100
# Draws, half from q(z|x) and half from p(z), among which the chains' starts are chosen.
NUM_CANDIDATES = 1000
# The share of the posterior in the region of the highest densities.
SHARE = 0.8


def hamiltonian_marginal_likelihood(
    model: VAE,
    data: Data,
    num_samples: int,
    *,
    seed: int = 0,
    verbose: int = 0,
) -> Estimate:
    """log p(x) of a data set by Hamiltonian Monte Carlo and a density estimate.

    Draws from p(z|x) give a kernel density estimate q(z) of it. The mean of q(z) / p(x,
    z) over as many new draws z in A is q(A) / p(x), where A is the region of the
    highest densities that holds four fifths of the posterior. Without A, few draws
    would decide where the tails of the estimate exceed the posterior's. q(A) is the
    share of draws from q in A.

    Twenty chains for each of the two sets start at points chosen by importance among
    draws of the model's q(z|x) and of p(z), so that they do not all start in one of
    several modes. Their first hundred moves are dropped. If no chain visits a mode, the
    mode is missing, and the error does not show it.

    Args:
        model: a model of the package with at most four latent variables.
        data: `tf.data.Dataset` of x or (x, …), x float [B, *input_shape].
        num_samples: draws in each of the two sets for each example, >= 20.
        seed: fixes the draws.
        verbose: 1 shows Keras' progress bar.

    Returns:
        `Estimate` in nats.

    Raises:
        ValueError: if the model has five latent variables or more, `num_samples` is
            below 20, or the data do not fit the model.
        Interrupted: by Ctrl-C, with the estimate from the batches that were done.

    Source: Kingma & Welling 2014, appendix D; the region, Robert & Wraith 2009; the
    starts, Rubin 1988.
    """
    size = check(check_model(model), num_samples)
    batches = Batches(model, data)
    draw = traced(_draw, model, -(-num_samples // NUM_CHAINS))
    log_joint = traced(_log_joint, model)

    def score(x: ModelInput, key: tf.Tensor) -> tuple[np.ndarray, np.ndarray]:
        # Separate chains, since with shared ones the number of starts in a mode would
        # count squared.
        states, log_p = (np.split(part, 2, axis=1) for part in draw(x, key))
        floors = np.quantile(log_p[0], 1 - SHARE, axis=(0, 1))
        densities = [
            gaussian_kde(own.reshape(-1, size).T)
            for own in np.moveaxis(states[0], 2, 0)
        ]
        drawn = tf.constant(_draws_of(densities, num_samples, key)[:, None])
        share = np.mean(log_joint(x, drawn, key) > floors, axis=(0, 1))
        means, variances = _mean_ratios(densities, states[1], log_p[1], floors)
        return np.log(share) - means, variances + (1 - share) / share / num_samples

    return mapped(score, batches, seed, verbose, lambda pair: Estimate.of(*pair))


def _draw(
    model: VAE, num_steps: int, x: ModelInput, key: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """States of the posterior, [num_steps, 40, B, U], and their log p(x, z).

    The parts of a state are concatenated, for a joint density estimate.
    """
    target = LatentTarget(model, x, NUM_CANDIDATES, 0.5, fold_in(key, 0))
    start = _resampled(target, fold_in(key, 1))
    states = tfp.mcmc.sample_chain(
        num_steps,
        start,
        kernel=adapted_kernel(target.log_joint, start, fold_in(key, 2)),
        num_burnin_steps=NUM_BURNIN_STEPS,
        trace_fn=None,
        seed=fold_in(key, 3),
    )
    return tf.concat(states, axis=-1), tf.map_fn(
        lambda parts: target.log_joint(*parts), states, fn_output_signature=tf.float32
    )


def _log_joint(
    model: VAE, x: ModelInput, states: tf.Tensor, key: tf.Tensor
) -> tf.Tensor:
    """log p(x, z) of states [L, C, B, U] with concatenated parts."""
    target = LatentTarget(model, x, NUM_CANDIDATES, 0.5, fold_in(key, 0))
    sizes = [size for (size,) in model.latent_shapes.values()]
    return tf.map_fn(
        lambda state: target.log_joint(*tf.split(state, sizes, axis=-1)), states
    )


def check(model: VAE, num_samples: object, name: str = "num_samples") -> int:
    """The number of latent variables; ValueError under `name` if it cannot be done."""
    check_count(name, num_samples, NUM_CHAINS, "one for each chain")
    check_density(model, "Hamiltonian Monte Carlo, whose chains start by q(z|x)")
    size = sum(math.prod(shape) for shape in model.latent_shapes.values())
    if size > MAX_LATENTS:
        raise ValueError(
            f"`model` must have at most {MAX_LATENTS} latent variables: density "
            f"estimates fail in more. Received: {size}; take importance sampling or "
            "annealing"
        )
    return size


def _resampled(target: LatentTarget, seed: tf.Tensor) -> State:
    """Approximate draws of p(z|x), a list of [40, B, D].

    They come from sampling-importance-resampling.
    """
    candidates = target.starts(fold_in(seed, 0))
    log_weights = tf.map_fn(
        lambda parts: target.log_joint(*parts) - target.log_start(*parts),
        candidates,
        fn_output_signature=tf.float32,
    )
    chosen = tf.random.stateless_categorical(
        tf.transpose(log_weights), 2 * NUM_CHAINS, fold_in(seed, 1)
    )
    return [
        tf.transpose(
            tf.gather(tf.transpose(part, [1, 0, 2]), chosen, batch_dims=1), [1, 0, 2]
        )
        for part in candidates
    ]


def _draws_of(
    densities: Sequence[gaussian_kde], count: int, key: tf.Tensor
) -> npt.NDArray[np.float32]:
    """`count` draws from each density: float32 [count, B, U]."""
    seeds = np.random.SeedSequence(key.numpy().view("uint32")).spawn(len(densities))
    drawn = [
        density.resample(count, np.random.default_rng(seed)).T
        for density, seed in zip(densities, seeds, strict=True)
    ]
    return np.stack(drawn, axis=1).astype("float32")


def _mean_ratios(
    densities: Sequence[gaussian_kde],
    states: np.ndarray,
    log_joint: np.ndarray,
    floors: np.ndarray,
) -> np.ndarray:
    """`_mean_ratio` of every example: [B] and [B].

    Args:
        densities: B densities.
        states: float [L, C, B, U].
        log_joint: float [L, C, B].
        floors: float [B].
    """
    by_example = (np.moveaxis(states, 2, 0), np.moveaxis(log_joint, 2, 0))
    parts = zip(densities, *by_example, floors, strict=True)
    return np.transpose([_mean_ratio(*part) for part in parts])


def _mean_ratio(
    density: gaussian_kde, draws: np.ndarray, log_joint: np.ndarray, floor: float
) -> tuple[float, float]:
    """The logarithm of the mean of q / p(x, z) in the region, and its variance.

    Args:
        density: q, an estimate from other draws.
        draws: float [L, C, U], draws of C independent chains.
        log_joint: log p(x, z) of the draws, float [L, C].
        floor: log p(x, z) on the region's edge.
    """
    log_q = density.logpdf(draws.reshape(-1, draws.shape[-1]).T)
    log_ratio = log_q.reshape(log_joint.shape) - log_joint
    log_ratio = np.where(log_joint > floor, log_ratio, -np.inf)
    log_mean = logsumexp(log_ratio) - np.log(log_ratio.size)
    # Draws within a chain are dependent; the means of the chains are not.
    chain_means = np.exp(log_ratio - log_mean).mean(axis=0)
    return log_mean, chain_means.var(ddof=1) / len(chain_means)
