"""Where the examples of a data set are in the space of latents."""

import numpy as np
from matplotlib.figure import Figure

MAX_CLASSES = 20


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
