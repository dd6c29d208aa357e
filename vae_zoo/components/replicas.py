"""Operations over the replicas of a distribution strategy, within a step."""

from contextlib import AbstractContextManager

import keras
import numpy as np
import tensorflow as tf

from vae_zoo.components.keras_private import without_sum_over_replicas
from vae_zoo.tensors import TensorLike


def context() -> tf.distribute.ReplicaContext | None:
    """The replica context within a step on several replicas, else None."""
    found = tf.distribute.get_replica_context()
    is_one_of_many = found is not None and found.num_replicas_in_sync > 1
    return found if is_one_of_many else None


def total(values: tf.Tensor) -> tf.Tensor:
    """The sum of all replicas' `values`, a tensor; no gradient flows through it."""
    found = context()
    return values if found is None else found.merge_call(_summed, args=(values,))


def _summed(strategy: tf.distribute.Strategy, values: tf.Tensor) -> tf.Tensor:
    # Not `all_reduce`: if a step has several collectives of different shapes, it may
    # pair the wrong ones across replicas (TensorFlow 2.21).
    return strategy.extended.reduce_to(
        tf.distribute.ReduceOp.SUM, values, destinations=values
    )


def no_sum_over_one_replica(
    optimizer: keras.optimizers.Optimizer | None,
) -> AbstractContextManager[None]:
    """A context that skips the sum of gradients over replicas if there is only one.

    Keras always sums, and TensorFlow registers the gradient of each sum for the whole
    process. The registration holds the graph of the training step, so memory would grow
    with each call of `fit`.

    Args:
        optimizer: a Keras optimizer; a loss-scaling optimizer wraps another.
    """
    nested = []
    while context() is None and optimizer is not None:
        nested.append(optimizer)
        optimizer = getattr(optimizer, "inner_optimizer", None)
    return without_sum_over_replicas(nested)


def gathered(strategy: tf.distribute.Strategy, value: TensorLike) -> np.ndarray:
    """The values of all replicas, an array [R, ...]; waits for all workers."""
    values = strategy.run(_gather, args=(tf.convert_to_tensor(value),))
    return strategy.experimental_local_results(values)[0].numpy()


@tf.function
def _gather(value: tf.Tensor) -> tf.Tensor:
    return tf.distribute.get_replica_context().all_gather(value[None], axis=0)


def of_the_first(model: keras.Model, values: list[np.ndarray]) -> list[np.ndarray]:
    """The first worker's `values`, arrays that each worker has computed.

    They differ only by rounding, but all workers have to use the same.
    """
    strategy = model.distribute_strategy
    if strategy.num_replicas_in_sync == 1:
        return values
    return [gathered(strategy, each)[0] for each in values]


def weighted_mean(values: tf.Tensor, weights: tf.Tensor | None = None) -> tf.Tensor:
    """The mean of `values` [B]; with `weights` [B], sum(w v) / sum(w).

    Under a distribution strategy it is the mean over the global batch. It is the same
    on all replicas, however many examples each has, and differentiable.
    """
    found = context()
    if weights is None:
        if found is None:
            return tf.reduce_mean(values)
        weights = tf.ones_like(values)
    weights = tf.cast(weights, values.dtype)
    sums = tf.stack([tf.reduce_sum(values * weights), tf.reduce_sum(weights)])
    if found is not None:
        sums = found.all_reduce(tf.distribute.ReduceOp.SUM, sums)
    return tf.math.divide_no_nan(sums[0], sums[1])
