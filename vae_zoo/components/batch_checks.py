"""Checks of a batch within a pipeline, with plain errors for the user."""

import contextlib
import re
from collections.abc import Iterator, Sequence

import tensorflow as tf

_FAILED = re.compile(r"assertion failed: \[(`.*?)\]\s*\[\[", re.DOTALL)


def check_batch(
    is_right: tf.Tensor, message: str, values: Sequence[tf.Tensor] = ()
) -> None:
    """An assertion in the graph, which `plain_value_errors` turns into a ValueError.

    Args:
        is_right: boolean scalar.
        message: the error message, which begins with the argument's name in backquotes
            and has a {} for each of `values`.
        values: tensors to show.
    """

    def fail() -> tf.Operation:
        text = tf.strings.format(message, list(values)) if values else message
        return tf.debugging.Assert(False, [text], summarize=-1)

    tf.cond(is_right, tf.no_op, fail)


def check_length(values: tf.Tensor, examples: tf.Tensor, message: str) -> None:
    """Raises ValueError unless the sizes agree; asserts if they are not known yet.

    Args:
        values: tensor [N].
        examples: tensor [B, ...]; N must be B.
        message: the error message, with a {} for N and then one for B.
    """
    static = (values.shape[0], examples.shape[0])
    if None in static:
        lengths = [tf.size(values), tf.shape(examples)[0]]
        check_batch(tf.equal(*lengths), message, lengths)
    elif static[0] != static[1]:
        raise ValueError(message.format(*static))


@contextlib.contextmanager
def plain_value_errors() -> Iterator[None]:
    """Context that turns a failed check of a data set's batch into a ValueError."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        found = _FAILED.search(str(error))
        if not found:
            raise
        raise ValueError(found.group(1)) from None
