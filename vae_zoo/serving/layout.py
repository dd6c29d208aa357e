"""The folders of exported models, read without TensorFlow."""

import hashlib
import json
import os
import pathlib
from typing import Any

from vae_zoo.arguments import Config, PathLike, shown

METADATA = "vae_zoo.json"
EXTRA = "assets.extra"
# The files whose hashes an export records.
HASHED = (
    "saved_model.pb",
    "variables/variables.index",
    "variables/variables.data-00000-of-00001",
)
# Required parts of a model's description and their types.
_PARTS = {"class": str, "config": dict, "sha256": dict}


def checked_path(name: str, value: object) -> pathlib.Path:
    """`value` as a `pathlib.Path`; raises ValueError unless it is one or its text.

    Args:
        name: of the argument.
        value: the value; empty text, which would be the current folder, is refused.
    """
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(path, str) or not path.strip() or "\0" in path:
        raise ValueError(
            f"`{name}` must be the path of a folder, text or a pathlib.Path. "
            f"Received: {name}={shown(value)}"
        )
    return pathlib.Path(path)


def find_version(folder: PathLike) -> pathlib.Path:
    """The version's folder for `folder`: itself, its newest version, or its run's."""
    folder = checked_path("folder", folder)
    if (folder / "saved_model").is_dir():
        folder = folder / "saved_model"
    if folder.is_dir() and not (folder / "saved_model.pb").is_file():
        found = versions(folder)
        folder = folder / str(found[-1]) if found else folder
    if not (folder / EXTRA / METADATA).is_file():
        raise ValueError(
            "A SavedModel of vae_zoo must be a folder with saved_model.pb and "
            f"{EXTRA}/{METADATA}. Received: '{folder}'"
        )
    return folder


def read_metadata(folder: PathLike) -> Config:
    """The content of `vae_zoo.json` in a version's folder.

    Raises:
        ValueError: if it is not what `export` wrote; the message names the file and the
            problem.
    """
    path = pathlib.Path(folder) / EXTRA / METADATA
    try:
        metadata = json.loads(path.read_text(encoding="utf-8"))
        problem = _problem(metadata)
    except (ValueError, RecursionError) as error:  # Broken text, broken JSON.
        problem = f"no JSON that can be read ({error})"
    if problem:
        raise ValueError(f"'{path}' must be what `export` wrote. Received: {problem}")
    return metadata


def _problem(metadata: Any) -> str | None:
    """Why `metadata` is no model's description, or None if it is one."""
    if not isinstance(metadata, dict):
        return f"{shown(metadata)} in place of an object"
    for key, kind in _PARTS.items():
        if key not in metadata:
            return f"no `{key}`"
        if not isinstance(metadata[key], kind):
            return f'"{key}": {shown(metadata[key])}'
    if not isinstance(metadata["config"].get("config"), dict):
        return f'"config" without the model\'s arguments: {shown(metadata["config"])}'
    return None


def versions(directory: PathLike) -> list[int]:
    """The numbers of the exported versions in `directory`, ascending."""
    directory = pathlib.Path(directory)
    return [n for n in numbers(directory) if is_version(directory / str(n))]


def numbers(directory: PathLike) -> list[int]:
    """The numbers in `directory` that a server takes for versions, ascending."""
    entries = pathlib.Path(directory).iterdir()
    return sorted(int(entry.name) for entry in entries if _is_number(entry.name))


def is_version(path: pathlib.Path) -> bool:
    """Whether `path` is the folder of a version that `export` wrote."""
    return _is_number(path.name) and (path / EXTRA / METADATA).is_file()


def _is_number(name: str) -> bool:
    """Whether `name` is a version's number in the form of a server: 1, 2, 3, …"""
    return name.isascii() and name.isdecimal() and not name.startswith("0")


def file_sha256(path: PathLike) -> str:
    """The hash of a file, 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
