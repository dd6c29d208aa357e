"""One SavedModel that TF Serving serves and that loads back into Keras."""

import contextlib
import hashlib
import importlib.metadata
import os
import pathlib
import subprocess
from collections.abc import Sequence

import keras
import tensorflow as tf

from vae_zoo import atomic
from vae_zoo.arguments import check_count
from vae_zoo.serving.layout import (
    EXTRA,
    METADATA,
    find_version,
    is_version,
    numbers,
    read_metadata,
    versions,
)
from vae_zoo.serving.signatures import signatures as all_signatures
from vae_zoo.serving.warmup import FILE_NAME, write_warmup_requests

HASHED = (
    "saved_model.pb",
    "variables/variables.index",
    "variables/variables.data-00000-of-00001",
)
# What a copy of an exported model takes over: where its weights are from.
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
    model: keras.Model,
    directory: str | os.PathLike,
    *,
    metadata: dict | None = None,
    num_importance_samples: int = 128,
    num_imputation_steps: int = 50,
    version: int | None = None,
    signatures: Sequence[str] | None = None,
    keep: int | None = None,
) -> pathlib.Path:
    """Writes `model` as a SavedModel to `<directory>/<next version>/`.

    The version's folder appears by one rename when it is complete.

    Args:
        model: a model of the package.
        directory: the folder of all versions; made if it does not exist.
        metadata: dict to add to `assets.extra/vae_zoo.json`, such as the data set
            and measured metrics.
        num_importance_samples: draws for each row of the signature `score`.
        num_imputation_steps: steps of the chain for each row of `impute`.
        version: its number, >= 1. None: the next after those in `directory`.
        signatures: names of those to export. None: all that apply to the model.
        keep: how many versions to leave, >= 1: when the new one is complete, those
            with the lowest numbers are removed. None: all.

    Returns:
        The version's folder, a `pathlib.Path`.

    Raises:
        ValueError: if `directory` holds something other than versions of a model, a
            number is off, or the model lacks one of `signatures`.
        FileExistsError: if there is a `version` of that number.
        OSError: if `directory` cannot be written.
    """
    directory = pathlib.Path(directory)
    check_count("num_importance_samples", num_importance_samples, 1, "draws per row")
    check_count("num_imputation_steps", num_imputation_steps, 1, "steps of the chain")
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
    module.weights = [variable.value for variable in model.weights]
    with atomic.partial_folder(directory) as folder:
        tf.saved_model.save(module, str(folder), signatures=functions)
        extra = folder / EXTRA
        extra.mkdir()
        write_warmup_requests(extra / FILE_NAME, directory.resolve().name, functions)
        content = {
            **(metadata or {}),
            "class": type(model).__name__,
            "config": _config(model),
            "versions": {name: _version(name) for name in LIBRARIES},
            # Of a copy, that of the code that trained it.
            "git_revision": (metadata or {}).get("git_revision") or _git_revision(),
            "num_importance_samples": num_importance_samples,
            "num_imputation_steps": num_imputation_steps,
            "sha256": {name: _sha256(folder / name) for name in HASHED},
        }
        atomic.write_json(extra / METADATA, content)
        return _publish(folder, directory, version, keep)


def _chosen(functions, names):
    """Those of the functions that are named; all if `names` is None."""
    if names is None:
        return functions
    missing = [name for name in names if name not in functions]
    if missing or not names:
        raise ValueError(
            f"`signatures` must be some of those of the model, {list(functions)}. "
            f"Received: {list(names)}"
        )
    return {name: functions[name] for name in names}


def _config(model):
    """The model's config without its optimizer, whose state is not exported."""
    config = keras.saving.serialize_keras_object(model)
    config.pop("compile_config", None)
    return config


def load(folder: str | os.PathLike, dtype: str | None = None) -> keras.Model:
    """The Keras model of a SavedModel that `export` wrote, weights included.

    Args:
        folder: a version's folder, the folder of all versions (the newest is
            taken), or a training run's output folder.
        dtype: policy that the encoder and the decoder compute by, "float32" or
            "mixed_bfloat16" say; None for that of the model exported.

    Returns:
        The model, not compiled. The SavedModel's graph is not loaded: the
        configuration and the weights are all that is read.

    Raises:
        ValueError: if `folder` holds no SavedModel of this package, one of its
            files is missing or corrupted (it is named), or `dtype` is no policy with
            variables in float32.
    """
    policy = None if dtype is None else _float32_policy(dtype)
    folder = find_version(folder)
    metadata = read_metadata(folder)
    for name in HASHED:
        path, expected = folder / name, metadata["sha256"].get(name)
        received = _sha256(path) if path.is_file() else "no file"
        if received != expected:
            raise ValueError(
                f"'{path}' must have the sha256 {expected} that was recorded at "
                f"export: it is corrupted or was changed. Received: {received}"
            )
    config = metadata["config"]
    if policy is not None:
        networks = {name: config["config"][name] for name in ("encoder", "decoder")}
        config["config"] |= _with_policy(networks, policy)
    model = keras.saving.deserialize_keras_object(config)
    reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
    for index, variable in enumerate(model.weights):
        key = f"weights/{index}/.ATTRIBUTES/VARIABLE_VALUE"
        variable.assign(reader.get_tensor(key))
    return model


def _float32_policy(dtype):
    try:
        policy = keras.dtype_policies.get(dtype)
    except (ValueError, TypeError):
        policy = None
    # Those of a map or of quantized layers would not come over.
    is_plain = type(policy) is keras.dtype_policies.DTypePolicy
    if not is_plain or policy.variable_dtype != "float32":
        raise ValueError(
            "`dtype` must be a policy with variables in float32, such as 'float32' or "
            f"'mixed_bfloat16'. Received: dtype={dtype!r}"
        )
    return keras.saving.serialize_keras_object(policy)


def _with_policy(config, policy):
    """A config with `policy` in place of every policy within it."""
    if isinstance(config, list):
        return [_with_policy(each, policy) for each in config]
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == policy["class_name"]:
        return policy
    return {key: _with_policy(value, policy) for key, value in config.items()}


def _check_destination(directory):
    if not directory.exists():
        return
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


def _check_is_free(directory, version):
    if version is not None and (directory / str(version)).exists():
        raise FileExistsError(
            "`version` must be a number that is free, or None for the next one. "
            f"Received: version={version}, and '{directory / str(version)}' exists"
        )


def _publish(folder, directory, version, keep=None):
    """Renames `folder` to its version, and removes all but `keep` versions."""
    with atomic.locked(directory):  # So that none removes what another publishes.
        target = _renamed(folder, directory, version)
        if keep is not None:
            _prune(directory, keep, target)
    return target


def _renamed(folder, directory, version):
    """Renames `folder` to its version; None: the next, which others may take first."""
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


def _prune(directory, keep, newest):
    """Removes all versions but `keep`, the lowest numbers first, and never `newest`."""
    others = [number for number in versions(directory) if number != int(newest.name)]
    for number in others[: len(others) + 1 - keep]:
        # Another machine may be removing it, too.
        with contextlib.suppress(FileNotFoundError):
            atomic.remove_folder(directory / str(number))


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _version(library):
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git_revision():
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
