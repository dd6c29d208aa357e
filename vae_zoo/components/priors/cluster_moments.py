"""Clusters as their examples say: moments of groups, and their best fit to codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from vae_zoo.components import replicas
from vae_zoo.components.rows import parts_of_rows

if TYPE_CHECKING:
    from vae_zoo.components.priors.mixture import MixturePrior

ROWS_PER_STEP = 1000
# Nats per example and latent that another step of the fit has to gain. Many small steps
# would follow the unlabelled examples, away from what the classifier says.
LEAST_GAIN = 0.01
MOST_STEPS = 50


def moments(z: np.ndarray, groups: np.ndarray, num_clusters: int) -> list[np.ndarray]:
    """The weight [K], mean [K, D] and covariance [K, D, D] of each group, in float32.

    A group of few examples is drawn towards the covariance of all, and that of few
    examples towards one that is the same in all directions. A group of none starts
    where all are.

    Args:
        z: float [N, D].
        groups: integers [N] in 0..K-1.
        num_clusters: K.
    """
    dim = z.shape[1]
    everywhere = _proper(np.cov(z, rowvar=False).reshape(dim, dim), len(z))
    counts = np.bincount(groups, minlength=num_clusters)
    loc = np.tile(z.mean(axis=0), (num_clusters, 1))
    covariance = np.tile(everywhere, (num_clusters, 1, 1))
    for index in np.flatnonzero(counts):
        own = z[groups == index]
        loc[index] = own.mean(axis=0)
        share = dim / (dim + len(own))
        scatter = (own - loc[index]).T @ (own - loc[index]) / len(own)
        covariance[index] = (1 - share) * scatter + share * everywhere
    weights = (counts + 1) / (len(z) + num_clusters)
    return [each.astype("float32") for each in (weights, loc, covariance)]


def fit_to_codes(
    model: keras.Model, inputs: dict[str, np.ndarray], y: np.ndarray
) -> None:
    """Sets p(c) and the clusters' locations and covariances to what draws of q say.

    The optimizer moves a location by no more than its learning rate in each step,
    while a classifier's weight moves the codes of a class as fast as the encoder
    learns: after a short training the clusters are not where their examples are, and
    samples of a cluster look like no class. Given q the best clusters are known in
    closed form (expectation and maximization, labelled examples in the cluster of
    their label). A step is kept if it raises the mean of log p(z|w), of labelled
    examples log p(z, y|w), and the dependence on w goes if that is better without.
    What is fitted already stays as it is, so a run that is repeated stays the same.

    Args:
        model: a mixture model whose clusters have started.
        inputs: examples, name -> array [N, ...].
        y: integer labels [N] in -1..K-1.

    Source: Dempster, Laird & Rubin 1977.
    """
    prior = model.prior_layer
    # Always the same draws after the same steps.
    seed = int(model.optimizer.iterations) & 0x7FFFFFFF
    draws, locations = [], []
    for number, part in enumerate(parts_of_rows(inputs, ROWS_PER_STEP)):
        features = model.features(part)
        own = tf.constant([seed, number * ROWS_PER_STEP])
        draw = model.infer(part, features=features, seed=own)
        draws.append({name: value[0].numpy() for name, value in draw.z.items()})
        found = model.locations(part, features=features)
        locations.append({name: value.numpy() for name, value in found.items()})
    # Which cluster an example is in, its location tells better than a draw.
    z, places = _joined(draws), _joined(locations)
    if not all(np.isfinite(each).all() for each in (*z.values(), *places.values())):
        return
    best = _climb(prior, z, places, y)
    kept = [variable.numpy() for variable in prior.trainable_variables]
    shares = _shares(prior, places, y)
    prior.forget_noise()
    _maximize(prior, z, shares)
    reached = _climb(prior, z, places, y)
    if not reached > best + _least_gain(prior):
        _assign(prior, kept)
    found = [variable.numpy() for variable in prior.trainable_variables]
    _assign(prior, replicas.of_the_first(model, found))


def _joined(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _climb(
    prior: MixturePrior,
    z: dict[str, np.ndarray],
    places: dict[str, np.ndarray],
    y: np.ndarray,
) -> float:
    """Steps while they gain; the mean log density [] that they reach."""
    best = _log_density(prior, z, y)
    for _ in range(MOST_STEPS):
        kept = [variable.numpy() for variable in prior.trainable_variables]
        _maximize(prior, z, _shares(prior, places, y))
        reached = _log_density(prior, z, y)
        if not reached > best + _least_gain(prior):
            _assign(prior, kept)
            break
        best = reached
    return best


def _least_gain(prior: MixturePrior) -> float:
    return LEAST_GAIN * prior.event_shape[0]


def _shares(
    prior: MixturePrior, places: dict[str, np.ndarray], y: np.ndarray
) -> np.ndarray:
    """How much of each example is in each cluster: [N, K], labels being known."""
    shares = _in_steps(lambda part: tf.nn.softmax(prior.log_joint(part)), places)
    shares[y >= 0] = np.eye(prior.num_components)[y[y >= 0]]
    return shares


def _maximize(
    prior: MixturePrior, z: dict[str, np.ndarray], shares: np.ndarray
) -> None:
    """Sets the clusters to the moments of their shares of the examples."""
    counts = shares.sum(axis=0)
    codes = _in_steps(prior.without_noise, z)
    loc = np.einsum("nk,nkd->kd", shares, codes) / np.maximum(counts, 1e-9)[:, None]
    offset = codes - loc
    scatter = np.einsum("nk,nkd,nke->kde", shares, offset, offset, optimize=True)
    # Clusters of few examples are drawn towards the covariance within all clusters.
    within = _proper(scatter.sum(axis=0) / len(codes), len(codes))
    dim = within.shape[0]
    covariance = scatter + dim * within
    covariance /= (counts + dim)[:, None, None]
    weights = (counts + 1) / (len(codes) + len(counts))
    prior.set_components(
        *(each.astype("float32") for each in (weights, loc, covariance))
    )


def _log_density(prior: MixturePrior, z: dict[str, np.ndarray], y: np.ndarray) -> float:
    log_joint = _in_steps(prior.log_joint, z)
    known = np.take_along_axis(log_joint, np.maximum(y, 0)[:, None], axis=1)[:, 0]
    return float(np.mean(np.where(y >= 0, known, np.logaddexp.reduce(log_joint, 1))))


def _in_steps(
    function: Callable[[Mapping[str, np.ndarray]], tf.Tensor], z: dict[str, np.ndarray]
) -> np.ndarray:
    parts = parts_of_rows(z, ROWS_PER_STEP)
    return np.concatenate([np.float64(function(part)) for part in parts])


def _assign(prior: MixturePrior, values: Sequence[np.ndarray]) -> None:
    for variable, value in zip(prior.trainable_variables, values, strict=True):
        variable.assign(value)


def _proper(covariance: np.ndarray, count: int) -> np.ndarray:
    """`covariance` of `count` examples, positive definite however few they are."""
    dim = len(covariance)
    variance = np.mean(np.diag(covariance))
    share = dim / (dim + count)
    # The least variance is that of a scale of 0.001, the smallest one allowed.
    return (1 - share) * covariance + (share * variance + 1e-6) * np.eye(dim)
