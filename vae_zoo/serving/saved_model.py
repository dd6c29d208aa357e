"""Exports a SavedModel that TF Serving serves and that loads back into Keras."""

import contextlib
import importlib.metadata
import json
import os
import pathlib
import subprocess
from collections.abc import Collection

import keras
import tensorflow as tf

from vae_zoo import atomic
from vae_zoo.arguments import Config, PathLike, check_count, check_instance, shown
from vae_zoo.models.vae import VAE
from vae_zoo.serving import weights
from vae_zoo.serving.layout import (
    EXTRA,
    HASHED,
    METADATA,
    checked_path,
    file_sha256,
    is_version,
    numbers,
    read_metadata as read_metadata,
    versions,
)
from vae_zoo.serving.signatures import Functions, signatures as all_signatures
from vae_zoo.serving.warmup import FILE_NAME, write_warmup_requests

# A copy of an exported model keeps these entries about its weights' origin.
PROVENANCE = (
    "dataset",
    "training",
    "optimizer_steps",
    "metrics",
    "git_revision",
    "training_seconds",
    "machine",
    "card",
)
LIBRARIES = ("vae_zoo", "keras", "tensorflow", "tensorflow-probability")


def export(
    model: VAE,
    directory: PathLike,
    *,
    metadata: Config | None = None,
    num_importance_samples: int = 128,
    num_imputation_steps: int = 50,
    version: int | None = None,
    signatures: Collection[str] | None = None,
    keep: int | None = None,
) -> pathlib.Path:
    """Writes `model` as a SavedModel to `<directory>/<next version>/`.

    The complete version appears by one rename.

    Args:
        model: a model of the package.
        directory: the folder of all versions; made if it does not exist.
        metadata: dict to add to `assets.extra/vae_zoo.json`, such as the data set
            and measured metrics.
        num_importance_samples: draws for each row of the signature `score`.
        num_imputation_steps: steps of the chain for each row of `impute`.
        version: its number, >= 1; None for the next after those in `directory`.
        signatures: names of the signatures to export; None for all that the model has.
        keep: how many versions to keep, >= 1, or None for all. Once the new one is
            complete, those with the lowest numbers are removed.

    Returns:
        The version's folder, a `pathlib.Path`.

    Raises:
        ValueError: if `model` is not of the package, `directory` holds anything but
            versions of a model, `metadata` is no dict that JSON can hold, a number is
            out of range, or the model lacks one of `signatures`.
        FileExistsError: if `version` exists already.
        OSError: if `directory` cannot be written.
    """
    check_instance("model", model, VAE, "a model of vae_zoo, such as vae_zoo.VAE(…)")
    directory = checked_path("directory", directory)
    metadata = checked_metadata(metadata)
    if version is not None:
        check_count("version", version, 1, "the version's number, or None")
    if keep is not None:
        check_count("keep", keep, 1, "the versions to leave, or None")
    _check_destination(directory)
    _check_is_free(directory, version)
    functions = _chosen(
        all_signatures(model, num_importance_samples, num_imputation_steps), signatures
    )
    directory.mkdir(parents=True, exist_ok=True)
    atomic.remove_abandoned(directory)
    module = tf.Module()
    module.weights = [variable.value for variable in weights.exported_weights(model)]
    with atomic.partial_folder(directory) as folder:
        tf.saved_model.save(module, str(folder), signatures=functions)
        extra = folder / EXTRA
        extra.mkdir()
        write_warmup_requests(extra / FILE_NAME, directory.resolve().name, functions)
        content = {
            **metadata,
            "class": type(model).__name__,
            "config": _config(model),
            "versions": {name: _version(name) for name in LIBRARIES},
            # A copy keeps the revision of the code that trained it.
            "git_revision": metadata.get("git_revision") or _git_revision(),
            "num_importance_samples": num_importance_samples,
            "num_imputation_steps": num_imputation_steps,
            "signatures": _row_shapes(functions),
            "weights": weights.weight_names(model),
            "sha256": {name: file_sha256(folder / name) for name in HASHED},
        }
        atomic.write_json(extra / METADATA, content)
        return _publish(folder, directory, version, keep)


def _chosen(functions: Functions, names: Collection[str] | None) -> Functions:
    """The functions in `names`; all if that is None."""
    if names is None:
        return functions
    is_list = isinstance(names, (list, tuple, set, frozenset, dict))
    if not is_list or not names or not all(name in [*functions] for name in names):
        raise ValueError(
            f"`signatures` must be some of those of the model, {list(functions)}. "
            f"Received: {shown(names)}"
        )
    return {name: functions[name] for name in names}


def checked_metadata(metadata: Config | None) -> Config:
    """`metadata` as a dict; raises ValueError if JSON cannot hold it."""
    metadata = {} if metadata is None else metadata
    check_instance("metadata", metadata, dict, "a dict or None")
    try:
        json.dumps(metadata)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            "`metadata` must be made of what JSON can hold: dicts, lists, text, "
            f"numbers, booleans and None. Received: metadata={shown(metadata)}, and "
            f"{error}"
        ) from error
    return metadata


def _row_shapes(functions: Functions) -> dict[str, dict[str, list[int | None]]]:
    """Signature -> input -> the shape of a row, for checks of requests."""
    specs = {name: function.input_signature for name, function in functions.items()}
    return {
        signature: {spec.name: list(spec.shape[1:]) for spec in inputs}
        for signature, inputs in specs.items()
    }


def _config(model: VAE) -> Config:
    """The model's config without its optimizer, whose state is not exported."""
    config = keras.saving.serialize_keras_object(model)
    config.pop("compile_config", None)
    return config


def _check_destination(directory: pathlib.Path) -> None:
    if not directory.exists():
        return
    if not directory.is_dir():
        raise ValueError(
            f"`directory` must be a folder, new or not. Received: '{directory}', a file"
        )
    has_card = bool(versions(directory))
    foreign = [
        entry.name
        for entry in directory.iterdir()
        if not (
            is_version(entry)
            or atomic.is_partial(entry)
            # The model card and its pictures.
            or (has_card and (entry.name == "README.md" or entry.suffix == ".png"))
        )
    ]
    if foreign:
        raise ValueError(
            "`directory` must be new, empty, or hold versions of a model alone. "
            f"Received: '{directory}', which holds {sorted(foreign)[0]!r}"
        )


def _check_is_free(directory: pathlib.Path, version: int | None) -> None:
    if version is not None and (directory / str(version)).exists():
        raise FileExistsError(
            "`version` must be a number that is free, or None for the next one. "
            f"Received: version={version}, and '{directory / str(version)}' exists"
        )


def _publish(
    folder: pathlib.Path,
    directory: pathlib.Path,
    version: int | None,
    keep: int | None = None,
) -> pathlib.Path:
    """Renames `folder` to its version, and removes all but `keep` versions."""
    with atomic.locked(directory):  # Another process might prune this version.
        target = _renamed(folder, directory, version)
        if keep is not None:
            _prune(directory, keep, target)
    return target


def _renamed(
    folder: pathlib.Path, directory: pathlib.Path, version: int | None
) -> pathlib.Path:
    """Renames `folder` to its version; None for the next number that is free."""
    while True:
        number = version or (numbers(directory) or [0])[-1] + 1
        target = directory / str(number)
        try:
            os.rename(folder, target)
        except OSError:
            _check_is_free(directory, version)
            if not target.exists():
                raise
        else:
            return target


def _prune(directory: pathlib.Path, keep: int, newest: pathlib.Path) -> None:
    """Removes all versions but `keep`, the lowest numbers first, and never `newest`."""
    others = [number for number in versions(directory) if number != int(newest.name)]
    for number in others[: len(others) + 1 - keep]:
        # Another machine may remove it at the same time.
        with contextlib.suppress(FileNotFoundError):
            atomic.remove_folder(directory / str(number))


def _version(library: str) -> str | None:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git_revision() -> str | None:
    """The revision of the checkout that this code runs from, or None."""
    root = pathlib.Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "rev-parse", "HEAD"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout.strip()
