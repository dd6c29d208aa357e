"""The pictures that a run leaves and `vae-zoo plot` writes."""

import pathlib

from vae_zoo import plotting
from vae_zoo.models.input_checks import check_at_least

NUM_PICTURED = 64
NUM_LATENTS_PICTURED = 2000
NUM_PICTURED_OF_CLUSTER = 10


def write_pictures(model, source, folder, settings):
    """Writes `samples.png`, `reconstructions.png` and `latent.png` to `folder`.

    Of a mixture model `clusters.png` too, a row of samples for each cluster.

    Args:
        model: a trained model.
        source: the examples to show, a `datasets.Source`.
        folder: where the pictures go.
        settings: dict with `seed` and `binarize`.
    """
    x, classes = _examples(source, settings)
    _save(figures(model, x, classes, settings["seed"]), folder)


def figures(model, x, classes, seed, *, num_samples=NUM_PICTURED):
    """The pictures that every run leaves.

    Args:
        model: a model, trained or not.
        x: float [N, *input_shape], the examples to show.
        classes: class indices [N], or None.
        seed: fixes the samples, an integer.
        num_samples: how many to show.

    Returns:
        Dict name -> `matplotlib.figure.Figure`: `samples`, `reconstructions` and
        `latent`; of a mixture model `clusters` too, a row of samples for each.
    """
    made = {
        "samples": plotting.samples(model.sample(num_samples, seed=seed).numpy()),
        "reconstructions": plotting.reconstructions(x[:10], model.reconstruct(x[:10])),
        "latent": plotting.latent(model.encode(x), classes),
    }
    if model.num_clusters:
        made["clusters"] = plotting.clusters(
            [
                model.sample(NUM_PICTURED_OF_CLUSTER, seed=seed, cluster=cluster)
                for cluster in range(model.num_clusters)
            ]
        )
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
    check_at_least("num_steps", num_steps, 1, "the points along each axis")
    return model.geometry.quantile_grid(model.prior(), num_steps)


def _examples(source, settings):
    """The first examples [N, *shape] and their classes [N] or None."""
    with_classes = source.has_classes
    data = source.batches(
        NUM_LATENTS_PICTURED,
        binarize=settings["binarize"] and "fixed",
        labels=with_classes,
        seed=settings["seed"],
    )
    element = next(data.take(1).as_numpy_iterator())
    return element if with_classes else (element, None)


def _save(made, folder):
    """Writes each figure under its name; returns the paths."""
    paths = [pathlib.Path(folder) / f"{name}.png" for name in made]
    for figure, path in zip(made.values(), paths, strict=True):
        plotting.save(figure, path)
    return paths
