"""Which of the training examples clusters start from."""

import inspect

import numpy as np
import tensorflow as tf

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


def chosen(x, y, num_batches, count, seed, with_labels):
    """Up to `count` examples [N, ...] and their labels [N], -1 for unknown, or None.

    Args:
        x, y, num_batches: as in `clusters.StartClusters`.
        count: examples, at most; labelled ones come first.
        seed: integer that fixes which ones of an array.
        with_labels: whether second elements of a data set are labels.
    """
    if isinstance(x, (np.ndarray, tf.Tensor)):
        return _some_of_arrays(np.asarray(x), y, count, seed)
    return _some_of_batches(elements(x, num_batches), count, with_labels)


def _some_of_arrays(x, y, count, seed):
    """Up to `count` examples at random, labelled ones first."""
    order = np.random.default_rng(seed).permutation(len(x))
    if y is None:
        return x[np.sort(order[:count])], None
    y = np.reshape(y, -1)
    order = order[np.argsort(y[order] < 0, kind="stable")]
    chosen = np.sort(order[:count])
    return x[chosen], y[chosen]


def _some_of_batches(batches, count, with_labels):
    """Up to `count` of the first examples, and labelled ones wherever they are."""
    parts, labels, num_unlabelled = [], [], 0
    for element in batches:
        pair = element if isinstance(element, (tuple, list)) else (element,)
        x = np.asarray(pair[0])
        is_paired = with_labels and len(pair) > 1 and pair[1] is not None
        y = np.reshape(pair[1], -1) if is_paired else np.full(len(x), -1)
        # Labelled examples are few and kept; of the others the first ones will do.
        is_kept = (y >= 0) | (num_unlabelled + np.cumsum(y < 0) <= count)
        parts.append(x[is_kept])
        labels.append(y[is_kept])
        num_unlabelled += np.count_nonzero(y < 0)
        if not is_paired and num_unlabelled >= count:
            break
    x, y = np.concatenate(parts), np.concatenate(labels)
    chosen = np.sort(np.argsort(y < 0, kind="stable")[:count])
    return x[chosen], y[chosen] if (y[chosen] >= 0).any() else None
