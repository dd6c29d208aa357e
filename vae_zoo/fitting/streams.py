"""Data that come batch by batch: data sets, PyDatasets and generators."""

import inspect
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias, TypeGuard

import keras
import tensorflow as tf

Stream: TypeAlias = (
    tf.data.Dataset
    | tf.distribute.DistributedDataset
    | keras.utils.PyDataset
    | Iterator[Any]
)


def is_stream(data: object) -> TypeGuard[Stream]:
    """Whether `data` gives batches, of x or tuples (x, …), by itself."""
    kinds = (
        tf.data.Dataset,
        tf.distribute.DistributedDataset,
        keras.utils.PyDataset,
    )
    return isinstance(data, kinds) or inspect.isgenerator(data)


def mapped_elements(
    data: keras.utils.PyDataset | Iterator[Any], function: Callable[[Any], Any]
) -> keras.utils.PyDataset | Iterator[Any]:
    """A `keras.utils.PyDataset` or generator with `function` of each element."""
    if isinstance(data, keras.utils.PyDataset):
        return _MappedPyDataset(data, function)
    return (function(element) for element in data)


class _MappedPyDataset(keras.utils.PyDataset):
    def __init__(
        self, data: keras.utils.PyDataset, function: Callable[[Any], Any]
    ) -> None:
        super().__init__(
            workers=data.workers,
            use_multiprocessing=data.use_multiprocessing,
            max_queue_size=data.max_queue_size,
        )
        self.data, self.function = data, function

    def __len__(self) -> int:
        return len(self.data)

    @property
    def num_batches(self) -> int | None:
        return self.data.num_batches

    def __getitem__(self, index: int) -> Any:
        return self.function(self.data[index])

    def on_epoch_begin(self) -> None:
        self.data.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self.data.on_epoch_end()


def elements(data: Stream, num_batches: int | None = None) -> Iterable[Any]:
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


def limited(data: tf.data.Dataset, num_batches: int | None) -> tf.data.Dataset:
    """A `tf.data.Dataset`, or of one without an end the first batches."""
    has_end = data.cardinality() >= 0 or num_batches is None
    return data if has_end else data.take(num_batches)
