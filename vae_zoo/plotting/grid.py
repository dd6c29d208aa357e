"""How an array becomes a picture, and pictures a grid with names."""

import math

import numpy as np
from matplotlib.figure import Figure
from matplotlib.textpath import TextPath

FONT_SIZE = 8
# The side of a square picture, the room around all and the room for a line of text.
INCHES, EDGE, LINE = 0.7, 0.08, 0.18
# Of the longer side of all pictures: few are larger ones.
MIN_INCHES = 2.0


def as_images(name, images, axes):
    """`images` as an array of `axes` leading axes and one to three of an image.

    Raises:
        ValueError: if the shape is another one, or there is no image.
    """
    images = np.asarray(images)
    if not 1 <= images.ndim - len(axes) <= 3 or 0 in images.shape:
        expected = ", ".join((*axes, "*shape"))
        raise ValueError(
            f"`{name}` must have shape [{expected}], an image's shape being of one to "
            f"three axes, and at least one image. Received: shape {images.shape}"
        )
    return images


def as_picture(image):
    """An example of any shape as [height, width] or, in colour, [height, width, 3].

    A vector becomes a strip, and channels that are no colours are averaged.
    """
    image = image.reshape(image.shape + (1,) * (3 - image.ndim))
    if image.shape[1] == 1:
        # A vector reads better as a strip than as a line of pixels.
        image = np.swapaxes(image, 0, 1)
    if image.shape[2] != 3:
        image = image.mean(axis=2)
    return np.clip(image, 0, 1)


def image_grid(rows, row_names=(), column_names=(), xlabel=""):
    """Pictures in rows and columns.

    Args:
        rows: R lists of pictures as `as_picture` makes them, the last perhaps shorter.
        row_names: R texts for the left, or none.
        column_names: as many texts for below as there are columns, or none.
        xlabel: what the names of the columns are.

    Returns:
        `matplotlib.figure.Figure`, with one axes for each place.
    """
    shape = len(rows), len(rows[0])
    names_width = max((inches_of(name) + EDGE for name in row_names), default=0)
    texts_height = LINE * (bool(column_names) + bool(xlabel))
    figure, axes = _figure(shape, rows[0][0], names_width, texts_height)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
    for row, pictures in zip(axes, rows, strict=True):
        for axis, picture in zip(row, pictures, strict=False):
            draw(axis, picture)
        for axis in row[len(pictures) :]:
            axis.set_axis_off()
    _write_names(figure, axes, row_names, column_names, xlabel)
    return figure


def _write_names(figure, axes, row_names, column_names, xlabel):
    beside = {"rotation": 0, "ha": "right", "va": "center", "fontsize": FONT_SIZE}
    for axis, name in zip(axes[:, 0], row_names, strict=False):
        axis.set_ylabel(name, **beside)
    for axis, name in zip(axes[-1], column_names, strict=False):
        axis.set_xlabel(name, fontsize=FONT_SIZE, labelpad=2)
    middle = (axes[0, 0].get_position().x0 + axes[0, -1].get_position().x1) / 2
    below = {"ha": "center", "va": "bottom", "fontsize": FONT_SIZE}
    figure.text(middle, EDGE / 2 / figure.get_figheight(), xlabel, **below)


def _figure(shape, picture, left, bottom):
    """A figure and its axes, with so many inches for texts."""
    width, height = inches_of_picture(picture, MIN_INCHES / max(shape))
    left, bottom = left + EDGE, bottom + EDGE
    size = left + shape[1] * width + EDGE, bottom + shape[0] * height + EDGE
    figure = Figure(size)
    axes = figure.subplots(*shape, squeeze=False)
    figure.subplots_adjust(
        left=left / size[0],
        right=1 - EDGE / size[0],
        bottom=bottom / size[1],
        top=1 - EDGE / size[1],
        wspace=0.06,
        hspace=0.06,
    )
    return figure, axes


def inches_of_picture(picture, side=0.0):
    """Width and height, of the area of a square of `side` but not too small."""
    height, width = picture.shape[:2]
    root = math.sqrt(np.clip(width / height, 0.5, 2))
    side = max(INCHES, side)
    return side * root, side / root


def inches_of(text):
    """How wide a text is."""
    return TextPath((0, 0), text, FONT_SIZE).get_extents().width / 72 if text else 0


def draw(axis, picture, **options):
    """Shows a picture, grey from black 0 to white 1."""
    aspect = "auto" if picture.shape[0] == 1 else "equal"
    options = {"aspect": aspect, **options}
    axis.imshow(
        picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest", **options
    )
