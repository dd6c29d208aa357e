"""Batches gathered by index: the pipeline of data sets and of arrays given to `fit`.

TensorFlow's optimizations of pipelines are off, since at the start of an epoch they
take longer than they save. Its autotuning is off, too: after half a minute of idling,
such as a long validation, a tuned iterator may take as long to close, and Keras closes
one after each epoch.
"""

import os
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from vae_zoo.fitting.inputs import Batch, Parts
from vae_zoo.fitting.parts import packed

# AutoGraph would rewrite each function that a data set maps, which takes longer than to
# trace it. None of ours has a Python branch on a tensor.
as_it_is = tf.autograph.experimental.do_not_convert
PARALLEL_CALLS, PREFETCHED = min(8, os.cpu_count() or 1), 8


def pipeline(
    epochs: tf.data.Dataset,
    num_elements: int,
    element: Callable[[tf.Tensor, tf.Tensor], Any],
    is_endless: bool = False,
) -> tf.data.Dataset:
    """A `tf.data.Dataset` of the elements of epochs.

    Args:
        epochs: a `tf.data.Dataset` of numbers, one for each epoch.
        num_elements: of an epoch.
        element: function of the epoch's number and the position in the epoch that
            returns the element.
        is_endless: whether `epochs` has no end.
    """
    places = epochs.flat_map(
        as_it_is(
            lambda epoch: tf.data.Dataset.range(num_elements).map(
                as_it_is(lambda number: (epoch, number))
            )
        )
    )
    data = places.map(
        as_it_is(element), num_parallel_calls=PARALLEL_CALLS, deterministic=True
    )
    size = tf.data.INFINITE_CARDINALITY if is_endless else num_elements
    data = data.apply(tf.data.experimental.assert_cardinality(size))
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    return data.prefetch(PREFETCHED).with_options(options)


def one_epoch(seed: int | None = None) -> tf.data.Dataset:
    """A random number for an epoch, new in each pass; the seed fixes the series."""
    numbers = tf.data.Dataset.random(seed, rerandomize_each_iteration=True)
    return numbers.take(1).map(as_it_is(lambda number: number & 0x7FFFFFFF))


def shuffled(positions: tf.Tensor, key: tf.Tensor, size: int) -> tf.Tensor:
    """The indices of the examples at `positions` of the order that `key` fixes.

    Args:
        positions: int64 [B], each in [0, size).
        key: int32 [2].
        size: number of examples.
    """
    return tf.random.experimental.index_shuffle(positions, key, size - 1)


def num_examples(arrays: Parts) -> int:
    """How many examples a tuple (x, y, sample weights) has; x may be a dict."""
    return len(tf.nest.flatten(arrays[0])[0])


def of_arrays(arrays: Parts, batch_size: int, shuffle: bool) -> tf.data.Dataset:
    """A `tf.data.Dataset` of the batches of arrays, one epoch each time it is read.

    Args:
        arrays: tuple (x, y, sample weights) of arrays or tensors of one length, some
            of them None; x may be a dict of them.
        batch_size: examples in a batch; the last one may be smaller.
        shuffle: whether each epoch has its own order.
    """
    size = num_examples(arrays)
    # The pipeline runs on the CPU even if there is a GPU.
    with tf.device("CPU:0"):
        tensors = tf.nest.map_structure(
            lambda each: None if each is None else tf.convert_to_tensor(each), arrays
        )

    def batch(epoch: tf.Tensor, number: tf.Tensor) -> Batch | tuple[Batch, ...]:
        first = number * batch_size
        positions = tf.range(first, tf.minimum(first + batch_size, size))
        if shuffle:
            key = tf.stack([0, tf.cast(epoch, tf.int32)])
            positions = shuffled(positions, key, size)
        return packed(
            *tf.nest.map_structure(
                lambda each: None if each is None else tf.gather(each, positions),
                tensors,
            )
        )

    return pipeline(one_epoch(), -(-size // batch_size), batch)
