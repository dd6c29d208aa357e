"""Labels in semi-supervised training: integers, -1 where one is unknown."""

import inspect

import keras
import numpy as np
import tensorflow as tf

from vae_zoo.models.input_checks import checked_elements, limited

LENGTH_MESSAGE = (
    "`y` must have one label for each of the {} examples of a batch. Received: {}"
)


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


def checked(x, y, num_clusters):
    """`x` as it came or with a check of every batch, once its labels are known to fit.

    Args:
        x: what `fit` or `evaluate` takes as x, or as `validation_data`.
        y: its labels, of arrays, or None.
        num_clusters: K.

    Raises:
        ValueError: if labels are no integers in -1..K-1, one for each example.
    """
    if y is not None:
        check_labels(y, num_clusters, len(x))
    elif isinstance(x, tf.data.Dataset):
        spec = x.element_spec
        if isinstance(spec, tuple) and len(spec) > 1:
            return _checked_batches(x, num_clusters)
    elif isinstance(x, keras.utils.PyDataset) or inspect.isgenerator(x):
        return checked_elements(x, lambda pair: _check_pair(pair, num_clusters))
    elif isinstance(x, (tuple, list)):
        _check_pair(x, num_clusters)
    return x


def _check_pair(pair, num_clusters):
    if isinstance(pair, (tuple, list)) and len(pair) > 1 and pair[1] is not None:
        check_labels(pair[1], num_clusters, len(pair[0]))


def _checked_batches(data, num_clusters):
    x_spec, spec = data.element_spec[:2]
    _check_dtype(spec)
    is_column = spec.shape.rank in (None, 1) or spec.shape[1:].num_elements() == 1
    if not is_column or not spec.shape[:1].is_compatible_with(x_spec.shape[:1]):
        raise ValueError(
            "`y` must have one label for each of the examples of a batch. Received: "
            f"shape {tuple(spec.shape)} beside x of shape {tuple(x_spec.shape)}"
        )

    def check(*element):
        x, y = element[0], as_indices(element[1])

        def fail():
            extremes = [tf.reduce_min(y), tf.reduce_max(y)]
            message = tf.strings.format(_message(num_clusters), extremes)
            return tf.debugging.Assert(False, [message], summarize=-1)

        def fail_of_length():
            message = tf.strings.format(LENGTH_MESSAGE, (tf.shape(x)[0], tf.size(y)))
            return tf.debugging.Assert(False, [message], summarize=-1)

        obeyed = tf.reduce_all((y >= -1) & (y < num_clusters))
        tf.cond(obeyed, tf.no_op, fail)
        tf.cond(tf.equal(tf.size(y), tf.shape(x)[0]), tf.no_op, fail_of_length)
        return element

    return data.map(check)


def check_any_is_known(x, y, num_batches):
    """Raises ValueError if no label is known, looking no further than the first one.

    A generator, which can be read only once, is not looked at, nor is a data set that
    a strategy has distributed.

    Args:
        x: what `fit` trains on.
        y: its labels, of arrays.
        num_batches: of a data set without an end, how many to look at.
    """
    if inspect.isgenerator(x) or isinstance(x, tf.distribute.DistributedDataset):
        return
    if y is not None:
        labels = [y]
    elif isinstance(x, keras.utils.PyDataset):
        labels = (_labels_of(x[index]) for index in range(len(x)))
    elif isinstance(x, tf.data.Dataset):
        labels = map(_labels_of, limited(x, num_batches))
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
