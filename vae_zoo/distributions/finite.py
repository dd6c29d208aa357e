"""Parameters that are known when a distribution is made must be finite."""

import numpy as np
import tensorflow as tf

from vae_zoo.arguments import shown


def check_parameter(name, value, is_valid=np.isfinite, expectation="finite"):
    """Raises ValueError unless all elements are valid; in a graph, nothing.

    Args:
        name: of the argument.
        value: a tensor.
        is_valid: function of an array to booleans.
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


def as_parameter(name, value, dtype=None):
    """`value` as a tensor; raises ValueError under `name` if it is made of no numbers.

    Args:
        name: of the argument.
        value: what came.
        dtype: of the tensor; None: its own.
    """
    try:
        return tf.convert_to_tensor(value, dtype)
    except (TypeError, ValueError, tf.errors.OpError):
        raise ValueError(
            f"`{name}` must be made of numbers. Received: {name}={shown(value)}"
        ) from None


def is_positive(values):
    """Where `values` are finite and above 0."""
    return np.isfinite(values) & (values > 0)
