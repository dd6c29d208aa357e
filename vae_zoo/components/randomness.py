"""The seeds of a model: their sources, and how they are saved."""

import contextlib
from collections.abc import Iterable
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from vae_zoo.arguments import check_seed, shown
from vae_zoo.distributions.noise import fold_in
from vae_zoo.tensors import Seed

_PREFIX = "seed_"


class Store(Protocol):
    """Where Keras keeps a layer's variables by name: a dict, or a group of a file."""

    def __getitem__(self, key: str) -> Any: ...

    def __setitem__(self, key: str, value: Any) -> None: ...

    def keys(self) -> Iterable[str]:
        """The names."""
        ...


def as_seed(seed: Seed | None, generator: keras.random.SeedGenerator) -> tf.Tensor:
    """`seed`, or the generator's next, as the int32 [2] that TFP takes.

    Args:
        seed: an integer of any size, int32 or int64 [2], or one for each row, [B, 2];
            or None for the generator's next, which differs between the replicas of a
            distribution strategy.
        generator: a `keras.random.SeedGenerator`.

    Raises:
        ValueError: if `seed` is anything else.
    """
    if seed is None:
        seed = tf.cast(generator.next(), tf.int32)
        context = tf.distribute.get_replica_context()
        if context is not None and context.num_replicas_in_sync > 1:
            seed = fold_in(seed, context.replica_id_in_sync_group)
        return seed
    with contextlib.suppress(ValueError):
        number = check_seed("seed", seed)
        if number is not None:
            return tf.constant([number >> 31 & 0x7FFFFFFF, number & 0x7FFFFFFF])
    tensor = _as_integers(seed)
    if tensor is None or not any(
        tensor.shape.is_compatible_with(shape) for shape in ([2], [None, 2])
    ):
        raise ValueError(
            "`seed` must be an integer, int32 [2], int32 [B, 2] with a seed for each "
            f"row, or None. Received: seed={shown(seed)}"
        )
    return tf.cast(tensor, tf.int32)


def _as_integers(seed: Seed) -> tf.Tensor | None:
    """`seed` as a tensor of integers, or None if it cannot be one."""
    try:
        tensor = tf.convert_to_tensor(seed)
    except (TypeError, ValueError, OverflowError):
        return None
    return tensor if tensor.dtype.is_integer else None


def check_rows_of_seed(seed: tf.Tensor, x: tf.Tensor) -> None:
    """Raises ValueError if `seed` [B, 2] and `x` [B, …] have different B.

    In a graph the sizes may be unknown; then nothing is checked.
    """
    expected, received = x.shape[:1], seed.shape[:-1]
    if received.rank == 1 and not received.is_compatible_with(expected):
        raise ValueError(
            "`seed` must have a row for each example if it has rows, shape "
            f"[{expected[0]}, 2]. Received: shape {tuple(seed.shape)}"
        )


def row_seeds(
    generator: keras.random.SeedGenerator, num_rows: int | tf.Tensor
) -> tf.Tensor:
    """A seed for each row of a batch, int32 [B, 2], from the generator's next.

    Under a distribution strategy replica r of R has rows r, r + R, r + 2 R, … of the
    global batch, as `datasets.Source.batches` deals them out. So no two replicas draw
    the same noise, and the noise of an example is the same as in one process.

    Args:
        generator: a `keras.random.SeedGenerator`, in one state on all replicas.
        num_rows: B, integer scalar: the rows of this replica.
    """
    seed = tf.cast(generator.next(), tf.int32)
    rows = tf.range(num_rows)
    context = tf.distribute.get_replica_context()
    if context is not None and context.num_replicas_in_sync > 1:
        replica = tf.cast(context.replica_id_in_sync_group, tf.int32)
        rows = replica + context.num_replicas_in_sync * rows
    return fold_in(seed, rows)


def save_seeds(model: keras.Model, store: Store) -> None:
    """Adds to `store` the state of every generator, including dropout layers'."""
    for index, state in enumerate(seed_states(model)):
        store[f"{_PREFIX}{index}"] = np.asarray(state)


def load_seeds(model: keras.Model, store: Store) -> dict[str, Any]:
    """The inverse of `save_seeds`; returns the rest of `store` as a dict."""
    for index, state in enumerate(seed_states(model)):
        state.assign(store[f"{_PREFIX}{index}"])
    keys = (key for key in store.keys() if not key.startswith(_PREFIX))  # noqa: SIM118
    return {key: store[key] for key in keys}


def seed_states(model: keras.Model) -> list[keras.Variable]:
    """The states of all generators, including dropout layers', in a stable order."""
    return [
        variable
        for variable in model.variables
        if variable.path.endswith("seed_generator_state")
    ]
