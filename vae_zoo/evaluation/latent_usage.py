"""The use of the latents: active units, their KL and their information."""

import dataclasses
import functools
import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from vae_zoo.arguments import check_count
from vae_zoo.components.draw import total
from vae_zoo.components.rows import num_rows, parts_of_rows
from vae_zoo.evaluation.estimate import (
    Batches,
    Data,
    Estimate,
    checked_seed,
    first_examples,
)
from vae_zoo.models.input_checks import plain_value_errors
from vae_zoo.models.traced import traced
from vae_zoo.models.vae import VAE

# A unit is active if the mean of its posterior varies by more over the data.
ACTIVE_VARIANCE = 0.01
ROWS_PER_STEP = 500


@dataclasses.dataclass(frozen=True)
class LatentUsage:
    """How much a model uses its latents on some data.

    Attributes:
        variances: tuple [D], the variance over the data of each element of the mean of
            q(z|x), of a flow of what it makes of the normal's mean. On a sphere it is
            multiplied by D, so that the prior's is 1 there, too.
        num_active: how many of these exceed 0.01, the active units.
        kl_per_dimension: tuple [D], KL(q(z_d|x) || p(z_d)) in nats, the mean over the
            data; None if posterior or prior is no product over the dimensions.
        kl_errors: tuple [D], the standard errors of these, or None.
        mutual_information: `Estimate` of the mutual information of x and z under q, in
            nats. It cannot exceed log N for N examples, so a value close to that is
            only a lower bound. None of a posterior without a density at given points.
        aggregate_gap: `Estimate` of KL(q(z) || p(z)) in nats, where q(z) is the mean of
            q(z|x) over the data. Its sum with `mutual_information` is the mean of
            KL(q(z|x) || p(z)). None where that is None.
        num_examples: N.
    """

    variances: tuple[float, ...]
    num_active: int
    kl_per_dimension: tuple[float, ...] | None
    kl_errors: tuple[float, ...] | None
    mutual_information: Estimate | None
    aggregate_gap: Estimate | None
    num_examples: int

    @property
    def is_collapsed(self) -> bool:
        """Whether no unit is active: the latents say nothing about the data."""
        return self.num_active == 0

    def order(self) -> npt.NDArray[np.integer]:
        """Indices of the dimensions, most used first: int [D]."""
        measure = self.kl_per_dimension or self.variances
        return np.argsort(measure)[::-1]


def latent_usage(
    model: VAE,
    data: Data,
    *,
    num_examples: int = 10_000,
    seed: int = 0,
) -> LatentUsage:
    """`LatentUsage` of a model on the first examples of a data set.

    Warns if the posterior has collapsed.

    Args:
        model: a model of the package.
        data: `tf.data.Dataset` of x or (x, …), x float [B, *input_shape], or an array.
        num_examples: N >= 2; all pairs of examples are compared.
        seed: fixes the draws, one of z for each example.

    Returns:
        `LatentUsage`.

    Raises:
        ValueError: if there are fewer than 2 examples, or they do not fit the model.

    Source: Burda et al. 2016, appendix C (active units); Hoffman & Johnson 2016 (the
    two parts of the KL).
    """
    check_count("num_examples", num_examples, 2, "the examples to compare")
    seed = checked_seed(seed)
    with plain_value_errors():
        x, _ = first_examples(Batches(model, data), num_examples)
    if num_rows(x) < 2:
        raise ValueError(
            "`data` must be at least 2 examples, to compare them. Received: "
            f"{num_rows(x)}"
        )
    batches = list(parts_of_rows(x, ROWS_PER_STEP))
    parts = [
        _in_a_batch(model, batch, tf.constant([seed, step]))
        for step, batch in enumerate(batches)
    ]
    means, conditional, prior, *per_dimension = map(
        np.concatenate, zip(*(part[1:] for part in parts), strict=True)
    )
    scale = 1 / model.geometry.variances(model.latent_dim)
    variances = means.var(axis=0) * scale
    kl, kl_errors = _means_and_errors(*per_dimension)
    information, gap = None, None
    if all(head.has_density for head in model.posterior_heads.values()):
        aggregate = _log_aggregate(model, batches, [part[0] for part in parts])
        information = Estimate.of(conditional - aggregate)
        gap = Estimate.of(aggregate - prior)
    usage = LatentUsage(
        variances=tuple(map(float, variances)),
        num_active=int(np.sum(variances > ACTIVE_VARIANCE)),
        kl_per_dimension=kl,
        kl_errors=kl_errors,
        mutual_information=information,
        aggregate_gap=gap,
        num_examples=num_rows(x),
    )
    if usage.is_collapsed:
        warnings.warn(
            "The posterior has collapsed: over the data, the mean of no latent varies "
            f"by more than {ACTIVE_VARIANCE} of the prior's variance, and "
            "reconstructions are all alike. A smaller weight of the KL at the start of "
            "training (a warm-up) may help",
            stacklevel=2,
        )
    return usage


def _in_a_batch(
    model: VAE, x: dict[str, np.ndarray], key: tf.Tensor
) -> tuple[Any, ...]:
    """For each example: draws, means, log q, log p and, if any, KLs."""
    features = model.features(x)
    draw = model.infer(x, features=features, seed=key)
    q_z = draw.q[model.top_latent]
    if q_z is not None:
        mean, kl = q_z.mean(), _kl_per_dimension(q_z, model.prior())
    else:
        mean, kl = model.locations(x, features=features)[model.top_latent], ()
    log_prior = total(model.log_prior(draw.z, x))
    return draw.z, mean, total(draw.log_q)[0], log_prior[0], *kl


def _kl_per_dimension(
    q: tfd.Distribution, p: tfd.Distribution
) -> tuple[tf.Tensor, ...]:
    """KL(q_d || p_d) [B, D] for normals with diagonal covariances, else ()."""
    if not all(isinstance(each, tfd.MultivariateNormalDiag) for each in (q, p)):
        return ()
    return (
        tfd.kl_divergence(
            tfd.Normal(q.mean(), q.stddev()), tfd.Normal(p.mean(), p.stddev())
        ),
    )


def _means_and_errors(
    rows: np.ndarray | None = None,
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """The means and standard errors of rows [N, D] as tuples; None without rows."""
    if rows is None:
        return None, None
    rows = rows.astype(np.float64)
    errors = rows.std(axis=0, ddof=1) / math.sqrt(len(rows))
    return tuple(map(float, rows.mean(axis=0))), tuple(map(float, errors))


def _log_aggregate(
    model: VAE,
    batches: Sequence[dict[str, np.ndarray]],
    draws: Sequence[dict[str, tf.Tensor]],
) -> np.ndarray:
    """log (1/N) sum_j q(z|x_j) at each of the draws: float [N].

    Args:
        model: the model.
        batches: the examples x_j in parts.
        draws: the draws in parts, name -> [1, n, *event] each.
    """
    log_sum = traced(_log_sum, model)
    by_batch = (
        np.concatenate([log_sum(batch, part) for part in draws]) for batch in batches
    )
    found = functools.reduce(np.logaddexp, by_batch)
    return found - math.log(len(found))


def _log_sum(model: VAE, x: dict[str, tf.Tensor], z: dict[str, tf.Tensor]) -> tf.Tensor:
    # Each draw under every example's posterior: [n, B].
    every = {
        name: tf.repeat(tf.expand_dims(value[0], 1), tf.shape(x["x"])[0], axis=1)
        for name, value in z.items()
    }
    return tf.reduce_logsumexp(total(model.infer(x, z=every).log_q), axis=1)
