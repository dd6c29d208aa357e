"""Batches gathered by index: the pipeline of data sets and of arrays given to `fit`.

TensorFlow's tuning of pipelines is off, and so are its optimizations, which take longer
at the start of an epoch than they save. An iterator that it tunes and that has lain
idle for half a minute, through a long validation say, may take as long to be given up,
and Keras gives one up after each epoch.
"""

import os

import numpy as np
import tensorflow as tf

PARALLEL_CALLS, PREFETCHED = min(8, os.cpu_count() or 1), 8
# Of `fit`, what says more of the data than arrays, batch size and order.
_OTHERS = ("sample_weight", "class_weight", "steps_per_epoch", "validation_steps")


def pipeline(epochs, num_elements, element, is_endless=False):
    """A `tf.data.Dataset` of the elements of epochs.

    Args:
        epochs: a `tf.data.Dataset` of numbers, one for each epoch.
        num_elements: of an epoch.
        element: from the epoch's number and the element's within it to the element.
        is_endless: whether `epochs` is.
    """
    places = epochs.flat_map(
        lambda epoch: tf.data.Dataset.range(num_elements).map(
            lambda number: (epoch, number)
        )
    )
    data = places.map(element, num_parallel_calls=PARALLEL_CALLS, deterministic=True)
    size = tf.data.INFINITE_CARDINALITY if is_endless else num_elements
    data = data.apply(tf.data.experimental.assert_cardinality(size))
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    return data.prefetch(PREFETCHED).with_options(options)


def one_epoch(seed=None):
    """The number of an epoch, another each time; the same series for the same seed."""
    numbers = tf.data.Dataset.random(seed, rerandomize_each_iteration=True)
    return numbers.take(1).map(lambda number: number & 0x7FFFFFFF)


def shuffled(positions, key, size):
    """Where the examples at `positions` of an order are, given the order's `key`.

    Args:
        positions: int64 [B], each in [0, size).
        key: int32 [2].
        size: number of examples.
    """
    return tf.random.experimental.index_shuffle(positions, key, size - 1)


def replace_arrays(given):
    """Replaces arrays by datasets of the batches that they make, in the same order.

    What is not plain arrays, or comes with weights or numbers of steps, stays as it is.

    Args:
        given: dict of arguments of `keras.Model.fit`, which changes.
    """
    if given.get("validation_split") or any(given.get(n) is not None for n in _OTHERS):
        return
    batch_size, shuffle = given.get("batch_size") or 32, given.get("shuffle", True)
    arrays = _arrays(given.get("validation_data"))
    if arrays is not None:
        size = given.pop("validation_batch_size", None) or batch_size
        given["validation_data"] = _of_arrays(arrays, size, shuffle=False)
    elif given.get("validation_data") is not None:
        # Keras would take the other size, which may be gone.
        given["validation_batch_size"] = (
            given.get("validation_batch_size") or batch_size
        )
    arrays = _arrays((given.get("x"), given.get("y")))
    if arrays is not None and shuffle in (True, False):
        # Keras takes a dataset in the order in which it comes.
        given |= {"shuffle": False, "batch_size": None, "y": None}
        given["x"] = _of_arrays(arrays, batch_size, shuffle)


def _arrays(data):
    """`data`, an array or a tuple, as one or two arrays of one length; else None."""
    parts = data if isinstance(data, tuple) else (data,)
    while parts and parts[-1] is None:
        parts = parts[:-1]
    are_arrays = all(isinstance(each, (np.ndarray, tf.Tensor)) for each in parts)
    if not are_arrays or not 1 <= len(parts) <= 2:
        return None
    lengths = {each.shape[0] if each.shape else 0 for each in parts}
    return parts if len(lengths) == 1 and lengths != {0} else None


def _of_arrays(arrays, batch_size, shuffle):
    size = arrays[0].shape[0]
    # Where the pipeline runs, also where there is a GPU.
    with tf.device("CPU:0"):
        tensors = [_single_precision(tf.convert_to_tensor(each)) for each in arrays]

    def batch(epoch, number):
        first = number * batch_size
        positions = tf.range(first, tf.minimum(first + batch_size, size))
        if shuffle:
            key = tf.stack([0, tf.cast(epoch, tf.int32)])
            positions = shuffled(positions, key, size)
        gathered = tuple(tf.gather(each, positions) for each in tensors)
        return gathered if len(gathered) > 1 else gathered[0]

    return pipeline(one_epoch(), -(-size // batch_size), batch)


def _single_precision(x):
    return tf.cast(x, tf.float32) if x.dtype.is_floating else x
