"""Turns arrays into pictures, and pictures into a grid with names."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.textpath import TextPath

from vae_zoo.arrays import as_array
from vae_zoo.plotting.shades import MISSING

FONT_SIZE = 8
# In inches: the side of a square picture, the outer margin, the height of a text line.
INCHES, EDGE, LINE = 0.7, 0.08, 0.18
# The least length of the longer side of all pictures; few pictures are enlarged.
MIN_INCHES = 2.0
# The most elements of a strip that each get a number.
MAX_NUMBERED = 8


def as_images(name: str, images: npt.ArrayLike, axes: str) -> np.ndarray:
    """`images` as an array of the axes in `axes`, then one to three of an image.

    Raises:
        ValueError: if they are no numbers, have another shape, or are empty.
    """
    images = as_array(name, images)
    if not 1 <= images.ndim - len(axes) <= 3 or 0 in images.shape:
        expected = ", ".join((*axes, "*shape"))
        raise ValueError(
            f"`{name}` must have shape [{expected}], an image's shape being of one to "
            f"three axes, and at least one image. Received: shape {images.shape}"
        )
    return images


def as_picture(shades: np.ndarray) -> np.ndarray:
    """Shades of any shape as [height, width] or, in colour, [height, width, 3].

    A vector becomes a strip, and channels that are no colours are averaged. Elements
    that are not finite get a special colour.
    """
    image: np.ndarray = shades.reshape(shades.shape + (1,) * (3 - shades.ndim))
    if image.shape[1] == 1:
        # A vector reads better as a strip than as a line of pixels.
        image = np.swapaxes(image, 0, 1)
    image = image if image.shape[2] == 3 else image.mean(axis=2)
    # A pixel is known if all its channels are.
    is_known = np.isfinite(image if image.ndim == 2 else image.sum(axis=2))
    if is_known.all():
        return image
    return np.where(is_known[..., None], in_colour(image), MISSING)


def in_colour(picture: np.ndarray) -> np.ndarray:
    """A picture as [height, width, 3]."""
    return picture if picture.ndim == 3 else np.stack([picture] * 3, axis=-1)


def image_grid(
    rows: Sequence[Sequence[np.ndarray]],
    row_names: Sequence[str] = (),
    column_names: Sequence[str] = (),
    xlabel: str = "",
    num_elements: int | None = None,
) -> Figure:
    """Pictures in rows and columns.

    Args:
        rows: R lists of pictures as `as_picture` makes them; the last may be shorter.
        row_names: R texts on the left, or none.
        column_names: a text below each column, or none.
        xlabel: a line at the bottom, such as the meaning of the columns' names.
        num_elements: the number of elements if the pictures are strips; they are
            numbered below the lowest ones.

    Returns:
        `matplotlib.figure.Figure`, with one axes for each place.
    """
    shape = len(rows), len(rows[0])
    names_width = max((inches_of(name) + EDGE for name in row_names), default=0)
    lines = (column_names, num_elements, xlabel)
    texts_height = LINE * sum(map(bool, lines))
    text_width = inches_of(xlabel)
    figure, axes = _figure(shape, rows[0][0], names_width, texts_height, text_width)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
    for row, pictures in zip(axes, rows, strict=True):
        for axis, picture in zip(row, pictures, strict=False):
            draw(axis, picture)
        for axis in row[len(pictures) :]:
            axis.set_axis_off()
    if num_elements:
        for axis in axes[-1]:
            _number_elements(axis, num_elements)
    _write_names(figure, axes, row_names, column_names, xlabel)
    return figure


def _number_elements(axis: Axes, count: int) -> None:
    """Numbers the first and the last element, or each if there are few."""
    shown = range(1, count + 1) if count <= MAX_NUMBERED else sorted({1, count})
    places, texts = [number - 1 for number in shown], list(map(str, shown))
    axis.set_xticks(places, texts, fontsize=0.75 * FONT_SIZE)
    axis.tick_params(length=2, pad=1)


def _write_names(
    figure: Figure,
    axes: np.ndarray,
    row_names: Sequence[str],
    column_names: Sequence[str],
    xlabel: str,
) -> None:
    for axis, name in zip(axes[:, 0], row_names, strict=False):
        axis.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=FONT_SIZE)
    for axis, name in zip(axes[-1], column_names, strict=False):
        axis.set_xlabel(name, fontsize=FONT_SIZE, labelpad=2)
    width = figure.get_figwidth()
    room = (inches_of(xlabel) / 2 + EDGE) / width
    middle = (axes[0, 0].get_position().x0 + axes[0, -1].get_position().x1) / 2
    bottom = EDGE / 2 / figure.get_figheight()
    x = np.clip(middle, room, max(room, 1 - room))
    figure.text(x, bottom, xlabel, ha="center", va="bottom", fontsize=FONT_SIZE)


def _figure(
    shape: tuple[int, int],
    picture: np.ndarray,
    left: float,
    bottom: float,
    min_width: float,
) -> tuple[Figure, np.ndarray]:
    """A figure and its axes, with room in inches for texts at the left and bottom."""
    width, height = inches_of_picture(picture, MIN_INCHES / max(shape))
    left, bottom = left + EDGE, bottom + EDGE
    right = left + shape[1] * width
    size = max(right, min_width + EDGE) + EDGE, bottom + shape[0] * height + EDGE
    figure = Figure(size)
    axes = figure.subplots(*shape, squeeze=False)
    figure.subplots_adjust(
        left=left / size[0],
        right=right / size[0],
        bottom=bottom / size[1],
        top=1 - EDGE / size[1],
        wspace=0.06,
        hspace=0.06,
    )
    return figure, axes


def inches_of_picture(picture: np.ndarray, side: float = 0.0) -> tuple[float, float]:
    """Width and height, of the area of a square of `side` unless that is too small."""
    height, width = picture.shape[:2]
    root = math.sqrt(np.clip(width / height, 0.5, 2))
    side = max(INCHES, side)
    return side * root, side / root


def inches_of(text: str) -> float:
    """The width of a text."""
    return TextPath((0, 0), text, FONT_SIZE).get_extents().width / 72 if text else 0


def draw(axis: Axes, picture: np.ndarray, **options: Any) -> None:
    """Shows a picture, grey from black 0 to white 1."""
    aspect = "auto" if picture.shape[0] == 1 else "equal"
    options = {"aspect": aspect, **options}
    axis.imshow(
        picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest", **options
    )
