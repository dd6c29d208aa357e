"""The folders of exported models, read without TensorFlow."""

import json
import pathlib

METADATA = "vae_zoo.json"
EXTRA = "assets.extra"


def find_version(folder):
    """The version's folder that `folder` means: itself, its newest, a run's."""
    folder = pathlib.Path(folder)
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


def read_metadata(folder):
    """The content of `vae_zoo.json` in a version's folder."""
    path = pathlib.Path(folder) / EXTRA / METADATA
    try:
        metadata = json.loads(path.read_text())
        if {"class", "config", "sha256"} <= metadata.keys() and isinstance(
            metadata["sha256"], dict
        ):
            return metadata
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError):
        pass
    raise ValueError(f"'{path}' must be what `export` wrote. Received: a broken file")


def versions(directory):
    """The numbers of the exported versions in `directory`, ascending."""
    directory = pathlib.Path(directory)
    return [n for n in numbers(directory) if is_version(directory / str(n))]


def numbers(directory):
    """The names in `directory` that a server takes for those of versions, ascending."""
    entries = pathlib.Path(directory).iterdir()
    return sorted(int(entry.name) for entry in entries if _is_number(entry.name))


def is_version(path):
    """Whether `path` is the folder of a version that `export` wrote."""
    return _is_number(path.name) and (path / EXTRA / METADATA).is_file()


def _is_number(name):
    """Whether it is how a version's number is written: 1, 2, 3, …"""
    return name.isascii() and name.isdecimal() and not name.startswith("0")
