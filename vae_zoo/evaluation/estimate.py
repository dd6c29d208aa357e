"""Means with standard errors, and the data that measures read."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from typing import Any, Self, TypeAlias

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from vae_zoo.arguments import check_choice, check_instance, check_seed, shown
from vae_zoo.components.rows import num_rows, parts_of_rows
from vae_zoo.fitting.inputs import alone_or_named, arrays_by_name
from vae_zoo.models.input_checks import plain_value_errors
from vae_zoo.models.vae import VAE
from vae_zoo.tensors import ModelInput

ROWS_OF_ARRAYS = 100
# Batches of x or (x, …), or one array of all examples.
Data: TypeAlias = tf.data.Dataset | ModelInput


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A mean over examples.

    Attributes:
        mean: the mean over the examples; likelihoods are in nats per example.
        standard_error: of the mean as an estimate for the whole population.
        num_examples: the number of examples.
        sampling_error: of the mean as an estimate for these examples, from the draws
            behind each example's value; None if it is not known.
    """

    mean: float
    standard_error: float
    num_examples: int
    sampling_error: float | None = None

    @classmethod
    def of(
        cls,
        values: npt.ArrayLike,
        variances: npt.ArrayLike | None = None,
        num_examples: int | None = None,
    ) -> Self:
        """The estimate from one value per example, and the values' own variances.

        `num_examples` is the number of examples if it differs from that of the values.
        """
        values = np.asarray(values, np.float64)
        count = len(values)
        spread = values.std(ddof=1) if count > 1 else math.nan
        error = None
        if variances is not None:
            error = float(np.sqrt(np.sum(variances, dtype=np.float64)) / count)
        standard_error = float(spread / math.sqrt(count))
        return cls(float(values.mean()), standard_error, num_examples or count, error)


def log_mean(
    log_weights: tf.Tensor, sizes: Sequence[int]
) -> tuple[tf.Tensor, tf.Tensor]:
    """The logarithm of the mean of C weights, and its variance: [C, B] to [B] each.

    The variance is that of the mean over its square (the delta method). It does not
    include differences between distributions if the weights come from several. It is
    NaN, since unknown, for a single weight of one distribution.

    Args:
        log_weights: float [C, B].
        sizes: the numbers of weights, in this order, from each distribution.
    """
    log_sum = tf.reduce_logsumexp(log_weights, axis=0)
    variance = tf.zeros_like(log_sum)
    for part in tf.split(log_weights, [size for size in sizes if size]):
        own = tf.exp(part - log_sum)
        count = part.shape[0]
        spread = tf.reduce_sum((own - tf.reduce_mean(own, axis=0)) ** 2, axis=0)
        variance += spread * count / (count - 1) if count > 1 else math.nan
    return log_sum - math.log(log_weights.shape[0]), variance


def relative_variance(
    log_sum: tf.Tensor, log_squares: tf.Tensor, count: int
) -> tf.Tensor:
    """The relative variance of the mean of `count` weights, from log sums: [B]."""
    if count < 2:
        return tf.fill(tf.shape(log_sum), math.nan)
    # For equal weights it is zero up to rounding.
    excess = tf.maximum(tf.exp(log_squares - 2 * log_sum) - 1 / count, 0.0)
    return excess * count / (count - 1)


def first_examples(
    batches: Iterable[Any], count: int
) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """The first examples of batches, up to `count`, and their y.

    Args:
        batches: iterable of batches of x or (x, y, …), such as `Batches`.
        count: the most examples to return.

    Returns:
        The inputs by name, x [N, *shape] among them, and y [N, …], or None.
    """
    parts, labels, total = [], [], 0
    for element in batches:
        pair = element if isinstance(element, tuple) else (element,)
        parts.append(arrays_by_name(pair[0]))
        if len(pair) > 1:
            labels.append(np.asarray(pair[1]))
        total += num_rows(parts[-1])
        if total >= count:
            break
    _check_not_empty(parts)
    inputs = {
        name: np.concatenate([part[name] for part in parts])[:count]
        for name in parts[0]
    }
    return inputs, np.concatenate(labels)[:count] if labels else None


class Interrupted(KeyboardInterrupt):
    """Ctrl-C after some of the examples; `partial` is the result for these."""

    def __init__(self, partial: Any) -> None:
        super().__init__()
        self.partial = partial


def check_model(model: object) -> VAE:
    """`model`; raises ValueError unless it is a model of the package."""
    expectation = "a model of vae_zoo, such as VAE.from_preset gives"
    return check_instance("model", model, VAE, expectation)


def checked_seed(seed: object) -> int:
    """`seed` as an int32; a larger integer keeps its last 32 bits.

    Raises:
        ValueError: if `seed` is no integer.
    """
    number = check_seed("seed", seed)
    if number is None:
        raise ValueError("`seed` must be an integer. Received: seed=None")
    return (number + 2**31) % 2**32 - 2**31


def check_verbose(verbose: object) -> None:
    """Raises ValueError unless `verbose` is 0, 1 or another value of Keras."""
    check_choice("verbose", verbose, (0, 1, 2, False, True))


class Batches:
    """The batches of some data, each checked when it is read.

    The check is not mapped over the data set, since that would trace a function for
    each measure that reads it.

    Args:
        model: a model of the package.
        data: `tf.data.Dataset` of batches of x or (x, …), or an array
            [N, *input_shape], which is read in batches of a hundred.
        name: what errors call `data`.

    Raises:
        ValueError: if `data` is neither; and when batches are read, if examples do not
            fit the model.
    """

    def __init__(self, model: VAE, data: Data, name: str = "data") -> None:
        self.model = check_model(model)
        is_array = isinstance(data, (np.ndarray, tf.Tensor)) and len(data.shape)
        if is_array or isinstance(data, dict):
            # The model may have another shape for it.
            parts = parts_of_rows(arrays_by_name(model.checked(data)), ROWS_OF_ARRAYS)
            self._batches = [alone_or_named(part) for part in parts]
        elif isinstance(data, tf.data.Dataset):
            _check_elements(data.element_spec, name)
            self._batches = data
        else:
            raise ValueError(
                f"`{name}` must be a tf.data.Dataset of batches of x or (x, …), or an "
                f"array. Received: {name}={shown(data)}"
            )

    def cardinality(self) -> int:
        """The number of batches; negative if it is not known."""
        if isinstance(self._batches, list):
            return len(self._batches)
        return int(self._batches.cardinality())

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        for element in self._batches:
            yield self.model.checked(
                element if isinstance(element, tuple) else (element,)
            )


def _check_elements(spec: Any, name: str) -> None:
    first = spec[0] if isinstance(spec, tuple) and spec else spec
    is_named = isinstance(first, dict) and "x" in first
    if not is_named and not isinstance(first, tf.TensorSpec):
        raise ValueError(
            f"`{name}` must be a data set with elements x or (x, …), x a tensor. "
            f"Received: elements {spec}"
        )


def mapped(
    score: Callable[[Any, tf.Tensor], Any],
    batches: Batches | tf.data.Dataset,
    seed: int,
    verbose: int,
    summarize: Callable[[Any], Any] = lambda scores: scores,
) -> Any:
    """Applies `score(x, key)` to every batch in order.

    Args:
        score: function of x and a seed int32 [2] to a tensor [B], or a structure.
        batches: of x or (x, …), `Batches` or a `tf.data.Dataset`.
        seed: fixes the seeds, which differ between batches.
        verbose: 1 shows Keras' progress bar.
        summarize: function of the results of `score`, concatenated over all examples.

    Returns:
        What `summarize` returns.

    Raises:
        Interrupted: by Ctrl-C, once the first batch is done.
    """
    seed = checked_seed(seed)
    check_verbose(verbose)
    num_batches = int(batches.cardinality())
    bar = keras.utils.Progbar(num_batches if num_batches > 0 else None, verbose=verbose)
    parts = []
    try:
        with plain_value_errors():
            for step, element in enumerate(batches):
                x = element[0] if isinstance(element, tuple) else element
                x = float_inputs(x)
                scores = score(x, tf.constant([seed, step]))
                parts.append(tf.nest.map_structure(np.asarray, scores))
                bar.update(step + 1)
    except KeyboardInterrupt:
        if not parts:
            raise
        raise Interrupted(summarize(_in_a_row(parts))) from None
    return summarize(_in_a_row(parts))


def float_inputs(x: ModelInput) -> tf.Tensor | dict[str, tf.Tensor]:
    """x, or a dict of inputs, as float32 tensors."""
    return tf.nest.map_structure(lambda value: tf.cast(value, tf.float32), x)


def _in_a_row(parts: list[Any]) -> Any:
    _check_not_empty(parts)
    return tf.nest.map_structure(lambda *batches: np.concatenate(batches), *parts)


def _check_not_empty(parts: Sized) -> None:
    if not parts:
        raise ValueError("`data` must have at least one example. Received: none")
