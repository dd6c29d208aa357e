"""What a figure looks like once it is drawn."""

import itertools

import matplotlib.text
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg


def drawn(figure):
    """`figure`, laid out, after a check that nothing of it is outside of the canvas.

    Nor do the labels of ticks run into each other.
    """
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    extent = figure.get_tightbbox(canvas.get_renderer())
    width, height = figure.get_size_inches()
    # Half a pixel of a line's width does no harm.
    margin = 0.006
    assert extent.x0 >= -margin
    assert extent.y0 >= -margin
    assert extent.x1 <= width + margin
    assert extent.y1 <= height + margin
    for axis in figure.axes:
        if axis.name == "rectilinear":
            _check_ticks(axis, canvas.get_renderer())
    return figure


def _check_ticks(axis, renderer):
    low, high = sorted(axis.get_xlim())
    labels = [
        tick.label1.get_window_extent(renderer)
        for tick in axis.xaxis.get_major_ticks()
        if low <= tick.get_loc() <= high and tick.label1.get_text()
    ]
    for left, right in itertools.pairwise(labels):
        # Half a letter apart.
        assert left.x1 + 4 < right.x0


def texts(figure):
    """All texts of a figure that can be seen."""
    found = figure.findobj(matplotlib.text.Text)
    return {text.get_text() for text in found if text.get_visible()} - {""}


def pictures(figure):
    """The image of every axes that has one, in the order of rows."""
    return [
        np.asarray(axis.images[0].get_array()) for axis in figure.axes if axis.images
    ]
