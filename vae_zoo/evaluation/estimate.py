"""A mean with its standard error, and how a measure reads its data."""

import dataclasses
import math

import keras
import numpy as np
import tensorflow as tf

from vae_zoo.models.input_checks import plain_value_errors

ROWS_OF_ARRAYS = 100


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A mean over examples.

    Attributes:
        mean: over the examples; of likelihoods in nats per example.
        standard_error: of the mean as that of all examples there could be.
        num_examples: how many examples there were.
        sampling_error: of the mean as that of these very examples, from the draws that
            estimate each one's value; None where it is not known.
    """

    mean: float
    standard_error: float
    num_examples: int
    sampling_error: float | None = None

    @classmethod
    def of(cls, values, variances=None, num_examples=None):
        """The estimate from values, one per example, and the values' own variances.

        `num_examples` says from how many examples they are, if these are not as many.
        """
        values = np.asarray(values, np.float64)
        count = len(values)
        spread = values.std(ddof=1) if count > 1 else math.nan
        error = None
        if variances is not None:
            error = float(np.sqrt(np.sum(variances, dtype=np.float64)) / count)
        standard_error = float(spread / math.sqrt(count))
        return cls(float(values.mean()), standard_error, num_examples or count, error)


def log_mean(log_weights, sizes):
    """The logarithm of the mean of C weights, and its variance: [C, B] to [B] each.

    The variance is that of the mean over its square (the delta method); where weights
    are from several distributions, what these differ by is no variance. From a single
    weight of one distribution it is not known, and NaN.

    Args:
        log_weights: float [C, B].
        sizes: how many of them, in this order, are from each distribution.
    """
    log_sum = tf.reduce_logsumexp(log_weights, axis=0)
    variance = tf.zeros_like(log_sum)
    for part in tf.split(log_weights, [size for size in sizes if size]):
        own = tf.exp(part - log_sum)
        count = part.shape[0]
        spread = tf.reduce_sum((own - tf.reduce_mean(own, axis=0)) ** 2, axis=0)
        variance += spread * count / (count - 1) if count > 1 else math.nan
    return log_sum - math.log(log_weights.shape[0]), variance


def relative_variance(log_sum, log_squares, count):
    """That of the mean of `count` weights, from logarithms of their sums: [B]."""
    if count < 2:
        return tf.fill(tf.shape(log_sum), math.nan)
    # Of weights that are all alike it is zero but for rounding.
    excess = tf.maximum(tf.exp(log_squares - 2 * log_sum) - 1 / count, 0.0)
    return excess * count / (count - 1)


def first_examples(data, count):
    """Up to `count` examples of a data set, and what came with them.

    Args:
        data: `tf.data.Dataset` of x or (x, y, …), batched.
        count: how many, at most.

    Returns:
        x [N, *shape] and y [N, …], or None where there is none.
    """
    parts, labels, total = [], [], 0
    for element in data:
        pair = element if isinstance(element, tuple) else (element,)
        parts.append(np.asarray(pair[0]))
        if len(pair) > 1:
            labels.append(np.asarray(pair[1]))
        total += len(parts[-1])
        if total >= count:
            break
    _check_not_empty(parts)
    x = np.concatenate(parts)[:count]
    return x, (np.concatenate(labels)[:count] if labels else None)


class Interrupted(KeyboardInterrupt):
    """Ctrl-C after some of the examples; `partial` is the result of these."""

    def __init__(self, partial):
        super().__init__()
        self.partial = partial


def batches_of(model, data):
    """`data`, with a check of its values; an array [N, *input_shape] in batches.

    Raises:
        ValueError: if it is neither a data set nor an array, or does not fit the model.
    """
    if isinstance(data, (np.ndarray, tf.Tensor)):
        data = tf.data.Dataset.from_tensor_slices(data).batch(ROWS_OF_ARRAYS)
    if not isinstance(data, tf.data.Dataset):
        raise ValueError(
            "`data` must be a tf.data.Dataset of batches of x or (x, …), or an array. "
            f"Received: {type(data).__name__}"
        )
    return model.checked(data)


def mapped(score, data, seed, verbose, summarize=lambda scores: scores):
    """`score(x, key)` of every batch of a data set, one after the other.

    Args:
        score: function of x and a seed int32 [2] to a tensor [B], or a structure.
        data: `tf.data.Dataset` of x or (x, …).
        seed: fixes the seeds, another one for each batch.
        verbose: 1 shows Keras' progress bar.
        summarize: function of what `score` gives, of all examples in a row.

    Returns:
        What `summarize` gives.

    Raises:
        Interrupted: by Ctrl-C, if it did not come before the first batch was done.
    """
    num_batches = int(data.cardinality())
    bar = keras.utils.Progbar(num_batches if num_batches > 0 else None, verbose=verbose)
    parts = []
    try:
        with plain_value_errors():
            for step, element in enumerate(data):
                x = element[0] if isinstance(element, tuple) else element
                x = tf.cast(x, tf.float32)
                scores = score(x, tf.constant([seed, step]))
                parts.append(tf.nest.map_structure(np.asarray, scores))
                bar.update(step + 1)
    except KeyboardInterrupt:
        if not parts:
            raise
        raise Interrupted(summarize(_in_a_row(parts))) from None
    return summarize(_in_a_row(parts))


def _in_a_row(parts):
    _check_not_empty(parts)
    return tf.nest.map_structure(lambda *batches: np.concatenate(batches), *parts)


def _check_not_empty(parts):
    if not parts:
        raise ValueError("`data` must have at least one example. Received: none")
