"""The seeds of a model: where they come from and how they are saved."""

import numbers

import numpy as np
import tensorflow as tf

from vae_zoo.distributions.noise import fold_in

_PREFIX = "seed_"


def as_seed(seed, generator):
    """`seed`, or the generator's next, as the int32 [2] that TFP takes.

    Args:
        seed: an integer, int32 [2], or None for the generator's next; that one is
            another on each replica of a distribution strategy.
        generator: a `keras.random.SeedGenerator`.
    """
    if seed is None:
        seed = tf.cast(generator.next(), tf.int32)
        context = tf.distribute.get_replica_context()
        if context is not None and context.num_replicas_in_sync > 1:
            seed = fold_in(seed, context.replica_id_in_sync_group)
        return seed
    if isinstance(seed, numbers.Integral):
        seed = int(seed)
        return tf.constant([seed >> 31 & 0x7FFFFFFF, seed & 0x7FFFFFFF])
    return tf.cast(seed, tf.int32)


def save_seeds(model, store):
    """Adds to `store` the state of every generator, of dropout layers too."""
    for index, state in enumerate(_states(model)):
        store[f"{_PREFIX}{index}"] = np.asarray(state)


def load_seeds(model, store):
    """The inverse of `save_seeds`; returns what else is in `store`, a dict."""
    for index, state in enumerate(_states(model)):
        state.assign(store[f"{_PREFIX}{index}"])
    keys = (key for key in store.keys() if not key.startswith(_PREFIX))  # noqa: SIM118
    return {key: store[key] for key in keys}


def _states(model):
    """The generators' states, in a stable order."""
    return [
        variable
        for variable in model.variables
        if variable.path.endswith("seed_generator_state")
    ]
