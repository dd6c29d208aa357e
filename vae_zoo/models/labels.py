"""Labels in semi-supervised training: integers, -1 where one is unknown."""

import keras
import numpy as np
import tensorflow as tf


def check_labels(y, num_clusters, num_examples):
    """Raises ValueError unless array `y` has a label or -1 for every example."""
    _check_dtype(y)
    size = int(np.prod(np.shape(y)))
    if np.shape(y)[:1] != (num_examples,) or size != num_examples:
        raise ValueError(
            f"`y` must have one label for each of the {num_examples} examples. "
            f"Received: shape {tuple(np.shape(y))}"
        )
    values = np.asarray(y)
    if size and not (values.min() >= -1 and values.max() < num_clusters):
        raise ValueError(
            _message(num_clusters).format(int(values.min()), int(values.max()))
        )


def as_indices(y):
    """Labels of any integer type and [B] or [B, 1] as int32 [B]."""
    return tf.cast(tf.reshape(y, [-1]), tf.int32)


def are_in(data):
    """Whether the elements of a `tf.data.Dataset` are (x, y, …)."""
    spec = data.element_spec
    return isinstance(spec, tuple) and len(spec) > 1


def checked_batches(data, num_clusters):
    """A data set of (x, y, …), with a check of every batch's labels."""
    _check_dtype(data.element_spec[1])

    def check(*element):
        y = as_indices(element[1])

        def fail():
            extremes = [tf.reduce_min(y), tf.reduce_max(y)]
            message = tf.strings.format(_message(num_clusters), extremes)
            return tf.debugging.Assert(False, [message], summarize=-1)

        obeyed = tf.reduce_all((y >= -1) & (y < num_clusters))
        tf.cond(obeyed, tf.no_op, fail)
        return element

    return data.map(check)


def check_any_is_known(x, y, num_batches):
    """Raises ValueError if no label is known, looking no further than the first one.

    Args:
        x: what `fit` trains on.
        y: its labels, of arrays.
        num_batches: of a data set without an end.
    """
    if y is not None:
        labels = [y]
    elif isinstance(x, keras.utils.PyDataset):
        labels = (_labels_of(x[index]) for index in range(len(x)))
    elif isinstance(x, tf.data.Dataset):
        labels = map(_labels_of, x if num_batches is None else x.take(num_batches))
    else:
        labels = [-1]
    if not any(np.any(np.asarray(each) >= 0) for each in labels):
        raise ValueError(
            "`y` must have a label that is not -1 with a classifier weight. Received: "
            "unknown labels alone"
        )


def _labels_of(element):
    has_labels = isinstance(element, (tuple, list)) and len(element) > 1
    return element[1] if has_labels and element[1] is not None else -1


def _check_dtype(y):
    dtype = tf.as_dtype(getattr(y, "dtype", None) or np.asarray(y).dtype)
    if not dtype.is_integer:
        raise ValueError(
            "`y` must be of integers, class indices, or -1 for unknown. Received: "
            f"dtype {dtype.name}"
        )


def _message(num_clusters):
    return (
        f"`y` must lie in -1..{num_clusters - 1}, -1 for unknown. Received: values "
        "from {} to {}"
    )
