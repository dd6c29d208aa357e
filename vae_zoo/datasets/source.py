"""Examples by index, and the batches of an epoch made of them."""

import collections.abc
import dataclasses
import itertools
import math
import tempfile
import zlib

import numpy as np
import tensorflow as tf

from vae_zoo.batches import one_epoch, pipeline, shuffled
from vae_zoo.distributions.noise import fold_in, uniform

# Arrays up to this size are copied into a tensor; larger ones stay where they are
# (a memory map, say) and are read batch by batch.
IN_MEMORY_BYTES = 1 << 30
IMAGES_IN_A_BLOCK = 1 << 12
BINARIZATIONS = (None, "dynamic", "fixed")


@dataclasses.dataclass(frozen=True)
class Source:
    """A finite set of examples, readable in any order inside a `tf.data` graph.

    Attributes:
        name: what it is called, for messages; with `indices.start` it also tells
            the draws of `binarize="fixed"` of different splits apart.
        element_shape: the shape of one x.
        indices: which examples of the underlying set belong to this split.
        gather: from int64 indices [B] to (x, y): x uint8, to be scaled by 1/255,
            or float32 in [0, 1], [B, *element_shape]; y labels, factors or None.
        factor_names: names of the columns of y where y holds factors of variation.
        class_names: the name of each class, by its index in y, where names are
            known: folders', or TFDS'; else None.
    """

    name: str
    element_shape: tuple[int, ...]
    indices: range
    gather: collections.abc.Callable
    has_labels: bool = False
    factor_names: tuple[str, ...] = ()
    class_names: tuple[str, ...] | None = None

    def __len__(self):
        return len(self.indices)

    @property
    def has_classes(self):
        """Whether y is one class index for each example."""
        return self.has_labels and not self.factor_names

    def first(self, count):
        """The first `count` examples, or all if there are fewer: a `Source`."""
        return dataclasses.replace(self, indices=self.indices[:count])

    def num_batches(self, batch_size):
        """Batches in an epoch, the last one perhaps smaller."""
        return -(-len(self) // batch_size)

    def batches(
        self,
        batch_size,
        *,
        binarize=None,
        labels=None,
        shuffle=False,
        seed=0,
        first_epoch=None,
        epoch=None,
        replicas=range(1),
        num_replicas=1,
    ):
        """The examples as a `tf.data.Dataset` of batches; see `datasets.load`.

        With `epoch`, an int64 `tf.Variable`, one epoch: that whose number the variable
        holds when the iteration begins.

        For training on several devices: of each batch one element for each number r in
        `replicas`, with the rows r, r + num_replicas, r + 2 num_replicas, …, perhaps
        none, of what would be the batch of one process. No other rows are read.
        """
        if binarize not in BINARIZATIONS:
            raise ValueError(
                f"`binarize` must be one of {BINARIZATIONS}. Received: "
                f"binarize={binarize!r}"
            )
        if batch_size < 1:
            raise ValueError(
                f"`batch_size` must be at least 1. Received: batch_size={batch_size}"
            )
        if labels and not self.has_labels:
            raise ValueError(
                f"`labels` must not be True: {self.name!r} has neither labels nor "
                "factors. Received: labels=True"
            )
        with_labels = bool(self.factor_names) if labels is None else labels
        num_batches = self.num_batches(batch_size)
        key = [seed & 0x7FFFFFFF, zlib.crc32(self.name.encode()) & 0x7FFFFFFF]

        def batch(number, element):
            step = element // len(replicas)
            replica = replicas.start + element % len(replicas)
            epoch_key = fold_in(tf.constant(key), number)
            first = step * batch_size
            rows = tf.range(tf.minimum(first + batch_size, len(self)) - first)
            rows = rows[replica::num_replicas]
            positions = first + rows
            if shuffle:
                positions = shuffled(positions, epoch_key, len(self))
            indices = positions + self.indices.start
            x, y = self.gather(indices)
            x = tf.ensure_shape(_as_unit_interval(x), (None, *self.element_shape))
            if binarize == "dynamic":
                x = _binarized(x, fold_in(fold_in(epoch_key, step), rows))
            elif binarize == "fixed":
                x = _binarized(x, fold_in(tf.constant(key), indices))
            return (x, y) if with_labels else x

        if epoch is not None:
            epochs = tf.data.Dataset.range(1).map(lambda _: epoch.read_value())
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


def joined(sources):
    """The examples of several sources of one shape, one after the other."""
    shapes = {source.element_shape for source in sources}
    if len(shapes) > 1:
        raise ValueError(
            f"`split` must join splits of one shape. Received: shapes {sorted(shapes)}"
        )
    stops = list(itertools.accumulate(len(source) for source in sources))
    has_labels = all(source.has_labels for source in sources)

    def gather(positions):
        x = y = None
        for source, stop in zip(sources, stops, strict=True):
            start = stop - len(source)
            own = tf.clip_by_value(positions - start, 0, len(source) - 1)
            more_x, more_y = source.gather(own + source.indices.start)
            if x is None:
                x, y = more_x, more_y
                continue
            x = _where_rows(positions >= start, more_x, x)
            if has_labels:
                y = _where_rows(positions >= start, more_y, y)
        return x, y if has_labels else None

    return dataclasses.replace(
        sources[0],
        name="+".join(source.name for source in sources),
        indices=range(stops[-1]),
        gather=gather,
        has_labels=has_labels,
    )


def _where_rows(condition, a, b):
    shape = [-1] + [1] * (a.shape.rank - 1)
    return tf.where(tf.reshape(condition, shape), a, b)


def new_array(shape, dtype):
    """An array to fill: in memory, or in an unnamed temporary file if it is large."""
    if math.prod(shape) * np.dtype(dtype).itemsize <= IN_MEMORY_BYTES:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype, "w+", shape=shape)


def array_source(name, images, labels, indices, factor_names=(), class_names=None):
    """A source over arrays that support indexing by an index array.

    Args:
        name: as in `Source`.
        images: uint8, or floats in [0, 1], [N, ...]; a memory map will do. In
            uint8 the largest value is 255, or 1 where no value is larger.
        labels: None or an array [N, ...].
        indices: the range of examples to serve.
        factor_names, class_names: as in `Source`.
    """
    in_memory = images.nbytes <= IN_MEMORY_BYTES
    dtype = images.dtype if images.dtype == np.uint8 else np.dtype(np.float32)
    tensor = tf.constant(images.astype(dtype, copy=False)) if in_memory else None
    label_tensor = None if labels is None else tf.constant(labels)

    is_binary = dtype == np.uint8 and not _exceeds_one(images)

    def read(positions):
        # The underlying file is read in order, which disks like.
        order = np.argsort(positions)
        out = np.empty((len(positions), *images.shape[1:]), dtype)
        out[order] = images[positions[order]]
        return out

    def gather(positions):
        if tensor is not None:
            x = tf.gather(tensor, positions)
        else:
            x = tf.numpy_function(read, [positions], dtype, stateful=False)
        y = None if label_tensor is None else tf.gather(label_tensor, positions)
        return (tf.cast(x, tf.float32) if is_binary else x), y

    return Source(
        name=name,
        element_shape=tuple(images.shape[1:]),
        indices=indices,
        gather=gather,
        has_labels=labels is not None,
        factor_names=factor_names,
        class_names=class_names,
    )


def _exceeds_one(images):
    """Whether any value does; of grey images the first few tell."""
    blocks = range(0, len(images), IMAGES_IN_A_BLOCK)
    return any(images[i : i + IMAGES_IN_A_BLOCK].max() > 1 for i in blocks)


def _as_unit_interval(x):
    scale = 1 / 255 if x.dtype == tf.uint8 else 1.0
    return tf.cast(x, tf.float32) * scale


def _binarized(x, seeds):
    """A draw of Bernoulli(x) for x [B, ...], with a seed for each row, [B, 2]."""
    noise = uniform(tf.shape(x), seeds, event_rank=x.shape.rank - 1)
    return tf.cast(noise < x, tf.float32)
