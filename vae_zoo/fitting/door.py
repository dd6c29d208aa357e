"""The door through which all data go that `fit`, `evaluate` and `predict` are given.

Whatever Keras takes is brought into one form here, and checked, or refused by name:
x is float32 [B, *input_shape]; y int32 [B], or None for a model that does not learn
from labels; sample weights are float32 [B], or None.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from vae_zoo.arguments import shown
from vae_zoo.fitting import sample_weights
from vae_zoo.fitting.examples import ExampleRule
from vae_zoo.fitting.labels import LabelRule, labels_or_none, without_labels
from vae_zoo.fitting.streams import is_stream, mapped_elements

_ANY_LABELS = LabelRule(np.iinfo(np.int32).max)


@dataclasses.dataclass(frozen=True)
class Door:
    """What a model takes.

    Attributes:
        examples: the rule of x.
        labels: the rule of y; None: y is ignored, whatever it is.
    """

    examples: ExampleRule
    labels: LabelRule | None = None

    def arrays(self, x, y=None, weights=None, class_weight=None):
        """A tuple (x, y, sample weights) of arrays of one length, at least 1.

        Args:
            x: as `ExampleRule.as_array` takes it.
            y: labels, or None.
            weights: sample weights, or None.
            class_weight: as `sample_weights.checked_class_weight` returns it.

        Raises:
            ValueError: if anything is not as it must be.
        """
        x = self.examples.as_array(x)
        num_examples = len(x)
        if num_examples == 0:
            raise ValueError("`x` must have at least one example. Received: none")
        if y is not None and _length(y) != num_examples:
            raise ValueError(
                f"`y` must have one label for each of the {num_examples} examples. "
                f"Received: {shown(y)}"
            )
        if weights is not None:
            weights = sample_weights.as_weights(weights, num_examples)
        if class_weight is not None:
            _check_has_classes(y, weights)
            classes = _ANY_LABELS.as_array(y, num_examples)
            weights = sample_weights.as_weights(
                sample_weights.of_classes(classes, class_weight), num_examples
            )
        if y is not None:
            y = self.labels.as_array(y, num_examples) if self.labels else None
        return x, y, weights

    def stream(self, data, class_weight=None):
        """A stream of x, (x, y) or (x, y, sample weights), each batch checked.

        Args:
            data: a stream, see `streams.is_stream`. What a strategy has distributed is
                left as it is: `in_graph` checks its batches within the step.
            class_weight: as in `arrays`.
        """
        if isinstance(data, tf.distribute.DistributedDataset):
            if class_weight is not None:
                raise ValueError(
                    "`class_weight` must be left out where a strategy has distributed "
                    "the data; give sample weights in them. Received: "
                    f"class_weight={class_weight}"
                )
            return data
        if isinstance(data, tf.data.Dataset):
            # AutoGraph would bury the error of a wrong type in a trace of its own.
            @tf.autograph.experimental.do_not_convert
            def checked(*element):
                parts = self.in_graph(*_parts(element), class_weight=class_weight)
                return packed(*parts)

            return data.map(checked)

        def checked_now(element):
            parts = self.arrays(*_parts(element), class_weight=class_weight)
            # Keras wants tuples from PyDatasets and generators.
            return parts[:1] if parts[1] is parts[2] is None else packed(*parts)

        return mapped_elements(data, checked_now)

    def in_graph(self, x, y=None, weights=None, class_weight=None):
        """As `arrays`, of a batch of tensors; bad values fail when it runs."""
        x = self.examples.in_graph(x)
        y = labels_or_none(y)
        if weights is not None:
            weights = sample_weights.in_graph(weights, x)
        if class_weight is not None:
            _check_has_classes(y, weights)
            classes = _ANY_LABELS.in_graph(y, x)
            weights = sample_weights.of_classes(classes, class_weight)
        if y is not None:
            y = self.labels.in_graph(y, x) if self.labels else None
        return x, y, weights

    def validation(self, data):
        """What `fit` takes as `validation_data`: a stream, or a tuple of arrays."""
        if is_stream(data):
            return self.stream(data)
        return self.arrays(*_parts(data))

    def examples_of(self, data):
        """`data`, x alone checked and all else as it came: an array or a stream.

        Args:
            data: an array, a tuple (array, …) or a stream.
        """
        if isinstance(data, tf.data.Dataset):

            @tf.autograph.experimental.do_not_convert
            def checked(x, *others):
                x = self.examples.in_graph(x)
                return (x, *others) if others else x

            return data.map(checked)
        if is_stream(data):
            # Keras wants tuples from PyDatasets and generators.
            return mapped_elements(data, lambda element: _parts(self._checked(element)))
        return self._checked(data)

    def _checked(self, element):
        if isinstance(element, tuple) and element:
            return (self.examples.as_array(element[0]), *element[1:])
        return self.examples.as_array(element)


def packed(x, y, weights):
    """x, (x, y) or (x, y, weights), as short as can be."""
    if weights is not None:
        return x, without_labels(x) if y is None else y, weights
    return x if y is None else (x, y)


def _parts(element):
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


def _length(values):
    try:
        return len(values)
    except TypeError:
        return None


def _check_has_classes(y, weights):
    if weights is not None:
        raise ValueError(
            "`class_weight` must be left out with sample weights. Received: both"
        )
    if y is None:
        raise ValueError(
            "`class_weight` must come with labels `y`, by which examples are weighted. "
            "Received: no labels"
        )
