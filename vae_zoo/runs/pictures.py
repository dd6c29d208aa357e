"""The pictures that a run and `vae-zoo plot` write."""

import pathlib
from collections.abc import Sequence

import numpy as np

from vae_zoo import plotting
from vae_zoo.arguments import PathLike, check_count
from vae_zoo.datasets.defaults import Binarization
from vae_zoo.datasets.source import Source
from vae_zoo.models.vae import VAE
from vae_zoo.plotting.spread import spread
from vae_zoo.runs.checkpoint import Row
from vae_zoo.runs.latent_pictures import (
    ROWS_AT_A_TIME,
    Figures,
    checked_examples,
    figures_of_latents,
    limits_of,
)
from vae_zoo.tensors import ModelInput

NUM_PICTURED, NUM_RECONSTRUCTED = 64, 10
NUM_LATENTS_PICTURED = 2000
NUM_PICTURED_OF_CLUSTER = 10


def write_pictures(
    model: VAE, source: Source, folder: PathLike, seed: int, binarize: Binarization
) -> None:
    """Writes `samples.png`, `reconstructions.png` and `latent.png` to `folder`.

    For a mixture model also `clusters.png`, with a row of samples for each cluster.

    Args:
        model: a trained model.
        source: the examples to show, a `datasets.Source`.
        folder: where the pictures go.
        seed: fixes the draws.
        binarize: None, "dynamic" or "fixed", as in training.
    """
    made, _, _ = _figures_of_source(model, source, seed, binarize)
    _save(made, folder)


def write_all_pictures(
    model: VAE,
    source: Source,
    folder: PathLike,
    seed: int,
    binarize: Binarization,
    history: Sequence[Row] = (),
) -> list[pathlib.Path]:
    """Writes all pictures of a model, those of `write_pictures` first.

    Args:
        model: a trained model.
        source: the examples to show, a `datasets.Source`.
        folder: where the pictures go.
        seed: fixes the draws.
        binarize: None, "dynamic" or "fixed", as in training.
        history: the history of the training, as `callbacks.read_history` returns it.

    Returns:
        The paths of the files written.
    """
    made, x, classes = _figures_of_source(model, source, seed, binarize)
    made |= {
        **figures_of_latents(model, x, seed, classes),
        **figures_of_training(history),
    }
    return _save(made, folder)


def _figures_of_source(
    model: VAE, source: Source, seed: int, binarize: Binarization
) -> tuple[Figures, np.ndarray, np.ndarray | None]:
    """The pictures of every run, and the examples and classes that they show."""
    x, classes = _examples(source, seed, binarize)
    names = getattr(source, "class_names", None)
    return figures(model, x, classes, seed, class_names=names), x, classes


def figures(
    model: VAE,
    x: ModelInput,
    classes: np.ndarray | None,
    seed: int,
    *,
    num_samples: int = NUM_PICTURED,
    class_names: Sequence[str] | None = None,
) -> Figures:
    """The pictures of every run.

    Args:
        model: a model, trained or not.
        x: float [N, *input_shape], the examples to show.
        classes: class indices [N], or None.
        seed: fixes the samples, an integer.
        num_samples: how many to show.
        class_names: the classes' names, texts by class index, or None.

    Returns:
        Dict name -> `matplotlib.figure.Figure`: `samples`, `reconstructions` and
        `latent`; for a mixture model also `clusters`, a row of samples for each.

    Raises:
        ValueError: if an argument is wrong, or the examples do not fit the model.
    """
    x = checked_examples(model, x, seed)
    check_count("num_samples", num_samples, 1, "the samples to show")
    on_sphere = model.geometry.is_spherical
    limits = limits_of(model, x)
    shown = x[spread(len(x), classes, NUM_RECONSTRUCTED)]
    latents = plotting.latent(
        _encoded(model, x), classes, on_sphere, class_names=class_names
    )
    made = {
        "samples": plotting.samples(
            model.sample(num_samples, seed=seed), limits=limits
        ),
        "reconstructions": plotting.reconstructions(
            shown, model.reconstruct(shown), limits=limits
        ),
        "latent": latents,
    }
    if model.num_clusters:
        samples = [
            model.sample(NUM_PICTURED_OF_CLUSTER, seed=seed, cluster=cluster)
            for cluster in range(model.num_clusters)
        ]
        made["clusters"] = plotting.clusters(samples, limits=limits)
    return made


def _encoded(model: VAE, x: np.ndarray) -> np.ndarray:
    """`model.encode` of many examples, in batches."""
    starts = range(0, len(x), ROWS_AT_A_TIME)
    parts = [model.encode(x[start : start + ROWS_AT_A_TIME]) for start in starts]
    return np.concatenate(parts)


def figures_of_training(history: Sequence[Row]) -> Figures:
    """The pictures of how training went.

    Args:
        history: rows, as `callbacks.read_history` returns them.

    Returns:
        Dict name -> `matplotlib.figure.Figure`: `training_curves` and, if the run has
        validation, `rate_distortion`; empty without a history.
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


def _examples(
    source: Source, seed: int, binarize: Binarization
) -> tuple[np.ndarray, np.ndarray | None]:
    """Random examples of a source, [N, *shape], and their classes [N] or None.

    The first examples of a sorted source would all be of one class.
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


def _save(made: Figures, folder: PathLike) -> list[pathlib.Path]:
    """Writes each figure to a folder, created here, by its name; returns the paths."""
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    paths = [pathlib.Path(folder) / f"{name}.png" for name in made]
    for figure, path in zip(made.values(), paths, strict=True):
        plotting.save(figure, path)
    return paths
