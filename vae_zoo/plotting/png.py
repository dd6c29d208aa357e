"""Figures as files."""

from vae_zoo import atomic


def save(figure, path):
    """Writes `figure` to `path` as PNG, whole or not at all."""
    with atomic.whole_file(path) as partial:
        figure.savefig(partial, format="png", dpi=120)
