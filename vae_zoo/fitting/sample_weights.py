"""How much each example counts: sample weights, and class weights made into them."""

import numbers

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from vae_zoo.arguments import check_number, shown
from vae_zoo.components.batch_checks import check_batch, check_length
from vae_zoo.tensors import Array, TensorLike

_MEANING = "`sample_weight` must have one finite number >= 0 for each example"


def as_weights(weights: TensorLike, num_examples: int) -> npt.NDArray[np.float32]:
    """`weights` as float32 [B].

    Args:
        weights: numbers [B] or [B, 1], in any form that NumPy understands.
        num_examples: B.

    Raises:
        ValueError: if they are anything else, negative, not finite, or all zero.
    """
    try:
        array = np.asarray(weights)
        is_number = array.dtype.kind in "buif"
    except (TypeError, ValueError):
        is_number = False
    if not is_number or array.shape not in ((num_examples,), (num_examples, 1)):
        raise ValueError(
            f"{_MEANING}, shape [{num_examples}]. Received: {shown(weights)}"
        )
    array = np.reshape(array, -1).astype(np.float32)
    if not np.all(np.isfinite(array) & (array >= 0)):
        raise ValueError(
            f"{_MEANING}. Received: values from {array.min():g} to {array.max():g}, "
            f"{np.isnan(array).sum()} of them NaN"
        )
    if num_examples and not array.any():
        raise ValueError(f"{_MEANING}, not all of them 0. Received: zeros alone")
    return array


def in_graph(weights: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """As `as_weights` for a batch of a `tf.data.Dataset`, which may be all zero."""
    is_number = isinstance(weights, tf.Tensor) and (
        weights.dtype.is_floating or weights.dtype.is_integer or weights.dtype.is_bool
    )
    if not is_number:
        raise ValueError(f"{_MEANING}. Received: {shown(weights)}")
    if weights.shape.rank and weights.shape[1:].num_elements() not in (1, None):
        raise ValueError(f"{_MEANING}. Received: shape {tuple(weights.shape)}")
    weights = tf.cast(tf.reshape(weights, [-1]), tf.float32)
    check_length(weights, x, f"{_MEANING}. Received: {{}} for {{}} examples")
    check_batch(
        tf.reduce_all(tf.math.is_finite(weights) & (weights >= 0)),
        f"{_MEANING}. Received: values from {{}} to {{}}",
        [tf.reduce_min(weights), tf.reduce_max(weights)],
    )
    return weights


def checked_class_weight(class_weight: object) -> dict[int, float] | None:
    """`class_weight` as a dict of int -> float, or None; else a ValueError."""
    if class_weight is None:
        return None
    if (
        not isinstance(class_weight, dict)
        or not class_weight
        or not all(isinstance(each, numbers.Integral) for each in class_weight)
    ):
        raise ValueError(
            "`class_weight` must be a dict from class indices to weights, such as "
            f"{{0: 1.0, 1: 3.5}}. Received: {shown(class_weight)}"
        )
    return {
        int(label): check_number(
            f"class_weight[{label}]", weight, "the weight of its examples", minimum=0
        )
        for label, weight in class_weight.items()
    }


def of_classes(y: Array, class_weight: dict[int, float]) -> tf.Tensor:
    """The weight of each label's class, float32 [B]; 1 where the class has none.

    Args:
        y: integer labels [B] or [B, 1], array or tensor.
        class_weight: dict of int -> float.
    """
    y = tf.reshape(tf.cast(y, tf.int64), [-1, 1])
    classes = tf.constant(list(class_weight), tf.int64)
    weights = tf.constant(list(class_weight.values()), tf.float32)
    is_of_class = tf.cast(tf.equal(y, classes), tf.float32)
    others = 1.0 - tf.reduce_sum(is_of_class, axis=1)
    return tf.linalg.matvec(is_of_class, weights) + others
