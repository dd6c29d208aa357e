"""Pictures of what the latents stand for, and of imputed data."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from matplotlib.figure import Figure

from vae_zoo import plotting
from vae_zoo.arguments import check_count
from vae_zoo.arrays import as_array
from vae_zoo.evaluation import latent_usage
from vae_zoo.evaluation.estimate import check_model, checked_seed
from vae_zoo.evaluation.latent_usage import LatentUsage
from vae_zoo.models.vae import VAE
from vae_zoo.plotting.shades import Limits
from vae_zoo.plotting.spread import spread
from vae_zoo.tensors import ModelInput

Figures: TypeAlias = dict[str, Figure]

# The number of latents moved, and of the steps of each.
MAX_TRAVERSED, NUM_TRAVERSAL_STEPS = 10, 11
NUM_MANIFOLD_STEPS = 20
# Two thousand large images would fill the memory.
ROWS_AT_A_TIME = 100
NUM_IMPUTED, NUM_DRAWS_IMPUTED, NUM_IMPUTATION_STEPS = 8, 4, 200


def figures_of_latents(
    model: VAE, x: ModelInput, seed: int, classes: np.ndarray | None = None
) -> Figures:
    """What the latents stand for, and what the model makes of missing data.

    Args:
        model: a model, trained or not.
        x: float [N, *input_shape], the examples to show.
        seed: fixes the draws, an integer.
        classes: class indices [N], or None.

    Returns:
        Dict name -> `matplotlib.figure.Figure`: `imputations` unless the posterior is
        a flow, with more than one example `traversals` and, where a picture can show
        all latents, `manifold`.

    Raises:
        ValueError: if an argument is wrong, or the examples do not fit the model.
    """
    x = checked_examples(model, x, seed)
    limits = limits_of(model, x)
    shown = x[spread(len(x), classes, NUM_IMPUTED)]
    made = {}
    if all(head.has_density for head in model.posterior_heads.values()):
        made["imputations"] = _imputations(model, shown, seed, limits)
    if len(x) > 1:  # One example does not tell how the latents are used.
        made["traversals"] = _traversals(model, x, seed, limits)
    if axes := model.geometry.grid_axes(model.latent_dim):
        images = _decoded(model, manifold_latents(model, NUM_MANIFOLD_STEPS))
        made["manifold"] = plotting.manifold(images, axes, limits=limits)
    return made


def manifold_latents(model: VAE, num_steps: int) -> tf.Tensor:
    """A grid of latents at equal shares of the prior's probability.

    Args:
        model: a model whose latents are on a plane, a circle or a sphere: latent_dim 2,
            or 3 on the unit sphere.
        num_steps: S >= 1, the points along each axis.

    Returns:
        Float32 [S, S, 2] on the plane, [1, S, 2] on the circle, [S, 2 S, 3] on the
        sphere: rows from the top, as the geometry's `quantile_grid` has them.

    Raises:
        ValueError: if the latents have more dimensions, or `num_steps` is below 1.

    Source: Kingma & Welling 2014, figure 4.
    """
    check_count("num_steps", num_steps, 1, "the points along each axis")
    return model.geometry.quantile_grid(model.prior(), num_steps)


def _traversals(model: VAE, x: np.ndarray, seed: int, limits: Limits | None) -> Figure:
    """The most used latents, each moved alone from the code of the first example."""
    usage = latent_usage(model, x, seed=seed)
    shown = [int(dimension) for dimension in usage.order()[:MAX_TRAVERSED]]
    z = model.encode(x[:1])
    paths = [model.traverse(z, dimension, NUM_TRAVERSAL_STEPS) for dimension in shown]
    images = _decoded(model, tf.stack(paths)[:, :, 0])
    names = [f"latent {dimension + 1}: {_use(usage, dimension)}" for dimension in shown]
    values = [path[:, 0, d].numpy() for path, d in zip(paths, shown, strict=True)]
    # In a product of spaces, latents have different ranges.
    if not np.allclose(values, values[0]):
        ends = ((own[0], own[-1]) for own in values)
        names = [
            f"{name}, {a:g} to {b:g}" for name, (a, b) in zip(names, ends, strict=True)
        ]
        return plotting.rows(images, names, limits=limits)
    return plotting.traversals(images, names, values[0], limits=limits)


def _use(usage: LatentUsage, dimension: int) -> str:
    if usage.kl_per_dimension is None:
        return f"variance {usage.variances[dimension]:.2f}"
    return f"{usage.kl_per_dimension[dimension]:.2f} nats"


def _imputations(model: VAE, x: np.ndarray, seed: int, limits: Limits | None) -> Figure:
    """Draws of the second half of each example; of an image, the lower half."""
    mask = np.ones_like(x)
    mask[:, x.shape[1] // 2 :] = 0
    xs, masks = (np.concatenate([part] * NUM_DRAWS_IMPUTED) for part in (x, mask))
    draws = model.impute(xs, masks, NUM_IMPUTATION_STEPS, seed=seed)
    shape = (NUM_DRAWS_IMPUTED, *x.shape)
    draws = draws.numpy().reshape(shape)
    return plotting.imputations(x, mask, draws, limits=limits)


def _decoded(model: VAE, z: tf.Tensor) -> np.ndarray:
    """Images [H, W, *input_shape] of latents [H, W, D]."""
    rows = tf.reshape(z, (-1, model.latent_dim))
    starts = range(0, len(rows), ROWS_AT_A_TIME)
    parts = [model.decode(rows[start : start + ROWS_AT_A_TIME]) for start in starts]
    return np.concatenate(parts).reshape((*z.shape[:2], *model.input_shape))


def checked_examples(model: VAE, x: ModelInput, seed: int) -> npt.NDArray[np.float32]:
    """`x` as a float array that fits the model."""
    checked_seed(seed)
    x = as_array("x", check_model(model).checked(x))
    if not len(x):
        raise ValueError("`x` must have at least one example. Received: none")
    return x.astype("float32")


def limits_of(model: VAE, x: np.ndarray) -> Limits | None:
    """The values shown as black and white: None for [0, 1], else the range of x.

    A table has a range for each column, since its columns have different units.
    """
    if model.likelihood_head.support == (0.0, 1.0):
        return None
    axes = 0 if x.ndim == 2 else None
    if x.ndim > 2 and x.min() >= 0 and x.max() <= 1:
        return 0.0, 1.0
    return x.min(axis=axes), x.max(axis=axes)
