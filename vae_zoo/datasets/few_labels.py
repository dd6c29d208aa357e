"""Data sets with few known labels."""

import dataclasses

import numpy as np
import tensorflow as tf

from vae_zoo.arguments import check_count, check_instance
from vae_zoo.datasets.source import Source
from vae_zoo.fitting.labels import UNKNOWN


def with_few_labels(
    source: Source, labels_per_class: int, seed: int, *, num_classes: int | None = None
) -> Source:
    """`source` with a number of random labels of each class; the others are -1.

    Args:
        source: a `Source` with class labels, integers.
        labels_per_class: labels to keep of each class; a class that has fewer keeps
            all.
        seed: fixes which labels, an integer >= 0.
        num_classes: if given, labels have to be below it.

    Raises:
        ValueError: if a number is out of range, or the source has no class labels, or
            labels other than -1 (unknown) and 0 to `num_classes` - 1.
    """
    check_instance("source", source, Source, "a Source, as `open_source` gives it")
    meaning = "the labels to keep of each class"
    labels_per_class = check_count("labels_per_class", labels_per_class, 1, meaning)
    seed = check_count("seed", seed, 0, "which fixes which labels are kept")
    if num_classes is not None:
        check_count("num_classes", num_classes, 1, "the classes there may be")
    every, labels = _checked_labels(source, num_classes)
    known = np.full(len(labels), UNKNOWN, np.int32)
    order = np.random.default_rng(seed).permutation(len(labels))
    for label in np.unique(labels):
        chosen = order[labels[order] == label][:labels_per_class]
        known[chosen] = label
    # Indexed by the examples' indices in the underlying set.
    classes = np.full(len(every), UNKNOWN, np.int32)
    classes[source.indices] = known
    table = tf.constant(classes)

    def gather(indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x, _ = source.gather(indices)
        return x, tf.gather(table, indices)

    return dataclasses.replace(source, gather=gather, classes=classes)


def _checked_labels(
    source: Source, num_classes: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """The labels of the whole underlying set, and of the source's examples: int [N]."""
    if not source.has_labels or source.factor_names:
        raise ValueError(
            f"`labels_per_class` needs class labels. Received: {source.name!r}, which "
            "has none"
        )
    if source.classes is None:
        raise ValueError(
            "`labels_per_class` needs integer labels, one for each example. Received: "
            f"several of {source.name!r}"
        )
    labels = source.classes[source.indices]
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            "`labels_per_class` needs integer labels, one for each example. Received: "
            f"{labels.dtype} {labels.shape} of {source.name!r}"
        )
    if num_classes is not None and labels.max() >= num_classes:
        raise ValueError(
            f"`num_clusters` must be at least {labels.max() + 1}, one for a class of "
            f"{source.name!r}. Received: num_clusters={num_classes}"
        )
    if labels.min() < UNKNOWN or labels.max() == UNKNOWN:
        raise ValueError(
            "`labels_per_class` needs labels that are not negative, but for -1 where "
            f"one is unknown. Received: values from {labels.min()} to {labels.max()} "
            f"of {source.name!r}"
        )
    return source.classes, labels
