"""Training data, for parts of a model that need some examples."""

import inspect
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from vae_zoo.fitting import labels
from vae_zoo.fitting.inputs import Parts, arrays_by_name
from vae_zoo.fitting.labels import labels_or_none
from vae_zoo.fitting.streams import Stream, elements, is_stream
from vae_zoo.tensors import ModelInput, TensorLike


class TrainingData:
    """Examples with their labels and weights.

    Args:
        x: the data of `fit`: an array, a dict of arrays by the inputs' names, or a
            stream.
        y: labels, for a model that learns from them, or None.
        num_batches: how many batches to read of a data set without an end.
        sample_weight: how much each example of arrays counts, numbers [N]; or None.
    """

    def __init__(
        self,
        x: ModelInput | Stream,
        y: TensorLike | None = None,
        num_batches: int | None = None,
        sample_weight: TensorLike | None = None,
    ) -> None:
        self.x, self.y = x, y
        self.num_batches, self.sample_weight = num_batches, sample_weight

    @classmethod
    def of(cls, data: Stream | Parts, num_batches: int | None = None) -> "TrainingData":
        """Made of the data of `fit`: a stream, or a tuple (x, y, sample weights)."""
        if is_stream(data):
            return cls(data, num_batches=num_batches)
        x, y, weights = data
        return cls(x, y, num_batches, weights)

    @property
    def is_read_once(self) -> bool:
        """Whether the data are a generator."""
        return inspect.isgenerator(self.x)

    @property
    def may_have_labels(self) -> bool:
        """Whether there may be labels; finds out without reading the data."""
        if not is_stream(self.x):
            return self.y is not None
        if isinstance(self.x, tf.data.Dataset):
            spec = self.x.element_spec
            return isinstance(spec, (tuple, list)) and len(spec) > 1
        return True

    def check_any_label_is_known(self) -> None:
        """Raises ValueError if no label is known; see `labels.check_any_is_known`."""
        data = self.x if is_stream(self.x) else (self.x, self.y, self.sample_weight)
        labels.check_any_is_known(data, self.num_batches)

    def some(
        self, count: int, seed: int, *, with_labels: bool
    ) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
        """Up to `count` examples, and their labels.

        Examples of weight 0 are left out. The others without a label are resampled with
        their weights as probabilities.

        Args:
            count: the most examples to return; labelled ones come first.
            seed: integer that fixes the choice from arrays.
            with_labels: whether the second elements of a data set are labels.

        Returns:
            The inputs, name -> array [N, ...], and labels [N], -1 for unknown, or None.
        """
        if is_stream(self.x):
            batches = elements(self.x, self.num_batches)
            return _some_of_batches(batches, count, with_labels, seed)
        inputs, y = arrays_by_name(self.x), self.y
        if self.sample_weight is not None:
            rows = _weighted_rows(y, np.asarray(self.sample_weight, float), seed)
            inputs, y = _rows(inputs, rows), None if y is None else _flat(y)[rows]
        return _some_of_arrays(inputs, y, count, seed)


def _rows(inputs: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    return {name: value[rows] for name, value in inputs.items()}


def _flat(y: TensorLike) -> np.ndarray:
    return np.reshape(y, -1)


def _weighted_rows(y: TensorLike | None, weights: np.ndarray, seed: int) -> np.ndarray:
    """Rows that represent all by their weights: labelled rows, and draws of others."""
    has_label = np.full(len(weights), False) if y is None else _flat(y) >= 0
    others = np.flatnonzero(~has_label & (weights > 0))
    if len(others):
        share = weights[others] / weights[others].sum()
        others = np.random.default_rng(seed).choice(others, len(others), p=share)
    return np.sort(np.concatenate([np.flatnonzero(has_label & (weights > 0)), others]))


def _some_of_arrays(
    inputs: dict[str, np.ndarray], y: TensorLike | None, count: int, seed: int
) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """Up to `count` examples at random, labelled ones first."""
    order = np.random.default_rng(seed).permutation(len(inputs["x"]))
    if y is None:
        return _rows(inputs, np.sort(order[:count])), None
    y = _flat(y)
    order = order[np.argsort(y[order] < 0, kind="stable")]
    chosen = np.sort(order[:count])
    return _rows(inputs, chosen), y[chosen]


def _some_of_batches(
    batches: Iterable[Any], count: int, with_labels: bool, seed: int
) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """Up to `count` of the first unlabelled examples, and all labelled ones."""
    parts, labels, num_unlabelled = [], [], 0
    for element in batches:
        pair = element if isinstance(element, (tuple, list)) else (element,)
        inputs = arrays_by_name(pair[0])
        labels_of_batch = labels_or_none(pair[1]) if len(pair) > 1 else None
        is_paired = with_labels and labels_of_batch is not None
        y = _flat(labels_of_batch) if is_paired else np.full(len(inputs["x"]), -1)
        # All of the few labelled examples are kept, and the first of the others.
        if len(pair) > 2 and pair[2] is not None:
            rows = _weighted_rows(y, _flat(pair[2]).astype(float), seed)
            inputs, y = _rows(inputs, rows), y[rows]
        is_kept = (y >= 0) | (num_unlabelled + np.cumsum(y < 0) <= count)
        parts.append(_rows(inputs, is_kept))
        labels.append(y[is_kept])
        num_unlabelled += int(np.count_nonzero(y < 0))
        if not is_paired and num_unlabelled >= count:
            break
    y = np.concatenate(labels)
    inputs = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    chosen = np.sort(np.argsort(y < 0, kind="stable")[:count])
    return _rows(inputs, chosen), y[chosen] if (y[chosen] >= 0).any() else None
