"""Pictures of a model's examples, each a matplotlib Figure."""

from collections.abc import Iterable, Sequence, Sized
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from vae_zoo.arguments import check_count, shown
from vae_zoo.arrays import as_array
from vae_zoo.components.quantile_grids import AXES_OF_PLANE, GridAxes
from vae_zoo.plotting.grid import as_images, as_picture, draw, image_grid, in_colour
from vae_zoo.plotting.shades import Limits, Shades

# The size of one image of a manifold, and the least size of a whole manifold.
INCHES_OF_TILE, MIN_INCHES_OF_MANIFOLD = 0.35, 3.5


def samples(
    images: npt.ArrayLike, columns: int = 8, *, limits: Limits | None = None
) -> Figure:
    """A grid of `images` [N, *shape], `columns` in a row.

    Args:
        images: float [N, *shape]; a vector is drawn as a strip of numbered columns.
        columns: how many in a row, >= 1.
        limits: the values for black and white: two numbers, or two arrays of shape
            [*shape]. By default 0 and 1 or, if values leave that range, the smallest
            and the largest value, which the picture states.

    Raises:
        ValueError: if a shape or a number is wrong.
    """
    images = as_images("images", images, "N")
    columns = check_count("columns", columns, 1, "the pictures in a row")
    starts = range(0, len(images), columns)
    return _grid([images[start : start + columns] for start in starts], limits)


def clusters(images: npt.ArrayLike, *, limits: Limits | None = None) -> Figure:
    """A row of samples for each cluster: `images` [K, N, *shape]."""
    images = as_images("images", images, "KN")
    names = [f"cluster {index}" for index in range(len(images))]
    return rows(images, names, limits=limits)


def rows(
    images: npt.ArrayLike, names: Sequence[str], *, limits: Limits | None = None
) -> Figure:
    """Rows of `images` [R, N, *shape], with their R `names` on the left.

    `limits` as in `samples`.
    """
    images = as_images("images", images, "RN")
    return _grid(images, limits, _texts("names", names, len(images), "row"))


def reconstructions(
    originals: npt.ArrayLike,
    reconstructed: npt.ArrayLike,
    *,
    limits: Limits | None = None,
) -> Figure:
    """The `originals` [N, *shape] in a row, their reconstructions below.

    `limits` as in `samples`.
    """
    originals = as_images("originals", originals, "N")
    reconstructed = _like_originals("reconstructed", reconstructed, originals)
    return _grid([originals, reconstructed], limits, ["data", "model"])


def traversals(
    images: npt.ArrayLike,
    names: Sequence[str],
    values: npt.ArrayLike | None = None,
    *,
    limits: Limits | None = None,
) -> Figure:
    """The effect of single latents: a row for each, whose images differ only in it.

    Args:
        images: float [R, S, *shape].
        names: the names of the R latents, on the left of the rows.
        values: of the latent in each column, [S]; by default from -3 to 3, as in
            `VAE.traverse` off the sphere.
        limits: as in `samples`.
    """
    images = as_images("images", images, "RS")
    num_rows, num_steps = images.shape[:2]
    values = np.linspace(-3, 3, num_steps) if values is None else values
    names = _texts("names", names, num_rows, "row")
    values = as_array("values", values)
    _check_count("values", values, num_steps, "column")
    # Adding zero turns -0 into 0.
    steps = [f"{np.round(value, 2) + 0:g}" for value in values]
    return _grid(images, limits, names, steps, "value of the latent")


def imputations(
    originals: npt.ArrayLike,
    mask: npt.ArrayLike,
    completed: npt.ArrayLike,
    *,
    limits: Limits | None = None,
) -> Figure:
    """Examples, their observed parts, and draws of the missing parts.

    Args:
        originals: float [N, *shape]; NaN is shown as missing.
        mask: [N, *shape], 1 = observed, 0 = missing.
        completed: float [R, N, *shape], R draws for each example.
        limits: as in `samples`.
    """
    originals = as_images("originals", originals, "N")
    mask = _like_originals("mask", mask, originals)
    completed = as_array("completed", completed)
    if completed.shape[1:] != originals.shape or not len(completed):
        expected = ", ".join(("R", *map(str, originals.shape)))
        raise ValueError(
            f"`completed` must have shape [{expected}]. Received: shape "
            f"{completed.shape}"
        )
    observed = np.where(mask > 0, originals, np.nan)
    names = ["data", "observed"]
    names += [f"draw {number}" for number in range(1, len(completed) + 1)]
    return _grid([originals, observed, *completed], limits, names, num_in_colour=2)


def manifold(
    images: npt.ArrayLike,
    axes: GridAxes = AXES_OF_PLANE,
    *,
    limits: Limits | None = None,
) -> Figure:
    """The images of a grid of two latents, as one picture without gaps.

    Args:
        images: float [H, W, *shape], of latents at equal shares of probability, the
            largest second latent on top.
        axes: the axes, across and up: tuples of a name and the values at both ends. The
            second is not used if H = 1.
        limits: as in `samples`.

    Source: Kingma & Welling 2014, figure 4.
    """
    images = as_images("images", images, "HW")
    shades = Shades(limits, images)
    picture = np.vstack([np.hstack(row) for row in _pictures(images, shades)])
    tile = np.array(picture.shape[:2]) / images.shape[:2]
    height, width = _size_of_manifold(tile, images.shape[:2])
    figure = Figure((width + 0.8, height + 0.7), layout="constrained")
    axis = figure.subplots()
    (across, left, right), (up, bottom, top) = axes
    # A unit of the axes is not a pixel.
    aspect = (height / (top - bottom)) / (width / (right - left))
    draw(axis, picture, extent=(left, right, bottom, top), aspect=aspect)
    axis.set(xlabel="\n".join(filter(None, (across, shades.note))), ylabel=up)
    if len(images) == 1:
        axis.set(yticks=[], ylabel="")
    return figure


def _size_of_manifold(tile: np.ndarray, counts: tuple[int, ...]) -> np.ndarray:
    """Height and width in inches of `counts` tiles like `tile`."""
    # A strip keeps its thin shape, within limits.
    ratio = np.clip(tile[1] / tile[0], 0.5, 2) ** 0.5
    height, width = np.array([1 / ratio, ratio]) * counts * INCHES_OF_TILE
    return np.array([height, width]) * max(1, MIN_INCHES_OF_MANIFOLD / width)


def _grid(
    rows: np.ndarray | Sequence[np.ndarray],
    limits: Limits | None,
    row_names: Sequence[str] = (),
    column_names: Sequence[str] = (),
    xlabel: str = "",
    *,
    num_in_colour: int = 0,
) -> Figure:
    """An `image_grid` of examples in rows, with a note on what is black and white.

    The first `num_in_colour` rows are in colour, so that missing parts stand out.
    """
    shades = Shades(limits, *rows)
    pictures = _pictures(rows, shades)
    for index in range(num_in_colour):
        pictures[index] = [in_colour(picture) for picture in pictures[index]]
    shape = np.shape(rows[0])[1:]
    num_elements = None
    if len(shape) == 1:
        num_elements = shape[0]
        xlabel = xlabel or "columns of an example"
    line = "; ".join(filter(None, (xlabel, shades.note)))
    return image_grid(pictures, row_names, column_names, line, num_elements)


def _pictures(rows: Iterable[np.ndarray], shades: Shades) -> list[list[np.ndarray]]:
    return [[as_picture(shades.of(image)) for image in row] for row in rows]


def _like_originals(
    name: str, images: npt.ArrayLike, originals: np.ndarray
) -> np.ndarray:
    images = as_array(name, images)
    if images.shape != originals.shape:
        raise ValueError(
            f"`{name}` must have the shape of `originals`, {originals.shape}. "
            f"Received: shape {images.shape}"
        )
    return images


def _texts(name: str, values: Any, count: int, what: str) -> list[str]:
    """`values` as a list of `count` texts."""
    is_list = isinstance(values, (list, tuple)) or hasattr(values, "tolist")
    if not is_list or not all(isinstance(each, str) for each in values):
        raise ValueError(
            f"`{name}` must be texts, one for each {what} of images. Received: "
            f"{name}={shown(values)}"
        )
    _check_count(name, values, count, what)
    return list(values)


def _check_count(name: str, values: Sized, count: int, what: str) -> None:
    if len(values) != count:
        raise ValueError(
            f"`{name}` must be {count}, one for each {what} of images. Received: "
            f"{len(values)}"
        )
