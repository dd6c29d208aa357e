"""Presets to give away: a SavedModel beside its model card."""

import pathlib

from vae_zoo import atomic
from vae_zoo.arguments import Config, PathLike
from vae_zoo.models.vae import VAE
from vae_zoo.serving.layout import checked_path, read_metadata
from vae_zoo.serving.saved_model import checked_metadata, export
from vae_zoo.zoo.model_card import check_card, model_card

CARD = "README.md"


def save_to_preset(
    model: VAE, directory: PathLike, metadata: Config | None = None
) -> pathlib.Path:
    """Writes `<directory>/<next version>/` and the model card; see the method."""
    checked_path("directory", directory)
    metadata = checked_metadata(metadata)
    check_card(metadata.get("card", {}))
    folder = export(model, directory, metadata=metadata)
    name = folder.resolve().parent.name
    with atomic.whole_file(folder.parent / CARD) as partial:
        pathlib.Path(partial).write_text(model_card(name, read_metadata(folder)))
    return folder
