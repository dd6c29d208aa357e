"""A function that a model offers to a server."""

import dataclasses
from collections.abc import Callable, Sequence

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Signature:
    """A function of tensors by name, to be exported.

    Attributes:
        function: takes tensors by the names of `specs` and returns a dict of tensors
            [B, ...], with one row for each row of the request.
        specs: the specs of its inputs, with their names.
        masked: whether it ignores elements of `inputs` where `mask` is 0.
        is_log_density: whether the answers are log-densities of `inputs`, which are
            -infinity off the likelihood's support.
    """

    function: Callable[..., dict[str, tf.Tensor]]
    specs: tuple[tf.TensorSpec, ...]
    masked: bool = False
    is_log_density: bool = False


def row_spec(
    name: str, shape: Sequence[int | None], dtype: tf.DType = tf.float32
) -> tf.TensorSpec:
    """The spec of rows [B, *shape] under a name."""
    return tf.TensorSpec((None, *shape), dtype, name=name)
