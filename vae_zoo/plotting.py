"""Pictures of a model and its data. Each function returns a matplotlib Figure."""

import math

import numpy as np
from matplotlib.figure import Figure

from vae_zoo import atomic

INCHES_PER_IMAGE = 0.7
MAX_CLASSES = 20


def samples(images, columns=8):
    """A grid of `images` [N, *shape], values in [0, 1]."""
    rows = math.ceil(len(images) / columns)
    figure = Figure((columns * INCHES_PER_IMAGE, rows * INCHES_PER_IMAGE))
    axes = np.ravel(figure.subplots(rows, columns))
    for axis in axes:
        axis.set_axis_off()
    for axis, image in zip(axes, images, strict=False):
        _draw(axis, image)
    figure.subplots_adjust(0.01, 0.01, 0.99, 0.99, 0.06, 0.06)
    return figure


def clusters(images):
    """One row of samples for each cluster: `images` [K, N, *shape], in [0, 1]."""
    rows, columns = len(images), len(images[0])
    figure = Figure((columns * INCHES_PER_IMAGE + 0.5, rows * INCHES_PER_IMAGE))
    axes = figure.subplots(rows, columns, squeeze=False)
    for row in range(rows):
        for column in range(columns):
            _draw(axes[row, column], images[row][column])
        axes[row, 0].set_ylabel(
            str(row), fontsize=8, rotation=0, ha="right", va="center"
        )
    left = 0.3 / figure.get_figwidth()
    figure.subplots_adjust(left, 0.01, 0.99, 0.99, 0.06, 0.06)
    return figure


def reconstructions(originals, reconstructed):
    """The `originals` [N, *shape] in a row, their reconstructions below."""
    count = len(originals)
    figure = Figure((count * INCHES_PER_IMAGE + 0.5, 2 * INCHES_PER_IMAGE + 0.1))
    axes = figure.subplots(2, count, squeeze=False)
    for column in range(count):
        _draw(axes[0, column], originals[column])
        _draw(axes[1, column], reconstructed[column])
    for axis, label in zip(axes[:, 0], ("data", "model"), strict=True):
        axis.set_ylabel(label, fontsize=8)
    left = 0.4 / figure.get_figwidth()
    figure.subplots_adjust(left, 0.02, 0.99, 0.98, 0.06, 0.06)
    return figure


def latent(latents, labels=None):
    """The latent vectors [N, D] as points, coloured by class index `labels` [N].

    Labels that are no class indices, or of more than twenty classes, are not shown.

    Two dimensions are shown as they are, one as a histogram, more by their first
    two principal components, with the share of the variance that these explain.
    """
    latents = np.asarray(latents)
    figure = Figure((5.5, 4.5), layout="constrained")
    axis = figure.subplots()
    if latents.shape[1] == 1:
        axis.hist(latents[:, 0], bins=50)
        axis.set(xlabel="latent 1", ylabel="examples")
        return figure
    points, names = _plane(latents)
    axis.set(xlabel=names[0], ylabel=names[1])
    labels = None if labels is None else np.asarray(labels)
    if labels is None or not _are_classes(labels):
        axis.scatter(*points.T, s=4, linewidths=0)
        return figure
    for label in np.unique(labels):
        shown = points[labels == label]
        axis.scatter(*shown.T, s=6, linewidths=0, label=str(label))
    axis.legend(
        title="class", markerscale=2, loc="center left", bbox_to_anchor=(1, 0.5)
    )
    return figure


def save(figure, path):
    """Writes `figure` to `path` as PNG, whole or not at all."""
    with atomic.whole_file(path) as partial:
        figure.savefig(partial, format="png", dpi=120)


def _are_classes(labels):
    is_index = labels.ndim == 1 and np.issubdtype(labels.dtype, np.integer)
    return is_index and len(np.unique(labels)) <= MAX_CLASSES


def _plane(latents):
    if latents.shape[1] == 2 or len(latents) < 2:
        # One example spans no plane of its own.
        latents = latents[:, :2]
        return latents, ("latent 1", "latent 2")
    centred = latents - latents.mean(axis=0)
    _, singular_values, directions = np.linalg.svd(centred, full_matrices=False)
    shares = singular_values**2 / np.maximum(np.sum(singular_values**2), 1e-30)
    names = (
        f"principal component {index + 1} of {latents.shape[1]} latents ({share:.0%})"
        for index, share in enumerate(shares[:2])
    )
    return centred @ directions[:2].T, tuple(names)


def _draw(axis, image):
    image = np.asarray(image)
    image = image.reshape(image.shape + (1,) * (3 - image.ndim))
    if image.shape[1] == 1:
        # A vector reads better as a strip than as a line of pixels.
        image = np.swapaxes(image, 0, 1)
    if image.shape[2] not in (1, 3):
        image = image.mean(axis=2, keepdims=True)
    aspect = "auto" if image.shape[0] == 1 else "equal"
    axis.imshow(np.clip(image, 0, 1), cmap="gray", vmin=0, vmax=1, aspect=aspect)
    axis.set_xticks([])
    axis.set_yticks([])
