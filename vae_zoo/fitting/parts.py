"""The parts of what comes batch by batch: x, labels and sample weights."""

from typing import Any

from vae_zoo.fitting.inputs import Batch
from vae_zoo.fitting.labels import without_labels
from vae_zoo.tensors import Array


def packed(
    x: Batch, y: Array | None, weights: Array | None
) -> Batch | tuple[Batch, ...]:
    """x, (x, y) or (x, y, weights), as short as can be."""
    if weights is not None:
        return x, without_labels(_rows_of(x)) if y is None else y, weights
    return x if y is None else (x, y)


def _rows_of(x: Batch) -> Array:
    return x["x"] if isinstance(x, dict) else x


def parts_of(element: Any) -> tuple[Any, ...]:
    """An element of a stream as a tuple of one to three parts.

    A list of arrays is one of parts, too, as in Keras; a list of numbers is x.
    """
    is_list = isinstance(element, list) and all(hasattr(e, "shape") for e in element)
    parts = tuple(element) if is_list or isinstance(element, tuple) else (element,)
    if not 1 <= len(parts) <= 3:
        raise ValueError(
            "Data must be x, (x, y) or (x, y, sample weights). Received: a "
            f"{type(element).__name__} of {len(parts)} parts"
        )
    return parts
