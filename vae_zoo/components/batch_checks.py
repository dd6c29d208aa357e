"""Checks of a batch within a pipeline, and their errors as a user should see them."""

import contextlib
import re
from collections.abc import Iterator, Sequence

import tensorflow as tf

_FAILED = re.compile(r"assertion failed: \[(`.*?)\]\s*\[\[", re.DOTALL)


def check_batch(
    is_right: tf.Tensor, message: str, values: Sequence[tf.Tensor] = ()
) -> None:
    """An assertion among TensorFlow ops, which `plain_value_errors` makes a ValueError.

    Args:
        is_right: boolean scalar.
        message: the error, which begins with the argument's name in backquotes, with
            a {} for each of `values`.
        values: tensors to show.
    """

    def fail() -> tf.Operation:
        text = tf.strings.format(message, list(values)) if values else message
        return tf.debugging.Assert(False, [text], summarize=-1)

    tf.cond(is_right, tf.no_op, fail)


def check_length(values: tf.Tensor, examples: tf.Tensor, message: str) -> None:
    """Raises ValueError, or asserts where sizes are not known yet, unless they agree.

    Args:
        values: tensor [N].
        examples: tensor [B, ...], where B is what N must be.
        message: the error, with a {} for N and then one for B.
    """
    static = (values.shape[0], examples.shape[0])
    if None in static:
        lengths = [tf.size(values), tf.shape(examples)[0]]
        check_batch(tf.equal(*lengths), message, lengths)
    elif static[0] != static[1]:
        raise ValueError(message.format(*static))


@contextlib.contextmanager
def plain_value_errors() -> Iterator[None]:
    """Turns the failed check of a data set's batch into its ValueError."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        found = _FAILED.search(str(error))
        if not found:
            raise
        raise ValueError(found.group(1)) from None
