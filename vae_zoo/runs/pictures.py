"""The pictures that a run leaves and `vae-zoo plot` writes."""

import pathlib

import numpy as np
import tensorflow as tf

from vae_zoo import plotting
from vae_zoo.arguments import check_count
from vae_zoo.arrays import as_array
from vae_zoo.evaluation import latent_usage
from vae_zoo.evaluation.estimate import check_model, checked_seed
from vae_zoo.plotting.spread import spread

NUM_PICTURED, NUM_RECONSTRUCTED = 64, 10
NUM_LATENTS_PICTURED = 2000
NUM_PICTURED_OF_CLUSTER = 10
# Of the latents, and of the steps that each of them takes.
MAX_TRAVERSED, NUM_TRAVERSAL_STEPS = 10, 11
NUM_MANIFOLD_STEPS = 20
# Of large images two thousand would fill the memory.
ROWS_AT_A_TIME = 100
NUM_IMPUTED, NUM_DRAWS_IMPUTED, NUM_IMPUTATION_STEPS = 8, 4, 200


def write_pictures(model, source, folder, seed, binarize):
    """Writes `samples.png`, `reconstructions.png` and `latent.png` to `folder`.

    Of a mixture model `clusters.png` too, a row of samples for each cluster.

    Args:
        model: a trained model.
        source: the examples to show, a `datasets.Source`.
        folder: where the pictures go.
        seed: fixes the draws.
        binarize: None, "dynamic" or "fixed", as in training.
    """
    made, _, _ = _figures_of_source(model, source, seed, binarize)
    _save(made, folder)


def write_all_pictures(model, source, folder, seed, binarize, history=()):
    """Writes every picture that there is of a model, those of `write_pictures` first.

    Args:
        model: a trained model.
        source: the examples to show, a `datasets.Source`.
        folder: where the pictures go.
        seed: fixes the draws.
        binarize: None, "dynamic" or "fixed", as in training.
        history: of the model's training, as `callbacks.read_history` gives it.

    Returns:
        The paths of the files written.
    """
    made, x, classes = _figures_of_source(model, source, seed, binarize)
    made |= {
        **figures_of_latents(model, x, seed, classes),
        **figures_of_training(history),
    }
    return _save(made, folder)


def _figures_of_source(model, source, seed, binarize):
    """The pictures that every run leaves, and the examples and classes they show."""
    x, classes = _examples(source, seed, binarize)
    names = getattr(source, "class_names", None)
    return figures(model, x, classes, seed, class_names=names), x, classes


def figures(model, x, classes, seed, *, num_samples=NUM_PICTURED, class_names=None):
    """The pictures that every run leaves.

    Args:
        model: a model, trained or not.
        x: float [N, *input_shape], the examples to show.
        classes: class indices [N], or None.
        seed: fixes the samples, an integer.
        num_samples: how many to show.
        class_names: the classes' names, texts by class index, or None.

    Returns:
        Dict name -> `matplotlib.figure.Figure`: `samples`, `reconstructions` and
        `latent`; of a mixture model `clusters` too, a row of samples for each.

    Raises:
        ValueError: if an argument is off, or the examples do not fit the model.
    """
    x = _checked(model, x, seed)
    check_count("num_samples", num_samples, 1, "the samples to show")
    on_sphere = model.geometry.is_spherical
    shades = {"limits": _limits(model, x)}
    shown = x[spread(len(x), classes, NUM_RECONSTRUCTED)]
    latents = plotting.latent(
        _encoded(model, x), classes, on_sphere, class_names=class_names
    )
    made = {
        "samples": plotting.samples(model.sample(num_samples, seed=seed), **shades),
        "reconstructions": plotting.reconstructions(
            shown, model.reconstruct(shown), **shades
        ),
        "latent": latents,
    }
    if model.num_clusters:
        samples = [
            model.sample(NUM_PICTURED_OF_CLUSTER, seed=seed, cluster=cluster)
            for cluster in range(model.num_clusters)
        ]
        made["clusters"] = plotting.clusters(samples, **shades)
    return made


def figures_of_latents(model, x, seed, classes=None):
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
        ValueError: if an argument is off, or the examples do not fit the model.
    """
    x = _checked(model, x, seed)
    limits = _limits(model, x)
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


def _checked(model, x, seed):
    """`x` as a float array that fits the model."""
    checked_seed(seed)
    x = as_array("x", check_model(model).checked(x))
    if not len(x):
        raise ValueError("`x` must have at least one example. Received: none")
    return x.astype("float32")


def _limits(model, x):
    """What is black and white: None on [0, 1], else the range of x, by column or all.

    Columns of a table have units of their own.
    """
    if model.likelihood_head.support == (0.0, 1.0):
        return None
    axes = 0 if x.ndim == 2 else None
    if x.ndim > 2 and x.min() >= 0 and x.max() <= 1:
        return 0.0, 1.0
    return x.min(axis=axes), x.max(axis=axes)


def _encoded(model, x):
    """`model.encode` of many examples, some at a time."""
    starts = range(0, len(x), ROWS_AT_A_TIME)
    parts = [model.encode(x[start : start + ROWS_AT_A_TIME]) for start in starts]
    return np.concatenate(parts)


def figures_of_training(history):
    """How training went.

    Args:
        history: rows, as `callbacks.read_history` gives them.

    Returns:
        Dict name -> `matplotlib.figure.Figure`: `training_curves` and, of a run with
        validation, `rate_distortion`; nothing without a history.
    """
    if not history:
        return {}
    made = {"training_curves": plotting.training_curves(history)}
    if "val_kl" in history[0]:
        rates = [row["val_kl"] for row in history]
        distortions = [-row["val_log_likelihood"] for row in history]
        path = {"validation, epoch by epoch": (rates, distortions)}
        if np.isfinite([rates, distortions]).all(axis=0).any():
            made["rate_distortion"] = plotting.rate_distortion(path)
    return made


def manifold_latents(model, num_steps):
    """Latents at equal shares of the prior's probability, to look at all of them.

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


def _traversals(model, x, seed, limits):
    """The most used latents moved one by one, from where the first example is."""
    usage = latent_usage(model, x, seed=seed)
    shown = [int(dimension) for dimension in usage.order()[:MAX_TRAVERSED]]
    z = model.encode(x[:1])
    paths = [model.traverse(z, dimension, NUM_TRAVERSAL_STEPS) for dimension in shown]
    images = _decoded(model, tf.stack(paths)[:, :, 0])
    names = [f"latent {dimension + 1}: {_use(usage, dimension)}" for dimension in shown]
    values = [path[:, 0, d].numpy() for path, d in zip(paths, shown, strict=True)]
    # Of a product of spaces some go further than others.
    if not np.allclose(values, values[0]):
        ends = ((own[0], own[-1]) for own in values)
        names = [
            f"{name}, {a:g} to {b:g}" for name, (a, b) in zip(names, ends, strict=True)
        ]
        return plotting.rows(images, names, limits=limits)
    return plotting.traversals(images, names, values[0], limits=limits)


def _use(usage, dimension):
    if usage.kl_per_dimension is None:
        return f"variance {usage.variances[dimension]:.2f}"
    return f"{usage.kl_per_dimension[dimension]:.2f} nats"


def _imputations(model, x, seed, limits):
    """Draws of the second half of each example, in images the lower one."""
    mask = np.ones_like(x)
    mask[:, x.shape[1] // 2 :] = 0
    given = (np.concatenate([part] * NUM_DRAWS_IMPUTED) for part in (x, mask))
    draws = model.impute(*given, NUM_IMPUTATION_STEPS, seed=seed)
    shape = (NUM_DRAWS_IMPUTED, *x.shape)
    draws = draws.numpy().reshape(shape)
    return plotting.imputations(x, mask, draws, limits=limits)


def _decoded(model, z):
    """Images [H, W, *input_shape] of latents [H, W, D]."""
    rows = tf.reshape(z, (-1, model.latent_dim))
    starts = range(0, len(rows), ROWS_AT_A_TIME)
    parts = [model.decode(rows[start : start + ROWS_AT_A_TIME]) for start in starts]
    return np.concatenate(parts).reshape((*z.shape[:2], *model.input_shape))


def _examples(source, seed, binarize):
    """Examples from anywhere in a source, [N, *shape], and their classes [N] or None.

    The first ones of a sorted source would be of one class.
    """
    with_classes = source.has_classes
    data = source.batches(
        NUM_LATENTS_PICTURED,
        binarize=binarize and "fixed",
        labels=with_classes,
        shuffle=True,
        seed=seed,
    )
    element = next(data.take(1).as_numpy_iterator())
    return element if with_classes else (element, None)


def _save(made, folder):
    """Writes each figure under its name into a folder, made now; returns the paths."""
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    paths = [pathlib.Path(folder) / f"{name}.png" for name in made]
    for figure, path in zip(made.values(), paths, strict=True):
        plotting.save(figure, path)
    return paths
