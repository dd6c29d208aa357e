"""Presets to give away: a SavedModel beside its model card."""

import os
import pathlib

import keras

from vae_zoo import atomic
from vae_zoo.serving.layout import checked_path, read_metadata
from vae_zoo.serving.saved_model import checked_metadata, export
from vae_zoo.zoo.model_card import check_card, model_card

CARD = "README.md"


def save_to_preset(
    model: keras.Model, directory: str | os.PathLike, metadata: dict | None = None
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
