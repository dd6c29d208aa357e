"""Figures as PNG."""

import io
import os

from matplotlib.figure import Figure

from vae_zoo import atomic
from vae_zoo.arguments import PathLike, check_instance


def save(figure: Figure, path: PathLike) -> None:
    """Writes `figure` to `path` as PNG, whole or not at all.

    Raises:
        ValueError: if `figure` is no figure, or `path` is neither text nor a path.
    """
    check_instance("path", path, (str, os.PathLike), "the path of a file")
    _check(figure)
    with atomic.whole_file(path) as partial:
        partial.write_bytes(png(figure))


def png(figure: Figure) -> bytes:
    """`figure` as the bytes of a PNG file."""
    _check(figure)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=120)
    return file.getvalue()


def _check(figure: Figure) -> None:
    check_instance("figure", figure, Figure, "a matplotlib Figure, as plotting makes")
