"""The replicas of a distribution strategy, within a step on several of them."""

import contextlib

import tensorflow as tf


def context():
    """The replica context within a step on several replicas, else None."""
    found = tf.distribute.get_replica_context()
    is_one_of_many = found is not None and found.num_replicas_in_sync > 1
    return found if is_one_of_many else None


def total(values):
    """The sum of all replicas' `values`, a tensor; no gradient flows through it."""
    found = context()
    return values if found is None else found.merge_call(_summed, args=(values,))


def _summed(strategy, values):
    # Not by `all_reduce`: of several collectives of different shapes in one step it
    # may pair those of one replica with others of another (TensorFlow 2.21).
    return strategy.extended.reduce_to(
        tf.distribute.ReduceOp.SUM, values, destinations=values
    )


@contextlib.contextmanager
def summed_where_several(optimizer):
    """Within, the optimizer sums gradients over replicas only if there are several.

    Keras does with one replica, too, and TensorFlow then registers a gradient of that
    sum under a new name for the whole process. It holds the graph of the step for good:
    memory grew with each call of `fit`.

    Args:
        optimizer: of Keras, with one around another if its loss is scaled.
    """
    all_of_them = []
    while context() is None and optimizer is not None:
        all_of_them.append(vars(optimizer))
        optimizer = getattr(optimizer, "inner_optimizer", None)
    for attributes in all_of_them:
        attributes["_all_reduce_sum_gradients"] = list
    try:
        yield
    finally:
        for attributes in all_of_them:
            del attributes["_all_reduce_sum_gradients"]
