"""Checks all data that `fit`, `evaluate` and `predict` are given.

The door brings whatever Keras takes into one form, or refuses it by name. x is float32
[B, *input_shape], or a dict of the model's inputs if it has several; y is int32 [B], or
None for a model that does not learn from labels; sample weights are float32 [B], or
None. If a model has a condition, Keras' y is that condition.
"""

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from vae_zoo.arguments import shown
from vae_zoo.components.batch_checks import check_length
from vae_zoo.fitting import sample_weights
from vae_zoo.fitting.examples import ExampleRule
from vae_zoo.fitting.inputs import (
    Batch,
    Inputs,
    InputsLike,
    Parts,
    alone_or_named,
    by_name,
    check_condition,
    not_once,
)
from vae_zoo.fitting.labels import LabelRule, labels_or_none, without_labels
from vae_zoo.fitting.parts import packed, parts_of
from vae_zoo.fitting.streams import Stream, is_stream, mapped_elements
from vae_zoo.tensors import Array, TensorLike

_ANY_LABELS = LabelRule(np.iinfo(np.int32).max)


@dataclasses.dataclass(frozen=True)
class Door:
    """Which data a model takes.

    Attributes:
        rules: the rules of the inputs, name -> rule; "x" is always there.
        labels: the rule of y, or None to ignore y.
    """

    rules: dict[str, ExampleRule]
    labels: LabelRule | None = None

    @property
    def examples(self) -> ExampleRule:
        """The rule of x."""
        return self.rules["x"]

    def as_tensors(self, x: InputsLike) -> Inputs:
        """Inputs as checked tensors; the values of symbolic tensors are not checked.

        Args:
            x: a dict of the inputs, x alone, or `Inputs`, where x may be missing.
        """
        named = by_name(x, self.rules)
        if not isinstance(x, Inputs):
            for name in self.rules:
                if name not in named and name != "observed":
                    raise _missing(name, named)
        named = {name: self.rules[name].as_tensor(named[name], name) for name in named}
        _check_rows(named)
        return Inputs(**named)

    def condition_alone(
        self, condition: TensorLike | None, num_rows: int | None = None
    ) -> Inputs | None:
        """`Inputs` of a condition without x, or None for a model without a condition.

        Args:
            condition: [B, ...], or None.
            num_rows: the B expected, or None if it is not known.

        Raises:
            ValueError: if a condition is missing, not needed, or does not fit.
        """
        check_condition(condition, self.rules)
        if condition is None:
            return None
        inputs = self.as_tensors(Inputs(condition=condition))
        shape = inputs.given()["condition"].shape
        count = shape[0]
        if None not in (count, num_rows) and count != num_rows:
            raise ValueError(
                f"`condition` must have {num_rows} rows, one for each latent vector. "
                f"Received: shape {tuple(shape)}"
            )
        return inputs

    def arrays(
        self,
        x: InputsLike,
        y: TensorLike | None = None,
        weights: TensorLike | None = None,
        class_weight: dict[int, float] | None = None,
    ) -> Parts:
        """A tuple (x, y, sample weights) of arrays of one length, at least 1.

        Args:
            x: as `ExampleRule.as_array` takes it.
            y: labels, or None.
            weights: sample weights, or None.
            class_weight: as `sample_weights.checked_class_weight` returns it.

        Raises:
            ValueError: if anything is not as it must be.
        """
        named, y = self._with_condition(x, y)
        named = {name: self.rules[name].as_array(named[name], name) for name in named}
        num_examples = len(named["x"])
        _check_rows(named)
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
        return alone_or_named(named), y, weights

    def stream(
        self, data: Stream, class_weight: dict[int, float] | None = None
    ) -> Stream:
        """A stream of x, (x, y) or (x, y, sample weights), each batch checked.

        Args:
            data: a stream, see `streams.is_stream`. Distributed data are left as they
                are: `in_graph` checks their batches within the step.
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
            in_graph = functools.partial(self.in_graph, class_weight=class_weight)

            # AutoGraph would hide an error about a wrong type in its own stack trace.
            @tf.autograph.experimental.do_not_convert
            def checked(*element: Any) -> Batch | tuple[Batch, ...]:
                return packed(*in_graph(*parts_of(element)))

            return data.map(checked)

        arrays = functools.partial(self.arrays, class_weight=class_weight)

        def checked_now(element: Any) -> Any:
            parts = arrays(*parts_of(element))
            # Keras wants tuples from PyDatasets and generators.
            return parts[:1] if parts[1] is parts[2] is None else packed(*parts)

        return mapped_elements(data, checked_now)

    def in_graph(
        self,
        x: tf.Tensor | dict[str, tf.Tensor],
        y: tf.Tensor | None = None,
        weights: tf.Tensor | None = None,
        class_weight: dict[int, float] | None = None,
    ) -> Parts:
        """As `arrays`, for a batch of tensors; bad values fail when the graph runs."""
        named, y = self._with_condition(x, labels_or_none(y))
        named = {name: self.rules[name].in_graph(named[name], name) for name in named}
        x = named["x"]
        for name in [name for name in named if name != "x"]:
            message = f"`{name}` must have a row for each of the examples of a batch"
            rows = tf.range(tf.shape(named[name])[0])
            check_length(rows, x, f"{message}. Received: {{}} for {{}} examples")
        if weights is not None:
            weights = sample_weights.in_graph(weights, x)
        if class_weight is not None:
            _check_has_classes(y, weights)
            classes = _ANY_LABELS.in_graph(y, x)
            weights = sample_weights.of_classes(classes, class_weight)
        if y is not None:
            y = self.labels.in_graph(y, x) if self.labels else None
        return alone_or_named(named), y, weights

    def _with_condition(
        self, x: InputsLike, y: TensorLike | None
    ) -> tuple[dict[str, Any], TensorLike | None]:
        """The inputs by name, and y, or None if y is the condition."""
        named = by_name(x, self.rules)
        if "x" not in named:
            raise _missing("x", named)
        if "condition" not in self.rules:
            return named, y
        if (y is None) == ("condition" not in named):
            raise not_once("none" if y is None else "both")
        return (named if y is None else {**named, "condition": y}), None

    def validation(self, data: Any) -> Stream | Parts:
        """`validation_data` of `fit`, checked: a stream, or a tuple of arrays."""
        if is_stream(data):
            return self.stream(data)
        return self.arrays(*parts_of(data))

    def examples_of(self, data: Any) -> Any:
        """`data` as an array or a stream, with only x checked.

        Args:
            data: an array, a tuple (array, …) or a stream.
        """
        if isinstance(data, tf.data.Dataset):

            @tf.autograph.experimental.do_not_convert
            def checked(x: tf.Tensor | dict[str, tf.Tensor], *others: tf.Tensor) -> Any:
                parts = self._checked_inputs((x, *others), "in_graph")
                return parts if others else parts[0]

            return data.map(checked)
        if is_stream(data):
            # Keras wants tuples from PyDatasets and generators.
            return mapped_elements(
                data, lambda element: parts_of(self._checked(element))
            )
        return self._checked(data)

    def _checked(self, element: Any) -> Any:
        if isinstance(element, tuple) and element:
            return self._checked_inputs(element, "as_array")
        return self._checked_inputs((element,), "as_array")[0]

    def _checked_inputs(
        self, parts: tuple[Any, ...], method: Literal["as_array", "in_graph"]
    ) -> tuple[Any, ...]:
        """A tuple (x, …) whose inputs a method of the rules has checked."""
        x, *others = parts
        y = None
        if "condition" in self.rules and others:
            y, *others = (labels_or_none(others[0]), *others[1:])
        named, _ = self._with_condition(x, y)
        named = {
            name: getattr(self.rules[name], method)(named[name], name) for name in named
        }
        if y is not None and others:
            others = [without_labels(named["x"]), *others]
        return (alone_or_named(named), *others)


def _missing(name: str, named: Iterable[str]) -> ValueError:
    return ValueError(
        f"`{name}` must be among the inputs, as in {{'x': x, 'condition': condition}}. "
        f"Received: {' and '.join(named) or 'none'}"
    )


def _check_rows(named: Mapping[str, Array]) -> None:
    """Raises ValueError unless all inputs have as many rows as x, where it is known."""
    counts = {name: value.shape[0] for name, value in named.items()}
    expected = counts.get("x")
    for name, count in counts.items():
        if None not in (count, expected) and count != expected:
            raise ValueError(
                f"`{name}` must have a row for each of the {expected} examples. "
                f"Received: {count} rows"
            )


def _length(values: Any) -> int | None:
    try:
        return len(values)
    except TypeError:
        return None


def _check_has_classes(y: object, weights: object) -> None:
    if weights is not None:
        raise ValueError(
            "`class_weight` must be left out with sample weights. Received: both"
        )
    if y is None:
        raise ValueError(
            "`class_weight` must come with labels `y`, by which examples are weighted. "
            "Received: no labels"
        )
