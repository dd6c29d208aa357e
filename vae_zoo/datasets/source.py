"""Examples by index, and the batches of an epoch made from them."""

from __future__ import annotations

import dataclasses
import operator
import zlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from vae_zoo.arguments import (
    check_choice,
    check_count,
    check_flag,
    check_instance,
    check_seed,
    shown,
)
from vae_zoo.datasets.defaults import Binarization
from vae_zoo.distributions.noise import fold_in, uniform
from vae_zoo.fitting.batches import as_it_is, one_epoch, pipeline, shuffled

BINARIZATIONS = (None, "dynamic", "fixed")


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """A finite set of examples, readable in any order inside a `tf.data` graph.

    Attributes:
        name: its name in messages; together with an example's index it also makes the
            draws of `binarize="fixed"` differ between splits.
        element_shape: the shape of one x.
        indices: the examples of the underlying set in this split, in order: a range of
            step 1, or int64 [N].
        gather: function from int64 indices [B] to (x, y). x is uint8, to be scaled by
            1/255, or float32 in [0, 1], [B, *element_shape]; y is labels, factors or
            None.
        factor_names: names of the columns of y if y holds factors of variation.
        class_names: the name of each class, by its index in y, from folders or TFDS;
            None if unknown.
        classes: the classes of the whole underlying set, an array, if y is one class
            for each example; else None.
        parts: of a joined source, the sources that it joins.
    """

    name: str
    element_shape: tuple[int, ...]
    indices: range | np.ndarray
    gather: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor | None]]
    has_labels: bool = False
    factor_names: tuple[str, ...] = ()
    class_names: tuple[str, ...] | None = None
    classes: np.ndarray | None = None
    parts: tuple[Source, ...] = ()

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def has_classes(self) -> bool:
        """Whether y is one class index for each example."""
        return self.has_labels and not self.factor_names

    def selected(self, indices: range | np.ndarray) -> Source:
        """A `Source` of the underlying examples at `indices`."""
        return dataclasses.replace(self, indices=indices)

    def first(self, count: int) -> Source:
        """A `Source` of the first `count` examples, or all if there are fewer."""
        count = check_count("count", count, 1, "the examples to keep")
        return self.selected(self.indices[:count])

    def lookup(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """A function from int64 positions in this split to examples' indices."""
        if isinstance(self.indices, range):
            start = self.indices.start
            return lambda positions: positions + start
        table = tf.constant(self.indices)
        return lambda positions: tf.gather(table, positions)

    def num_shared_with(self, other: Source) -> int:
        """The number of examples that this source and `other` have in common."""
        return sum(
            len(np.intersect1d(own.indices, its.indices))
            for own in self.parts or (self,)
            for its in other.parts or (other,)
            if own.name == its.name
        )

    def num_batches(self, batch_size: int) -> int:
        """The number of batches in an epoch, of which the last may be smaller."""
        return -(-len(self) // _check_batch_size(batch_size))

    def batches(
        self,
        batch_size: int,
        *,
        binarize: Binarization = None,
        labels: bool | None = None,
        shuffle: bool = False,
        seed: int = 0,
        first_epoch: int | None = None,
        epoch: tf.Variable | None = None,
        replicas: range = range(1),
        num_replicas: int = 1,
    ) -> tf.data.Dataset:
        """The examples as a `tf.data.Dataset` of batches; see `datasets.load`.

        With `epoch`, an int64 `tf.Variable`, the data set is the one epoch whose number
        the variable holds when the iteration begins.

        For training on several devices, each batch of one process gives one element for
        each number r in `replicas`, with its rows r, r + num_replicas, r + 2
        num_replicas, …, perhaps none. No other rows are read.

        Raises:
            ValueError: if an argument is not as there.
        """
        check_batching(batch_size, binarize, labels, shuffle, seed, first_epoch)
        check_flag("shuffle", shuffle)
        _check_epoch(epoch, first_epoch)
        _check_replicas(replicas, num_replicas)
        if labels and not self.has_labels:
            raise ValueError(
                f"`labels` must not be True: {self.name!r} has neither labels nor "
                "factors. Received: labels=True"
            )
        with_labels = bool(self.factor_names) if labels is None else labels
        seed = operator.index(seed) & 0x7FFFFFFFFFFFFFFF
        batch_size = min(batch_size, len(self))
        num_batches = self.num_batches(batch_size)
        index_at = self.lookup()
        key = [seed & 0x7FFFFFFF, zlib.crc32(self.name.encode()) & 0x7FFFFFFF]

        def batch(
            number: tf.Tensor, element: tf.Tensor
        ) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
            step = element // len(replicas)
            replica = replicas.start + element % len(replicas)
            epoch_key = fold_in(tf.constant(key), number)
            first = step * batch_size
            rows = tf.range(tf.minimum(first + batch_size, len(self)) - first)
            rows = rows[replica::num_replicas]
            positions = first + rows
            if shuffle:
                positions = shuffled(positions, epoch_key, len(self))
            indices = index_at(positions)
            x, y = self.gather(indices)
            x = tf.ensure_shape(as_unit_interval(x), (None, *self.element_shape))
            if binarize == "dynamic":
                x = _binarized(x, fold_in(fold_in(epoch_key, step), rows))
            elif binarize == "fixed":
                x = _binarized(x, fold_in(tf.constant(key), indices))
            return (x, y) if with_labels else x

        if epoch is not None:
            epochs = tf.data.Dataset.range(1).map(
                as_it_is(lambda _: epoch.read_value())
            )
        elif first_epoch is None:
            epochs = one_epoch(seed)
        else:
            epochs = tf.data.Dataset.range(first_epoch, np.iinfo(np.int64).max)
        return pipeline(
            epochs,
            num_batches * len(replicas),
            batch,
            is_endless=first_epoch is not None,
        )


def check_batching(
    batch_size: int,
    binarize: Binarization,
    labels: bool | None,
    shuffle: bool | None,
    seed: int | None,
    first_epoch: int | None,
) -> None:
    """Raises ValueError unless these arguments of `datasets.load` are valid."""
    _check_batch_size(batch_size)
    check_choice("binarize", binarize, BINARIZATIONS)
    for name, value in (("labels", labels), ("shuffle", shuffle)):
        if value is not None:
            check_flag(name, value)
    if check_seed("seed", seed) is None:
        raise ValueError(
            "`seed` must be an integer, which fixes orders and draws. "
            "Received: seed=None"
        )
    if first_epoch is not None:
        meaning = "the number of the first epoch, of 32 bits"
        number = check_count("first_epoch", first_epoch, 0, meaning)
        if number > np.iinfo(np.int32).max:
            raise ValueError(
                f"`first_epoch` must be an integer >= 0, {meaning}. "
                f"Received: first_epoch={number}"
            )


def _check_batch_size(batch_size: int) -> int:
    return check_count("batch_size", batch_size, 1, "the examples in a batch")


def _check_epoch(epoch: tf.Variable | None, first_epoch: int | None) -> None:
    is_number = isinstance(epoch, tf.Variable) and epoch.dtype == tf.int64
    if epoch is not None and not is_number:
        raise ValueError(
            "`epoch` must be an int64 tf.Variable, the epoch's number, or None. "
            f"Received: epoch={shown(epoch)}"
        )
    if epoch is not None and first_epoch is not None:
        raise ValueError(
            "`first_epoch` must be left out along with `epoch`. Received: "
            f"first_epoch={first_epoch}, epoch={shown(epoch)}"
        )


def _check_replicas(replicas: range, num_replicas: int) -> None:
    check_count("num_replicas", num_replicas, 1, "those that a batch is dealt out to")
    check_instance("replicas", replicas, range, "a range of their numbers")
    if (
        not len(replicas)
        or replicas.step != 1
        or not (replicas.start >= 0 and replicas.stop <= num_replicas)
    ):
        raise ValueError(
            "`replicas` must be a range of one or more numbers below `num_replicas`. "
            f"Received: replicas={replicas}, num_replicas={num_replicas}"
        )


def as_unit_interval(x: tf.Tensor) -> tf.Tensor:
    """x as float32 in [0, 1]; uint8 values are divided by 255."""
    scale = 1 / 255 if x.dtype == tf.uint8 else 1.0
    return tf.cast(x, tf.float32) * scale


def _binarized(x: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
    """A draw of Bernoulli(x) for x [B, ...], with a seed for each row, [B, 2]."""
    noise = uniform(tf.shape(x), seeds, event_rank=x.shape.rank - 1)
    return tf.cast(noise < x, tf.float32)
