"""A look at a model's sizes and at its data before training starts."""

import contextlib
import inspect
import re

import keras
import numpy as np
import tensorflow as tf

# What `ValueRule.check_in_graph` and the checks of labels raise.
CHECK_OF_A_BATCH = (
    r"`x` must be finite.*? of them NaN|`y` must lie.*?values from -?\d+ to -?\d+"
    r"|`y` must have one label.*?Received: \d+"
)


def check_sizes(input_shape, latent_dim):
    """The sizes as plain integers; raises ValueError if they make no model."""
    shape = tuple(input_shape) if isinstance(input_shape, (tuple, list)) else ()
    if not 1 <= len(shape) <= 3 or not all(map(_is_positive_integer, shape)):
        raise ValueError(
            "`input_shape` must be a tuple of 1 to 3 positive integers, the shape of "
            f"one example without the batch. Received: input_shape={input_shape}"
        )
    if not _is_positive_integer(latent_dim):
        raise ValueError(
            "`latent_dim` must be a positive integer, the length of a latent "
            f"vector. Received: latent_dim={latent_dim}"
        )
    return tuple(map(int, shape)), int(latent_dim)


def _is_positive_integer(value):
    return (
        isinstance(value, (int, np.integer))
        and not isinstance(value, bool)
        and value > 0
    )


def check_same_geometry(posterior, prior):
    """Raises ValueError unless the two components are distributions on one space."""
    if posterior.geometry != prior.geometry:
        raise ValueError(
            "`posterior` and `prior` must live on the same space. Received: "
            f"posterior={type(posterior).__name__} on {posterior.geometry.name}, "
            f"prior={type(prior).__name__} on {prior.geometry.name}"
        )


def check_shape(shape, input_shape, name="x"):
    """Raises ValueError unless `shape`, of `name`, can be [B, *input_shape]."""
    if not tf.TensorShape(shape).is_compatible_with((None, *input_shape)):
        expected = ", ".join(("B", *map(str, input_shape)))
        raise ValueError(
            f"`{name}` must have shape [{expected}]. Received: shape {tuple(shape)}"
        )


def check_values(name, values, is_valid, expectation):
    """Raises ValueError, eagerly, unless `is_valid` of each of `values`."""
    if tf.executing_eagerly() and not np.all(is_valid(np.asarray(values))):
        raise ValueError(
            f"`{name}` must hold only {expectation}. Received: values from "
            f"{np.min(values):g} to {np.max(values):g}"
        )


def is_binary(values):
    """Where `values` are 0 or 1."""
    return np.isin(values, (0, 1))


def as_latents(z, latent_dim, name):
    """`z` as a float32 tensor [B, latent_dim]; ValueError under `name` if it is not."""
    z = tf.convert_to_tensor(z, tf.float32)
    if z.shape.rank != 2 or z.shape[1] not in (None, latent_dim):
        raise ValueError(
            f"`{name}` must have shape [B, {latent_dim}]. Received: shape "
            f"{tuple(z.shape)}"
        )
    return tf.ensure_shape(z, (None, latent_dim))


def as_incomplete(x, mask):
    """`x`, zero where `mask` is 0, and the mask as booleans.

    Raises:
        ValueError: if the shapes differ or, eagerly, `mask` has other values than 0
            and 1.
    """
    x, mask = tf.convert_to_tensor(x), tf.convert_to_tensor(mask)
    if not mask.shape.is_compatible_with(x.shape):
        raise ValueError(
            "`mask` must have the shape of `x`, "
            f"{tuple(x.shape)}. Received: shape {tuple(mask.shape)}"
        )
    mask = tf.cast(mask, tf.float32)
    check_values("mask", mask, is_binary, "1 (observed) and 0 (missing)")
    observed = mask > 0.5
    return tf.where(observed, x, tf.zeros_like(x)), observed


def checked_data(data, input_shape, rule):
    """`data` as it came, once its examples x are known to fit the model.

    Arrays are checked now. A `tf.data.Dataset` gains a check of every batch, on
    the CPU beside the training step; so do a `keras.utils.PyDataset` and a generator.

    Args:
        data: what `fit` takes: x, a tuple (x, …), a data set, or None.
        input_shape: the shape of one example.
        rule: the `ValueRule` of its values.

    Raises:
        ValueError: if an array breaks the rule, or a shape is off.
    """
    if isinstance(data, tf.data.Dataset):
        spec = _first(data.element_spec)
        if not isinstance(spec, tf.TensorSpec):
            raise ValueError(
                "A data set's elements must be x or a tuple (x, …). Received: "
                f"elements {data.element_spec}"
            )
        check_shape(spec.shape, input_shape)
        return data.map(lambda *element: _check_element(element, rule))
    if isinstance(data, keras.utils.PyDataset) or inspect.isgenerator(data):
        return checked_elements(
            data, lambda element: _check_array(_first(element), input_shape, rule)
        )
    x = _first(data)
    if isinstance(x, (np.ndarray, tf.Tensor)):
        _check_array(x, input_shape, rule)
    return data


def _check_array(x, input_shape, rule):
    x = np.asarray(x)
    check_shape(x.shape, input_shape)
    rule.check(x)


def checked_elements(data, check):
    """A `keras.utils.PyDataset` or generator of the same elements, `check` of each."""
    if isinstance(data, keras.utils.PyDataset):
        return _CheckedPyDataset(data, check)
    return _checked_generator(data, check)


def _checked_generator(data, check):
    for element in data:
        check(element)
        yield element


class _CheckedPyDataset(keras.utils.PyDataset):
    def __init__(self, data, check):
        super().__init__(
            workers=data.workers,
            use_multiprocessing=data.use_multiprocessing,
            max_queue_size=data.max_queue_size,
        )
        self.data, self.check = data, check

    def __len__(self):
        return len(self.data)

    @property
    def num_batches(self):
        return self.data.num_batches

    def __getitem__(self, index):
        element = self.data[index]
        self.check(element)
        return element

    def on_epoch_begin(self):
        self.data.on_epoch_begin()

    def on_epoch_end(self):
        self.data.on_epoch_end()


def limited(data, num_batches):
    """A data set, or of one without an end the first batches."""
    has_end = data.cardinality() >= 0 or num_batches is None
    return data if has_end else data.take(num_batches)


def _first(data):
    return data[0] if isinstance(data, (tuple, list)) and data else data


def _check_element(element, rule):
    rule.check_in_graph(element[0])
    return element if len(element) > 1 else element[0]


@contextlib.contextmanager
def plain_value_errors():
    """Turns the failed check of a data set's batch into its ValueError."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        found = re.search(CHECK_OF_A_BATCH, str(error), re.DOTALL)
        if not found:
            raise
        raise ValueError(found.group()) from None
