"""Checks of parameters whose values are known when a distribution is made."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from vae_zoo.arguments import shown
from vae_zoo.tensors import TensorLike


def check_parameter(
    name: str,
    value: TensorLike,
    is_valid: Callable[[np.ndarray], npt.NDArray[np.bool_]] = np.isfinite,
    expectation: str = "finite",
) -> None:
    """Raises ValueError unless all elements are valid; does nothing in a graph.

    Args:
        name: of the argument.
        value: a tensor.
        is_valid: function from an array to booleans.
        expectation: what the elements must be, for the error.
    """
    known = tf.get_static_value(value)
    if known is None or np.all(is_valid(known)):
        return
    wrong = known[~is_valid(known)] if np.ndim(known) else known
    raise ValueError(
        f"`{name}` must be {expectation}. Received: {name}={np.ravel(wrong)[0]} in "
        f"{shown(value)}"
    )


def as_parameter(
    name: str, value: TensorLike, dtype: tf.DType | None = None
) -> tf.Tensor:
    """`value` as a tensor; raises ValueError under `name` unless it is of numbers.

    Args:
        name: of the argument.
        value: what came.
        dtype: of the tensor; None for its own.
    """
    try:
        return tf.convert_to_tensor(value, dtype)
    except (TypeError, ValueError, tf.errors.OpError):
        raise ValueError(
            f"`{name}` must be made of numbers. Received: {name}={shown(value)}"
        ) from None


def is_positive(values: np.ndarray) -> npt.NDArray[np.bool_]:
    """Where `values` are finite and above 0."""
    return np.isfinite(values) & (values > 0)
