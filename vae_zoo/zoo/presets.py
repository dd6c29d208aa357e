"""The presets: SavedModels in `savedmodels/`, found by name."""

from __future__ import annotations

import contextlib
import difflib
import os
import pathlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from vae_zoo.arguments import Config, PathLike, shown
from vae_zoo.serving.layout import is_version, read_metadata

if TYPE_CHECKING:
    import keras

    from vae_zoo.models.vae import VAE

PACKAGE = pathlib.Path(__file__).resolve().parents[1]


def root() -> pathlib.Path:
    """The folder of the presets: inside an installed package, or the checkout's."""
    inside = PACKAGE / "savedmodels"
    return inside if inside.is_dir() else PACKAGE.parent / "savedmodels"


def metadata() -> dict[str, Config]:
    """Preset name -> the content of its newest version's `vae_zoo.json`."""
    found = {}
    for path in sorted(_descriptions(), key=_order):
        found[path.parents[2].name] = read_metadata(path.parents[1])
    return found


def presets_of(owner: type[VAE]) -> dict[str, Config]:
    """The presets of model class `owner`; of all classes if it is the base."""
    from vae_zoo.models.vae import VAE

    return {
        name: data
        for name, data in metadata().items()
        if owner is VAE or data["class"] == owner.__name__
    }


def load_preset(
    name_or_path: PathLike,
    owner: type[VAE],
    sha256: str | None = None,
    dtype: str | keras.DTypePolicy | None = None,
) -> VAE:
    """The model of a preset, a SavedModel's folder or a URL; see `VAE.from_preset`."""
    from vae_zoo.serving.loading import load

    with _found_or_fetched(name_or_path, sha256) as folder:
        model = load(folder, dtype)
    if not isinstance(model, owner):
        raise ValueError(
            f"`name_or_path` must hold a {owner.__name__}. Received: "
            f"{str(name_or_path)!r}, which holds a {type(model).__name__}"
        )
    return model


def _found_or_fetched(
    name_or_path: PathLike, sha256: str | None
) -> AbstractContextManager[pathlib.Path]:
    """A context manager that gives the folder."""
    if isinstance(name_or_path, str) and "://" in name_or_path:
        from vae_zoo.zoo.download import fetched

        return fetched(name_or_path, sha256)
    folder = find(name_or_path)
    if sha256 is not None:
        raise ValueError(
            "`sha256` must be left out but for a URL; of a folder each file's was "
            f"recorded at export. Received: name_or_path={str(name_or_path)!r}, "
            f"sha256={shown(sha256)}"
        )
    return contextlib.nullcontext(folder)


def find(name_or_path: PathLike) -> pathlib.Path:
    """The folder of a preset's name, or the path itself; errors as `from_preset`."""
    known = sorted({path.parents[2].name for path in _descriptions()})
    if not isinstance(name_or_path, (str, os.PathLike)) or not str(name_or_path):
        raise ValueError(
            f"`name_or_path` must be one of {known}, the folder of a SavedModel or the "
            f"URL of an archive. Received: name_or_path={shown(name_or_path)}"
        )
    name = os.fspath(name_or_path)
    path = pathlib.Path(os.path.expanduser(name))
    if name in known and (isinstance(name_or_path, str) or not os.path.isdir(path)):
        return root() / name
    if not os.path.isdir(path):
        raise ValueError(
            f"`name_or_path` must be one of {known} or the folder of a SavedModel. "
            f"Received: {shown(name)}{_hint(name, path, known)}"
        )
    return path


def _hint(name: str, path: pathlib.Path, known: Sequence[str]) -> str:
    """What may have been meant by a name that is no preset and no folder."""
    if path.suffix in (".keras", ".h5"):
        return (
            "; a model that Keras saved is loaded by "
            f"`keras.saving.load_model({name!r})`"
        )
    if os.path.isfile(path):
        return ", which is a file, not a folder"
    near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.3)
    return f"; the nearest names are {', '.join(near)}" if near else ""


def _descriptions() -> list[pathlib.Path]:
    """The `vae_zoo.json` of every version of every preset."""
    paths = root().glob("*/*/assets.extra/vae_zoo.json")
    return [path for path in paths if is_version(path.parents[1])]


def _order(path: pathlib.Path) -> tuple[str, int]:
    return path.parents[2].name, int(path.parents[1].name)
