"""Examples x in whatever form they come: float32 [B, *shape], or a plain error."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from vae_zoo.arguments import shown
from vae_zoo.components.batch_checks import check_batch
from vae_zoo.components.likelihoods.value_rule import ValueRule
from vae_zoo.tensors import Array, TensorLike

_EXPECTED = "an array or tensor of numbers, of shape [B, {}]"


@dataclasses.dataclass(frozen=True)
class ExampleRule:
    """What the examples of a model are.

    Attributes:
        shape: that of one example, without the batch.
        values: which values they take.
    """

    shape: tuple[int, ...]
    values: ValueRule

    def as_array(self, x: TensorLike, name: str = "x") -> Array:
        """`x` as a float32 array or tensor [B, *shape], values checked.

        Args:
            x: an array or tensor of numbers, [B, *shape], or without the last axis
                where that is 1; a pandas frame, a sparse matrix or a list of such.
            name: the argument's, for errors.

        Raises:
            ValueError: if it is anything else, or a value breaks the rule.
        """
        x = self.in_shape(x, name)
        self.values.check(x)
        return x

    def as_tensor(self, x: TensorLike, name: str = "x") -> tf.Tensor:
        """As `as_array`, a tensor; of a symbolic one the values are not checked."""
        if not tf.is_symbolic_tensor(x):
            return tf.convert_to_tensor(self.as_array(x, name))
        return self.in_shape(x, name)

    def in_graph(self, x: tf.Tensor, name: str = "x") -> tf.Tensor:
        """As `as_array` for a batch of a `tf.data.Dataset`; a bad value fails there."""
        x = self.in_shape(x, name)
        if not x.shape[1:].is_fully_defined():
            # Text, since shapes of other ranks cannot be compared.
            sizes = tf.strings.as_string(tf.shape(x)[1:])
            expected = ", ".join(map(str, self.shape))
            check_batch(
                tf.equal(tf.strings.reduce_join(sizes, separator=", "), expected),
                f"`{name}` must have shape [B, {expected}]. Received: shape {{}}",
                [tf.shape(x)],
            )
            x.set_shape((None, *self.shape))
        self.values.check_in_graph(x)
        return x

    def _expectation(self) -> str:
        return _EXPECTED.format(", ".join(map(str, self.shape)))

    def in_shape(self, x: TensorLike, name: str = "x") -> Array:
        """As `as_array`, whatever the values."""
        x = as_numbers(x, name, self._expectation())
        given = tf.TensorShape(x.shape)
        has_no_channel = given.rank == len(self.shape) and self.shape[-1] == 1
        if has_no_channel and given[1:].is_compatible_with(self.shape[:-1]):
            x = x[..., None]
        check_shape(x.shape, self.shape, name)
        return x


def check_shape(
    shape: tf.TensorShape | Sequence[int | None],
    input_shape: Sequence[int],
    name: str = "x",
) -> None:
    """Raises ValueError unless `shape`, of `name`, can be [B, *input_shape]."""
    shape = tf.TensorShape(shape)
    if not shape.is_compatible_with((None, *input_shape)):
        expected = ", ".join(("B", *map(str, input_shape)))
        received = "unknown" if shape.rank is None else tuple(shape)
        raise ValueError(
            f"`{name}` must have shape [{expected}]. Received: shape {received}"
        )


def as_numbers(x: Any, name: str, expectation: str = "an array of numbers") -> Array:
    """`x` as a float32 array or tensor of whatever shape.

    Raises:
        ValueError: under `name`, unless it is what `expectation` says.
    """
    if isinstance(x, (tf.Tensor, tf.SparseTensor, tf.RaggedTensor)):
        return _as_float_tensor(x, name, expectation)
    if hasattr(x, "toarray"):  # SciPy's sparse matrices.
        x = x.toarray()
    is_other = x is None or isinstance(x, (str, bytes, dict, set))
    try:
        array = None if is_other else np.asarray(x)
        if array is not None and array.dtype == object:
            # Of a pandas frame with columns of several types, say.
            array = _without_text(array).astype(np.float32)
    except (TypeError, ValueError):
        array = None
    if array is None or array.ndim == 0 or array.dtype.kind not in "buif":
        if array is not None and array.ndim and array.dtype.kind not in "O":
            x = array
        raise ValueError(
            f"`{name}` must be {expectation}. Received: {type(x).__name__}"
            if isinstance(x, (dict, list, tuple))
            else f"`{name}` must be {expectation}. Received: {shown(x)}"
        )
    with np.errstate(over="ignore"):  # The values' own check says it better.
        return np.asarray(array, np.float32)


def _without_text(array: np.ndarray) -> np.ndarray:
    # NumPy would read numbers out of text, and a column of text is no measurement.
    if any(isinstance(value, (str, bytes)) for value in array.flat):
        raise ValueError
    return array


def _as_float_tensor(
    x: tf.Tensor | tf.SparseTensor | tf.RaggedTensor, name: str, expectation: str
) -> tf.Tensor:
    if isinstance(x, tf.SparseTensor):
        x = tf.sparse.to_dense(x)
    is_number = isinstance(x, tf.Tensor) and (
        x.dtype.is_floating or x.dtype.is_integer or x.dtype.is_bool
    )
    if not is_number:
        kind = type(x).__name__
        if hasattr(x, "dtype"):
            kind += f" of {x.dtype.name}"
        raise ValueError(f"`{name}` must be {expectation}. Received: {kind}")
    return tf.cast(x, tf.float32)
