"""A look at a model's sizes and at its data before training starts."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from vae_zoo.arguments import shown
from vae_zoo.components.batch_checks import plain_value_errors
from vae_zoo.components.posteriors import Posterior
from vae_zoo.components.priors import Prior
from vae_zoo.fitting.examples import as_numbers, check_shape
from vae_zoo.tensors import TensorLike

if TYPE_CHECKING:
    from vae_zoo.models.vae import VAE

_INTEGERS = ("int32", "int64", "uint32", "uint64", "int16", "uint16", "int8", "uint8")

__all__ = [
    "as_incomplete",
    "as_latents",
    "check_density",
    "check_same_geometry",
    "check_seed_of_rows",
    "check_shape",
    "check_sizes",
    "check_values",
    "is_binary",
    "plain_value_errors",
]


def check_sizes(input_shape: Any, latent_dim: Any) -> tuple[tuple[int, ...], int]:
    """The sizes as plain integers; raises ValueError if they make no model."""
    shape = tuple(input_shape) if isinstance(input_shape, (tuple, list)) else ()
    if not 1 <= len(shape) <= 3 or not all(map(_is_positive_integer, shape)):
        raise ValueError(
            "`input_shape` must be a tuple of 1 to 3 positive integers, the shape of "
            f"one example without the batch. Received: input_shape={shown(input_shape)}"
        )
    if not _is_positive_integer(latent_dim):
        raise ValueError(
            "`latent_dim` must be a positive integer, the length of a latent "
            f"vector. Received: latent_dim={shown(latent_dim)}"
        )
    return tuple(map(int, shape)), int(latent_dim)


def _is_positive_integer(value: object) -> bool:
    return (
        isinstance(value, (int, np.integer))
        and not isinstance(value, bool)
        and bool(value > 0)
    )


def check_same_geometry(posterior: Posterior, prior: Prior) -> None:
    """Raises ValueError unless the two components are distributions on one space."""
    if prior.geometry not in (None, posterior.geometry):
        raise ValueError(
            "`posterior` and `prior` must live on the same space. Received: "
            f"posterior={type(posterior).__name__} on {posterior.geometry.name}, "
            f"prior={type(prior).__name__} on {prior.geometry.name}"
        )


def check_density(model: VAE, needed_by: str) -> None:
    """Raises ValueError unless each q of the model has a density at any point.

    Args:
        model: a model of the package.
        needed_by: what cannot do without, for the error.
    """
    for head in model.posterior_heads.values():
        head.check_density(needed_by)


def check_values(
    name: str,
    values: TensorLike,
    is_valid: Callable[[np.ndarray], np.ndarray],
    expectation: str,
) -> None:
    """Raises ValueError, eagerly, unless `is_valid` of each of `values`."""
    if tf.executing_eagerly() and not np.all(is_valid(np.asarray(values))):
        raise ValueError(
            f"`{name}` must hold only {expectation}. Received: values from "
            f"{np.min(values):g} to {np.max(values):g}"
        )


def is_binary(values: np.ndarray) -> npt.NDArray[np.bool_]:
    """Where `values` are 0 or 1."""
    return np.isin(values, (0, 1))


def as_latents(
    z: TensorLike, latent_dim: int, name: str, rank: int | None = None
) -> tf.Tensor:
    """`z` as a float32 tensor [..., latent_dim].

    Args:
        z: an array or a tensor.
        latent_dim: the length D of a latent vector.
        name: the argument's, for errors.
        rank: how many axes it must have; None: two or more.

    Raises:
        ValueError: if it has another shape or, eagerly, a value that is not finite.
    """
    z = tf.convert_to_tensor(as_numbers(z, name))
    if tf.executing_eagerly():
        check_values(name, z, np.isfinite, "finite values")
    is_deep = z.shape.rank is not None and z.shape.rank >= 2
    if (
        not is_deep
        or z.shape[-1] not in (None, latent_dim)
        or rank
        not in (
            None,
            z.shape.rank,
        )
    ):
        axes = "B" if rank == 2 else "..., B"
        raise ValueError(
            f"`{name}` must have shape [{axes}, {latent_dim}]. Received: shape "
            f"{tuple(z.shape)}"
        )
    return tf.ensure_shape(z, (*z.shape[:-1], latent_dim))


def as_named_latents(
    z: object, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, tf.Tensor]:
    """`z` as a dict of float32 tensors, one for each latent.

    Args:
        z: name -> float [..., *event].
        shapes: of the events, name -> shape.

    Raises:
        ValueError: if a latent is missing, unknown or of another shape.
    """
    if not isinstance(z, dict) or z.keys() != shapes.keys():
        names = " and ".join(f"'{name}'" for name in shapes)
        raise ValueError(
            f"`z` must be a dict of this model's latents, {names}: "
            f"{_difference(z, shapes)}. Received: "
            f"{shown([*z] if isinstance(z, dict) else z)}"
        )
    tensors = {}
    for name, shape in shapes.items():
        tensor = tf.convert_to_tensor(as_numbers(z[name], f"z['{name}']"))
        if not tensor.shape[-len(shape) :].is_compatible_with(shape):
            expected = ", ".join(map(str, ("...", *shape)))
            raise ValueError(
                f"`z['{name}']` must have shape [{expected}]. Received: shape "
                f"{tuple(tensor.shape)}"
            )
        tensors[name] = tensor
    return tensors


def _difference(z: object, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """What is wrong with the names of `z`."""
    if not isinstance(z, dict):
        return "an array has no names"
    missing = [f"'{name}' is missing" for name in shapes if name not in z]
    unknown = [f"there is no {name!r}" for name in z if name not in shapes]
    return ", ".join(missing + unknown)


def check_shape_of_draws(shape: Any) -> int:
    """The length of `shape`; ValueError unless it says how many draws there are."""
    rank = len(shape) if isinstance(shape, (list, tuple)) else None
    if tf.is_tensor(shape) and shape.dtype.is_integer and shape.shape.rank == 1:
        rank = shape.shape[0]
    if rank is None:
        raise ValueError(
            "`shape` must be the numbers of draws, such as [100], or an integer vector "
            f"of known length. Received: shape={shown(shape)}"
        )
    return rank


def as_incomplete(x: TensorLike, mask: TensorLike) -> tuple[tf.Tensor, tf.Tensor]:
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


def check_seed_of_rows(seed: Any, num_samples: int) -> None:
    """Raises ValueError unless it is one for all samples, [2], or for each, [N, 2]."""
    is_number = isinstance(seed, numbers.Integral) and not isinstance(seed, bool)
    if seed is None or is_number:
        return
    if isinstance(seed, (list, tuple)):
        seed = _as_array(seed)
    shapes = ((2,), (num_samples, 2))
    is_valid = (
        (isinstance(seed, np.ndarray) or tf.is_tensor(seed))
        and seed.dtype in _INTEGERS
        and any(tf.TensorShape(seed.shape).is_compatible_with(each) for each in shapes)
    )
    if not is_valid:
        raise ValueError(
            "`seed` must be None, an integer, or int32 of shape [2] or "
            f"[{num_samples}, 2]. Received: seed={shown(seed)}"
        )


def _as_array(seed: Sequence[Any]) -> np.ndarray | Sequence[Any]:
    """A list as an array, or as it came if its rows differ in length."""
    try:
        return np.array(seed)
    except ValueError:
        return seed
