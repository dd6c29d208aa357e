"""Joins several sources into one."""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from vae_zoo.datasets.source import Source, as_unit_interval


def joined(sources: Sequence[Source]) -> Source:
    """The examples of several sources of one shape, one after the other."""
    shapes = {source.element_shape for source in sources}
    if len(shapes) > 1:
        raise ValueError(
            f"`split` must join splits of one shape. Received: shapes {sorted(shapes)}"
        )
    stops = list(itertools.accumulate(len(source) for source in sources))
    has_labels = all(source.has_labels for source in sources)
    classes = [
        each.classes[each.indices] for each in sources if each.classes is not None
    ]
    lookups = [source.lookup() for source in sources]

    def gather(positions: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        x = y = None
        for source, stop, index_at in zip(sources, stops, lookups, strict=True):
            start = stop - len(source)
            own = tf.clip_by_value(positions - start, 0, len(source) - 1)
            more_x, more_y = source.gather(index_at(own))
            # One split may have values 0 to 255 and another only 0 and 1.
            more_x = as_unit_interval(more_x)
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
        classes=np.concatenate(classes) if len(classes) == len(sources) else None,
        parts=tuple(sources),
    )


def _where_rows(condition: tf.Tensor, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    shape = [-1] + [1] * (a.shape.rank - 1)
    return tf.where(tf.reshape(condition, shape), a, b)
