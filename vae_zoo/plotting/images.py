"""Pictures of examples that a model made, each a matplotlib Figure."""

import numpy as np
from matplotlib.figure import Figure

from vae_zoo.components.quantile_grids import AXES_OF_PLANE
from vae_zoo.plotting.grid import as_images, as_picture, draw, image_grid

# What is not known is neither black nor white.
MISSING = (0.36, 0.56, 0.85)
# Of one image of a manifold, and of a whole one that has few images.
INCHES_OF_TILE, MIN_INCHES_OF_MANIFOLD = 0.35, 3.5


def samples(images, columns=8):
    """A grid of `images` [N, *shape], values in [0, 1], `columns` in a row."""
    images = as_images("images", images, "N")
    pictures = [as_picture(image) for image in images]
    starts = range(0, len(pictures), columns)
    return image_grid([pictures[start : start + columns] for start in starts])


def clusters(images):
    """One row of samples for each cluster: `images` [K, N, *shape], in [0, 1]."""
    return rows(images, [f"cluster {index}" for index in range(len(images))])


def rows(images, names):
    """Rows of `images` [R, N, *shape], in [0, 1], with their R `names` on the left."""
    images = as_images("images", images, "RN")
    _check_count("names", names, len(images), "row")
    return image_grid(_pictures(images), names)


def reconstructions(originals, reconstructed):
    """The `originals` [N, *shape] in a row, their reconstructions below."""
    originals = as_images("originals", originals, "N")
    reconstructed = _like_originals("reconstructed", reconstructed, originals)
    return image_grid(_pictures([originals, reconstructed]), ["data", "model"])


def traversals(images, names, values=None):
    """What single latents do: a row for each, of images that differ by it alone.

    Args:
        images: float [R, S, *shape], values in [0, 1].
        names: the R latents, texts for the left of the rows.
        values: of the latent in each column, [S]; by default from -3 to 3, as
            `VAE.traverse` has them off the sphere.
    """
    images = as_images("images", images, "RS")
    num_rows, num_steps = images.shape[:2]
    values = np.linspace(-3, 3, num_steps) if values is None else values
    _check_count("names", names, num_rows, "row")
    _check_count("values", values, num_steps, "column")
    # Adding zero turns -0 into 0.
    steps = [f"{np.round(value, 2) + 0:g}" for value in values]
    return image_grid(_pictures(images), names, steps, "value of the latent")


def imputations(originals, mask, completed):
    """Examples, what is observed of them, and draws of all that is missing.

    Args:
        originals: float [N, *shape], values in [0, 1]; NaN is shown as missing.
        mask: [N, *shape], 1 = observed, 0 = missing.
        completed: float [R, N, *shape], R draws for each example.
    """
    originals = as_images("originals", originals, "N")
    mask = _like_originals("mask", mask, originals)
    completed = np.asarray(completed)
    if completed.shape[1:] != originals.shape:
        expected = ", ".join(("R", *map(str, originals.shape)))
        raise ValueError(
            f"`completed` must have shape [{expected}]. Received: shape "
            f"{completed.shape}"
        )
    is_known = np.isfinite(originals)
    rows = [
        [_incomplete(*pair) for pair in zip(originals, known, strict=True)]
        for known in (is_known, is_known & (mask > 0))
    ]
    names = ["data", "observed"]
    names += [f"draw {number}" for number in range(1, len(completed) + 1)]
    return image_grid([*rows, *_pictures(completed)], names)


def manifold(images, axes=AXES_OF_PLANE):
    """All that a model with two latents makes, as one picture without gaps.

    Args:
        images: float [H, W, *shape], values in [0, 1], of latents at equal shares of
            probability, the largest second latent on top.
        axes: what the axes are, across and up: tuples of a name and the values at both
            ends. The second is not used for H = 1.

    Source: Kingma & Welling 2014, figure 4.
    """
    images = as_images("images", images, "HW")
    picture = np.vstack([np.hstack(row) for row in _pictures(images)])
    tile = np.array(picture.shape[:2]) / images.shape[:2]
    height, width = _size_of_manifold(tile, images.shape[:2])
    figure = Figure((width + 0.8, height + 0.7), layout="constrained")
    axis = figure.subplots()
    (across, left, right), (up, bottom, top) = axes
    # A unit of the axes is not one of pixels.
    aspect = (height / (top - bottom)) / (width / (right - left))
    draw(axis, picture, extent=(left, right, bottom, top), aspect=aspect)
    axis.set(xlabel=across, ylabel=up)
    if len(images) == 1:
        axis.set(yticks=[], ylabel="")
    return figure


def _size_of_manifold(tile, counts):
    """Height and width in inches, of `counts` tiles of so many pixels."""
    # A strip is as thin as its picture is drawn.
    ratio = np.clip(tile[1] / tile[0], 0.5, 2) ** 0.5
    height, width = np.array([1 / ratio, ratio]) * counts * INCHES_OF_TILE
    return np.array([height, width]) * max(1, MIN_INCHES_OF_MANIFOLD / width)


def _pictures(images):
    return [[as_picture(image) for image in row] for row in images]


def _incomplete(image, is_known):
    """A picture in colour, with what is not known in the colour of missing values."""
    picture = as_picture(np.where(is_known, image, 0))
    colours = picture if picture.ndim == 3 else np.stack([picture] * 3, axis=-1)
    # A pixel is known if all of its channels are.
    shares = as_picture(is_known.astype("float32"))
    shares = shares if shares.ndim == 3 else shares[..., None]
    return np.where(shares.min(axis=-1, keepdims=True) == 1, colours, MISSING)


def _like_originals(name, images, originals):
    images = np.asarray(images)
    if images.shape != originals.shape:
        raise ValueError(
            f"`{name}` must have the shape of `originals`, {originals.shape}. "
            f"Received: shape {images.shape}"
        )
    return images


def _check_count(name, values, count, what):
    if len(values) != count:
        raise ValueError(
            f"`{name}` must be {count}, one for each {what} of images. Received: "
            f"{len(values)}"
        )
