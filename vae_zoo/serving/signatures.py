"""A model's signatures as a server calls them: functions with rules for bad rows."""

import math
from collections.abc import Sequence
from typing import TypeAlias

import tensorflow as tf

from vae_zoo.components.signature import Signature
from vae_zoo.models.vae import VAE

# What `tf.function` returns.
Function: TypeAlias = tf.types.experimental.PolymorphicFunction
Functions: TypeAlias = dict[str, Function]


def signatures(
    model: VAE, num_importance_samples: int, num_imputation_steps: int
) -> Functions:
    """The `tf.function`s that a server calls, by name, made of core TensorFlow ops.

    Where a row of the request is not finite, the row of the answer is NaN, and -1 where
    it is an integer; log-densities of values off the likelihood's support are
    -infinity.

    Args:
        model: a model of the package, which says by `signatures` what it offers.
        num_importance_samples: draws for each row of `score`.
        num_imputation_steps: steps of the chain for each row of `impute`.
    """
    offered = model.signatures(
        num_importance_samples=num_importance_samples,
        num_imputation_steps=num_imputation_steps,
    )
    support = model.likelihood_head.support
    return {name: _served(each, support) for name, each in offered.items()}


def _served(signature: Signature, support: tuple[float, float]) -> Function:
    names = [spec.name for spec in signature.specs]

    def answer(*tensors: tf.Tensor) -> dict[str, tf.Tensor]:
        rows = _of_as_many_rows(signature.specs, tensors)
        request = dict(zip(names, rows, strict=True))
        found = signature.function(**request)
        if signature.is_log_density:
            low, high = support
            x = request["inputs"]
            is_possible = _all_of_row((x >= low) & (x <= high))
            found = _where(is_possible, found, -math.inf)
        return _where_finite(_read(signature, request), found)

    # Nothing here is for AutoGraph, which takes as long as all the rest.
    return tf.function(answer, signature.specs, autograph=False)


def _read(signature: Signature, request: dict[str, tf.Tensor]) -> list[tf.Tensor]:
    """The floating-point tensors of a request, 0 where elements are not read."""
    if signature.masked:
        mask = request["mask"]
        x = request["inputs"]
        request = {**request, "inputs": tf.where(mask > 0.5, x, tf.zeros_like(x))}
    return [value for value in request.values() if value.dtype.is_floating]


def _of_as_many_rows(
    specs: Sequence[tf.TensorSpec], tensors: Sequence[tf.Tensor]
) -> list[tf.Tensor]:
    """`tensors`, an error where one has not as many rows as the first of them."""
    first, *others = tensors
    first = tf.ensure_shape(first, specs[0].shape)
    found = [first]
    for spec, tensor in zip(specs[1:], others, strict=True):
        tensor = tf.ensure_shape(tensor, spec.shape)
        checked = tf.debugging.assert_equal(
            tf.shape(tensor)[0],
            tf.shape(first)[0],
            f"`{spec.name}` must have as many rows as `{specs[0].name}`",
        )
        with tf.control_dependencies([checked]):
            found.append(tf.identity(tensor))
    return found


def _where_finite(
    tensors: Sequence[tf.Tensor], answer: dict[str, tf.Tensor]
) -> dict[str, tf.Tensor]:
    """`answer`, NaN where a row of `tensors` is not finite, integers -1."""
    if not tensors:
        return answer
    are_finite = [_all_of_row(tf.math.is_finite(each)) for each in tensors]
    return _where(tf.reduce_all(tf.stack(are_finite), axis=0), answer, math.nan)


def _where(
    is_good: tf.Tensor, answer: dict[str, tf.Tensor], otherwise: float
) -> dict[str, tf.Tensor]:
    """`answer` in good rows, elsewhere a float, of integers -1."""
    chosen = {}
    for name, value in answer.items():
        shape = tf.concat(
            [tf.shape(is_good), tf.ones(value.shape.rank - 1, "int32")], 0
        )
        other = otherwise if value.dtype.is_floating else -1
        chosen[name] = tf.where(tf.reshape(is_good, shape), value, other)
    return chosen


def _all_of_row(is_good: tf.Tensor) -> tf.Tensor:
    return tf.reduce_all(is_good, axis=range(1, is_good.shape.rank))
