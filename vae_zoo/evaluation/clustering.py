"""Agreement of clusters with classes."""

import dataclasses

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from vae_zoo.arguments import shown
from vae_zoo.arrays import as_array, as_floats
from vae_zoo.evaluation.estimate import Batches, float_inputs
from vae_zoo.models.input_checks import plain_value_errors
from vae_zoo.models.traced import traced
from vae_zoo.models.vae import VAE
from vae_zoo.tensors import ModelInput

# The label of a cluster that a mapping leaves out; no example has it.
NO_LABEL = -1


@dataclasses.dataclass(frozen=True)
class ClusteringScores:
    """Agreement of clusters with labels; the best value of each score is 1.

    Attributes:
        hungarian_accuracy: share of examples whose cluster stands for their label,
            where no two clusters stand for the same label.
        majority_accuracy: the same if each cluster stands for the most frequent label
            of its examples. With many clusters it is near 1 for any clustering.
        most_confident_accuracy: the same if each cluster stands for the label of the
            example most probably in it (Dilokthanakul et al. 2016).
        label_accuracy: the same if cluster c stands for label c, as in a model that
            learned from labels.
        normalized_mutual_information: mutual information over the mean of the two
            entropies.
        adjusted_rand_index: share of pairs on which both agree, adjusted to be 0 at
            random.
        cluster_shares: tuple [K], the share of examples in each cluster.
        num_examples: the number of examples.
    """

    hungarian_accuracy: float
    majority_accuracy: float
    most_confident_accuracy: float
    label_accuracy: float
    normalized_mutual_information: float
    adjusted_rand_index: float
    cluster_shares: tuple[float, ...]
    num_examples: int


def evaluate_clusters(
    model: VAE, data: tf.data.Dataset, reference: tf.data.Dataset | None = None
) -> ClusteringScores:
    """Scores the clusters of a mixture model on labelled data.

    Args:
        model: a model with clusters.
        data: `tf.data.Dataset` of (x, y), y integer labels [B]; examples with the
            unknown label -1 do not count.
        reference: a data set whose labels name the clusters; `data` by default, as in
            the literature.

    Returns:
        `ClusteringScores` of `data`.

    Raises:
        ValueError: if a data set has no labels, or as in `score_clusters`.
    """
    found = probabilities_and_labels(model, data)
    if reference is None:
        return score_clusters(*found)
    return score_clusters(
        *found, *probabilities_and_labels(model, reference, "reference")
    )


def probabilities_and_labels(
    model: VAE, data: tf.data.Dataset, name: str = "data"
) -> tuple[np.ndarray, np.ndarray]:
    """p(c|x) [N, K] of the labelled examples of a data set, and their labels [N]."""
    batches = Batches(model, data, name)
    if not model.num_clusters:
        raise ValueError(
            "`model` must have clusters, as GaussianMixtureVAE has. Received: "
            f"{type(model).__name__} with the prior {type(model.prior_layer).__name__}"
        )
    spec = getattr(data, "element_spec", None)
    if not isinstance(spec, tuple) or len(spec) < 2:
        raise ValueError(
            f"`{name}` must have elements (x, y), y being labels. Received: elements "
            f"{spec or shown(data)}"
        )
    probabilities = traced(_probabilities, model)
    with plain_value_errors():
        pairs = [
            (probabilities(float_inputs(x)).numpy(), np.reshape(y, -1))
            for x, y, *_ in batches
        ]
    if not pairs:
        raise ValueError(f"`{name}` must have at least one example. Received: none")
    found, labels = (np.concatenate(each) for each in zip(*pairs, strict=True))
    is_known = labels != NO_LABEL
    return found[is_known], labels[is_known]


def _probabilities(model: VAE, x: ModelInput) -> tf.Tensor:
    return model.cluster_probabilities(x)


def score_clusters(
    probabilities: npt.ArrayLike,
    labels: npt.ArrayLike,
    reference_probabilities: npt.ArrayLike | None = None,
    reference_labels: npt.ArrayLike | None = None,
) -> ClusteringScores:
    """`ClusteringScores` with each example in its most probable cluster.

    Args:
        probabilities: float [N, K], the probability of each cluster.
        labels: integers [N], >= 0.
        reference_probabilities: float [M, K], for the examples whose labels name the
            clusters; `probabilities` by default.
        reference_labels: integers [M], >= 0.

    Raises:
        ValueError: if the shapes do not match, or a label is negative or no integer.
    """
    probabilities, labels = _checked(probabilities, labels)
    if (reference_probabilities is None) != (reference_labels is None):
        raise ValueError(
            "`reference_probabilities` and `reference_labels` must come together. "
            "Received: one of them"
        )
    if reference_probabilities is None or reference_labels is None:
        reference, reference_labels = probabilities, labels
    else:
        reference, reference_labels = _checked(
            reference_probabilities, reference_labels
        )
    if reference.shape[1] != probabilities.shape[1]:
        raise ValueError(
            "`reference_probabilities` must be of the same clusters, "
            f"K={probabilities.shape[1]}. Received: K={reference.shape[1]}"
        )
    clusters = probabilities.argmax(axis=1)
    together = counts_together(reference.argmax(axis=1), reference_labels)
    table = np.zeros((probabilities.shape[1], together.shape[1]))
    table[: len(together)] = together

    def accuracy(mapping: np.ndarray) -> float:
        return float(np.mean(mapping[clusters] == labels))

    shares = np.bincount(clusters, minlength=probabilities.shape[1]) / len(labels)
    return ClusteringScores(
        hungarian_accuracy=accuracy(hungarian_mapping(table)),
        majority_accuracy=accuracy(majority_mapping(table)),
        most_confident_accuracy=accuracy(
            most_confident_mapping(reference, reference_labels)
        ),
        label_accuracy=float(np.mean(clusters == labels)),
        normalized_mutual_information=float(
            normalized_mutual_info_score(labels, clusters)
        ),
        adjusted_rand_index=float(adjusted_rand_score(labels, clusters)),
        cluster_shares=tuple(map(float, shares)),
        num_examples=len(labels),
    )


def bootstrapped_errors(
    probabilities: np.ndarray,
    labels: np.ndarray,
    num_resamples: int = 30,
    seed: int = 0,
) -> dict[str, float]:
    """The standard error of each of `ClusteringScores`: dict name -> float.

    It is the standard deviation over sets of N examples drawn from the N with
    replacement; each set names the clusters again.

    Source: Efron 1979.
    """
    rng = np.random.default_rng(seed)
    draws = [
        vars(score_clusters(probabilities[rows], labels[rows]))
        for rows in rng.integers(len(labels), size=(num_resamples, len(labels)))
    ]
    return {
        name: float(np.std([draw[name] for draw in draws], ddof=1))
        for name, value in draws[0].items()
        if isinstance(value, float)
    }


def counts_together(
    clusters: np.ndarray, labels: np.ndarray
) -> npt.NDArray[np.integer]:
    """The number of examples for each cluster and label: integers [K, L]."""
    table = np.zeros((clusters.max() + 1, labels.max() + 1), np.int64)
    np.add.at(table, (clusters, labels), 1)
    return table


def hungarian_mapping(table: np.ndarray) -> npt.NDArray[np.integer]:
    """The one-to-one labels [K] of clusters with which most examples agree.

    Clusters that are left over, or share no example with their label, get -1.

    Args:
        table: [K, L], as `counts_together` returns it.

    Source: Kuhn 1955, by `scipy.optimize.linear_sum_assignment`.
    """
    mapping = np.full(len(table), NO_LABEL)
    rows, columns = linear_sum_assignment(table, maximize=True)
    mapping[rows] = np.where(table[rows, columns] > 0, columns, NO_LABEL)
    return mapping


def majority_mapping(table: np.ndarray) -> npt.NDArray[np.integer]:
    """The most frequent label of each cluster, [K]; -1 for empty clusters."""
    return np.where(table.sum(axis=1) > 0, table.argmax(axis=1), NO_LABEL)


def most_confident_mapping(
    probabilities: np.ndarray, labels: np.ndarray
) -> npt.NDArray[np.integer]:
    """The label of the example most probably in each cluster, [K].

    Source: Dilokthanakul et al. 2016, section 5.2.
    """
    return labels[probabilities.argmax(axis=0)]


def _checked(
    probabilities: npt.ArrayLike, labels: npt.ArrayLike
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.integer]]:
    probabilities = as_floats("probabilities", probabilities)
    labels = as_array("labels", labels)
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1]:
        raise ValueError(
            "`probabilities` must have shape [N, K] and `labels` [N]. Received: "
            f"shapes {probabilities.shape} and {labels.shape}"
        )
    if not np.issubdtype(labels.dtype, np.integer) or labels.min(initial=0) < 0:
        raise ValueError(
            "`labels` must be integers >= 0. Received: "
            f"{labels.dtype}, smallest {labels.min(initial=0)}"
        )
    if not len(labels):
        raise ValueError("`labels` must have at least one label. Received: none")
    return probabilities, labels
