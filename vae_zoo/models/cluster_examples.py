"""Which of the training examples clusters start from."""

import inspect

import numpy as np
import tensorflow as tf

from vae_zoo.fitting.labels import labels_or_none
from vae_zoo.fitting.streams import elements


def check_can_be_read_again(x):
    """Raises ValueError if `x` can be read only once."""
    if is_read_once(x):
        raise ValueError(
            "`x` must be arrays, a tf.data.Dataset or a PyDataset while the "
            "clusters of the model await data, which are read twice. Received: a "
            "generator"
        )


def is_read_once(x):
    """Whether `x` is a generator."""
    return inspect.isgenerator(x)


def may_have_labels(x, y):
    """Whether there are labels beside `x`, as far as can be told without reading it."""
    if isinstance(x, (np.ndarray, tf.Tensor)):
        return y is not None
    if isinstance(x, tf.data.Dataset):
        return isinstance(x.element_spec, (tuple, list)) and len(x.element_spec) > 1
    return True


def chosen(x, y, num_batches, weights, count, seed, with_labels):
    """Up to `count` examples [N, ...] and their labels [N], -1 for unknown, or None.

    Args:
        x, y, num_batches, weights: as in `clusters.StartClusters`. An example without
            weight is none of them; of others without a label as many are drawn, with
            their weights as probabilities.
        count: examples, at most; labelled ones come first.
        seed: integer that fixes which ones of an array.
        with_labels: whether second elements of a data set are labels.
    """
    if isinstance(x, (np.ndarray, tf.Tensor)):
        x = np.asarray(x)
        if weights is not None:
            rows = _weighted_rows(y, np.asarray(weights, float), seed)
            x, y = x[rows], None if y is None else np.reshape(y, -1)[rows]
        return _some_of_arrays(x, y, count, seed)
    return _some_of_batches(elements(x, num_batches), count, with_labels, seed)


def _weighted_rows(y, weights, seed):
    """Which rows stand for all by their weights: labelled ones, and draws of others."""
    has_label = np.full(len(weights), False) if y is None else np.reshape(y, -1) >= 0
    others = np.flatnonzero(~has_label & (weights > 0))
    if len(others):
        share = weights[others] / weights[others].sum()
        others = np.random.default_rng(seed).choice(others, len(others), p=share)
    return np.sort(np.concatenate([np.flatnonzero(has_label & (weights > 0)), others]))


def _some_of_arrays(x, y, count, seed):
    """Up to `count` examples at random, labelled ones first."""
    order = np.random.default_rng(seed).permutation(len(x))
    if y is None:
        return x[np.sort(order[:count])], None
    y = np.reshape(y, -1)
    order = order[np.argsort(y[order] < 0, kind="stable")]
    chosen = np.sort(order[:count])
    return x[chosen], y[chosen]


def _some_of_batches(batches, count, with_labels, seed):
    """Up to `count` of the first examples, and labelled ones wherever they are."""
    parts, labels, num_unlabelled = [], [], 0
    for element in batches:
        pair = element if isinstance(element, (tuple, list)) else (element,)
        x = np.asarray(pair[0])
        labels_of_batch = labels_or_none(pair[1]) if len(pair) > 1 else None
        is_paired = with_labels and labels_of_batch is not None
        y = np.reshape(labels_of_batch, -1) if is_paired else np.full(len(x), -1)
        # Labelled examples are few and kept; of the others the first ones will do.
        if len(pair) > 2 and pair[2] is not None:
            rows = _weighted_rows(y, np.reshape(pair[2], -1).astype(float), seed)
            x, y = x[rows], y[rows]
        is_kept = (y >= 0) | (num_unlabelled + np.cumsum(y < 0) <= count)
        parts.append(x[is_kept])
        labels.append(y[is_kept])
        num_unlabelled += np.count_nonzero(y < 0)
        if not is_paired and num_unlabelled >= count:
            break
    x, y = np.concatenate(parts), np.concatenate(labels)
    chosen = np.sort(np.argsort(y < 0, kind="stable")[:count])
    return x[chosen], y[chosen] if (y[chosen] >= 0).any() else None
