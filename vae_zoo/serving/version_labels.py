"""What a server is to serve: models, by their folders, and versions, by label."""

import os
import pathlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from vae_zoo.arguments import PathLike, check_count, check_instance, shown
from vae_zoo.serving.layout import (
    checked_path,
    find_version,
    numbers,
    read_metadata,
)

# Names that need no quoting in a URL, a shell, YAML or a text protobuf.
MODEL_NAME = "[A-Za-z0-9][A-Za-z0-9._-]*"


class ServedModel(NamedTuple):
    """A model to serve, its folder of versions, and the versions with a label.

    `also_loaded` are versions that the server loads without a label.
    """

    name: str
    folder: pathlib.Path
    stable: int
    canary: int
    also_loaded: tuple[int, ...] = ()

    @property
    def versions(self) -> list[int]:
        """The versions that the server loads, ascending."""
        return sorted({self.stable, self.canary, *self.also_loaded})


def served_models(
    folders: Iterable[PathLike],
    *,
    stable: Mapping[str, int] | None = None,
    canary: Mapping[str, int] | None = None,
) -> list[ServedModel]:
    """The models in `folders`, with the versions that get the labels.

    Args:
        folders: folders of all versions of a model, `<folder>/<version>/`, or
            training runs' output folders. Each name is the served model's name.
        stable, canary: dict, model name -> version that gets the label. By default
            `canary` is the newest version and `stable` the one before `canary`, or
            the same where there is none before.

    Returns:
        List of `ServedModel`, in the order of `folders`.

    Raises:
        ValueError: if a folder holds no version or not one that `export` wrote, two
            have the same name, or a version or a model to label is not there.
    """
    stable = _checked_labels("stable", stable)
    canary = _checked_labels("canary", canary)
    if isinstance(folders, (str, os.PathLike)) or not isinstance(folders, Iterable):
        raise ValueError(
            "`folders` must be a list of folders, each with the versions of a model. "
            f"Received: folders={shown(folders)}"
        )
    paths = [
        pathlib.Path(os.path.abspath(checked_path("folders", folder)))
        for folder in folders
    ]
    names = [path.name for path in paths]
    if not names or len(set(names)) < len(names):
        raise ValueError(
            "`folders` must be at least one, each of another name, under which its "
            f"model is served. Received: {[str(path) for path in paths]}"
        )
    for argument, wanted in {"stable": stable, "canary": canary}.items():
        for name in wanted.keys() - set(names):
            raise ValueError(
                f"`{argument}` must name models that are served: {names}. "
                f"Received: {name!r}"
            )
    return [_served_model(path, stable, canary) for path in paths]


def checked_models(models: object) -> list[ServedModel]:
    """A list; raises ValueError unless it is of `ServedModel`, of one at least."""
    # A `ServedModel` is a tuple itself.
    is_one = isinstance(models, (str, tuple)) and type(models) is not tuple
    if not isinstance(models, Sequence) or is_one or not models:
        is_list = isinstance(models, Sequence) and not is_one
        received = "none" if is_list else shown(models)
        raise ValueError(
            "`models` must be at least one, the list that `served_models` returns. "
            f"Received: {received}"
        )
    for model in models:
        expectation = "a list of what `served_models` returns"
        check_instance("models", model, ServedModel, expectation)
    return list(models)


def _checked_labels(argument: str, versions: object) -> dict[str, int]:
    """A dict; raises ValueError unless it has the number of a version by model name."""
    versions = {} if versions is None else versions
    if not isinstance(versions, Mapping):
        raise ValueError(
            f"`{argument}` must be a dict, model name -> version. Received: "
            f"{argument}={shown(versions)}"
        )
    for name, version in versions.items():
        check_count(f"{argument}[{name!r}]", version, 1, "the number of a version")
    return dict(versions)


def _served_model(
    path: pathlib.Path, stable: Mapping[str, int], canary: Mapping[str, int]
) -> ServedModel:
    if not re.fullmatch(MODEL_NAME, path.name):
        raise ValueError(
            "`folders` must have names of letters, digits, '.', '_' and '-', which "
            f"are the names of the models. Received: '{path}'"
        )
    folder = path / "saved_model" if (path / "saved_model").is_dir() else path
    found = numbers(folder) if folder.is_dir() else []
    if not found:
        raise ValueError(
            "`folders` must hold versions of a model, <folder>/<version>/, that "
            f"`export` wrote. Received: '{path}', which holds none"
        )
    name = path.name
    tentative = _chosen("canary", canary, name, found, found[-1])
    older = [version for version in found if version < tentative]
    trusted = _chosen("stable", stable, name, found, (older or [tentative])[-1])
    model = ServedModel(name, folder, stable=trusted, canary=tentative)
    for version in model.versions:
        _check_version(folder / str(version))
    return model


def _check_version(folder: pathlib.Path) -> None:
    read_metadata(find_version(folder))
    if not (folder / "saved_model.pb").is_file():
        raise ValueError(
            "`folders` must hold versions with a saved_model.pb. Received: "
            f"'{folder}', which has none"
        )


def _chosen(
    argument: str,
    wanted: Mapping[str, int],
    name: str,
    found: Sequence[int],
    default: int,
) -> int:
    version = wanted.get(name, default)
    if version not in found:
        raise ValueError(
            f"`{argument}` must be a version of {name}: {found}. Received: {version}"
        )
    return version
