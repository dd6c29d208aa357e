"""Data that come batch by batch: data sets, PyDatasets and generators."""

import inspect
import itertools

import keras
import tensorflow as tf


def is_stream(data):
    """Whether `data` gives batches, of x or tuples (x, …), by itself."""
    kinds = (
        tf.data.Dataset,
        tf.distribute.DistributedDataset,
        keras.utils.PyDataset,
    )
    return isinstance(data, kinds) or inspect.isgenerator(data)


def mapped_elements(data, function):
    """A `keras.utils.PyDataset` or generator with `function` of each element."""
    if isinstance(data, keras.utils.PyDataset):
        return _MappedPyDataset(data, function)
    return (function(element) for element in data)


class _MappedPyDataset(keras.utils.PyDataset):
    def __init__(self, data, function):
        super().__init__(
            workers=data.workers,
            use_multiprocessing=data.use_multiprocessing,
            max_queue_size=data.max_queue_size,
        )
        self.data, self.function = data, function

    def __len__(self):
        return len(self.data)

    @property
    def num_batches(self):
        return self.data.num_batches

    def __getitem__(self, index):
        return self.function(self.data[index])

    def on_epoch_begin(self):
        self.data.on_epoch_begin()

    def on_epoch_end(self):
        self.data.on_epoch_end()


def elements(data, num_batches=None):
    """The elements of one pass over a stream, as an iterable.

    Args:
        data: a stream.
        num_batches: how many to take of one without an end.
    """
    if isinstance(data, keras.utils.PyDataset):
        return (data[index] for index in range(len(data)))
    if isinstance(data, tf.data.Dataset):
        return limited(data, num_batches)
    return itertools.islice(iter(data), num_batches)


def limited(data, num_batches):
    """A `tf.data.Dataset`, or of one without an end the first batches."""
    has_end = data.cardinality() >= 0 or num_batches is None
    return data if has_end else data.take(num_batches)
