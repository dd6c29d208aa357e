"""log p(x) of a data set by importance sampling."""

import math
import warnings

import numpy as np
import tensorflow as tf

from vae_zoo.arguments import check_count
from vae_zoo.distributions.noise import fold_in
from vae_zoo.evaluation.estimate import (
    Batches,
    Data,
    Estimate,
    mapped,
    relative_variance,
)
from vae_zoo.evaluation.measurement import FEW_SAMPLES
from vae_zoo.models import importance
from vae_zoo.models.proposal import check_prior_share
from vae_zoo.models.traced import traced
from vae_zoo.models.vae import VAE
from vae_zoo.tensors import ModelInput


def marginal_likelihood(
    model: VAE,
    data: Data,
    num_samples: int,
    *,
    prior_share: float = 0.0,
    seed: int = 0,
    verbose: int = 0,
) -> dict[str, Estimate]:
    """Importance-sampled log p(x), the ELBO and its terms over a data set.

    It warns if the effective sample size is below ten on average.

    Args:
        model: a model of the package.
        data: `tf.data.Dataset` of x or (x, …), x float [B, *input_shape], or an array;
            memory depends on the batch, not on the number of samples.
        num_samples: draws from q(z|x) per example, >= 1.
        prior_share: the share of these, in [0, 1), to draw from p(z) instead (rounded
            within each step, at least one). With few latents, q often misses whole
            modes of the posterior. Draws from q do not show that, so the estimate is
            too low and its error too small.
        seed: fixes the draws.
        verbose: 1 shows Keras' progress bar.

    Returns:
        Dict of `Estimate`: in nats `log_marginal_likelihood`, `elbo` and its terms,
        `log_likelihood`, `kl` and a model's own (one sample of z each); and
        `effective_sample_size` of an example's draws, from 1 to `num_samples`.

    Raises:
        ValueError: if a number is out of range, or the data do not fit the model.
        Interrupted: by Ctrl-C, with the estimates from the batches that were done.

    Source: Burda et al. 2016, equation 8; Hesterberg 1995 for draws from the prior.
    """
    check_count("num_samples", num_samples, 1, "the draws from q(z|x) per example")
    prior_share = check_prior_share(prior_share)
    batches = Batches(model, data)
    score = traced(
        _score, model, num_samples, prior_share, jit_compile=model.gains_by_xla()
    )

    def summarize(scores: dict[str, np.ndarray]) -> dict[str, Estimate]:
        variances = {"log_marginal_likelihood": scores.pop("variance")}
        return {
            name: Estimate.of(values, variances.get(name))
            for name, values in scores.items()
        }

    found = mapped(score, batches, seed, verbose, summarize)
    size = found["effective_sample_size"].mean
    if size < FEW_SAMPLES:
        warnings.warn(_about_few_samples(size), stacklevel=2)
    return found


def _about_few_samples(size: float) -> str:
    """A text on what an effective sample size below ten means, and what helps."""
    return (
        f"The effective sample size is {size:.1f} of the draws for an example, below "
        f"{FEW_SAMPLES}: a few draws decide `log_marginal_likelihood`, which can "
        "be too low by more than its error says. Take more samples (`num_samples`), a "
        "share of them from the prior (`prior_share`), or annealed importance sampling"
    )


def _score(
    model: VAE, num_samples: int, prior_share: float, x: ModelInput, key: tf.Tensor
) -> dict[str, tf.Tensor]:
    log_sum, log_squares = importance.log_weight_sums(
        model, model.as_inputs(x), num_samples, key, prior_share
    )
    terms = model.elbo_terms(x, seed=fold_in(key, 1))
    return {
        "log_marginal_likelihood": log_sum - math.log(num_samples),
        "variance": relative_variance(log_sum, log_squares, num_samples),
        "effective_sample_size": tf.exp(2 * log_sum - log_squares),
        "elbo": terms["log_likelihood"] - terms["kl"],
        **{name: terms[name] for name in model.term_names},
    }
