"""Figures as PNG."""

import io

from vae_zoo import atomic


def save(figure, path):
    """Writes `figure` to `path` as PNG, whole or not at all."""
    with atomic.whole_file(path) as partial:
        partial.write_bytes(png(figure))


def png(figure):
    """`figure` as the bytes of a PNG file."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=120)
    return file.getvalue()
