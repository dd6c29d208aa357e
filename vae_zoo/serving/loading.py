"""The Keras model of an exported SavedModel, from its configuration and its weights."""

import hashlib
import pathlib
from typing import Any

import keras

from vae_zoo.arguments import Config, PathLike, check_instance, shown
from vae_zoo.models.vae import VAE
from vae_zoo.serving import weights
from vae_zoo.serving.layout import EXTRA, METADATA, find_version, read_metadata

HASHED = (
    "saved_model.pb",
    "variables/variables.index",
    "variables/variables.data-00000-of-00001",
)


def load(folder: PathLike, dtype: str | keras.DTypePolicy | None = None) -> VAE:
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
            files is missing or corrupted or was edited so that it makes no model for
            its weights (it is named), or `dtype` is no policy with variables in
            float32.
    """
    policy = None if dtype is None else _float32_policy(dtype)
    folder = find_version(folder)
    metadata = read_metadata(folder)
    _check_files(folder, metadata["sha256"])
    config = metadata["config"]
    if policy is not None:
        arguments = config["config"]
        networks = {key: arguments.get(key) for key in ("encoder", "decoder")}
        config["config"] |= _with_policy(networks, policy)
    model = _model(config, folder)
    _check_sizes(config["config"], model, folder)
    weights.restore(model, folder, _names(metadata))
    return model


def _check_files(folder: pathlib.Path, recorded: dict[str, str]) -> None:
    """Raises ValueError if a file is not the one that was exported."""
    for name in HASHED:
        path, expected = folder / name, recorded.get(name)
        received = file_sha256(path) if path.is_file() else "no file"
        if received != expected:
            raise ValueError(
                f"'{path}' must have the sha256 {expected} that was recorded at "
                f"export: it is corrupted or was changed. Received: {received}"
            )


def _model(config: Config, folder: pathlib.Path) -> VAE:
    """The model of this config, untrained; whatever is wrong is a ValueError."""
    try:
        model = keras.saving.deserialize_keras_object(config)
        return check_instance("config", model, VAE, "a model of vae_zoo")
    except Exception as error:  # What was edited may fail anywhere in Keras.
        problem = " ".join(str(error).split())[:500]
        raise ValueError(
            f"'{folder / EXTRA / METADATA}' must describe a model of vae_zoo under "
            f'"config", as `export` wrote it. Received: one that cannot be made '
            f"({type(error).__name__}: {problem})"
        ) from error


def _check_sizes(arguments: Config, model: VAE, folder: pathlib.Path) -> None:
    """Raises ValueError unless the sizes are those that the networks were built for.

    Layers are made with the shapes that the file has for them, so a model of which
    one size was edited would load and fail on use.
    """
    sizes = {key: arguments.get(key) for key in ("input_shape", "latent_dim")}
    x, z = sizes["input_shape"], [sizes["latent_dim"]]
    decoded = list(model.latent_shapes[model.decoded_latent])
    for part, shape in (("encoder", x), ("decoder", decoded), ("posterior", z)):
        built = _built_shape(arguments.get(part))
        if built is not None and built != shape:
            raise ValueError(
                f"'{folder / EXTRA / METADATA}' must describe a model of vae_zoo whose "
                f"sizes go together. Received: {sizes}, and its {part} was built for "
                f"{built}"
            )


def _built_shape(component: object) -> list[int] | None:
    """The shape without the batch that a component in a config was built for, or None.

    Of a posterior it is that of a latent vector, of a network that of what enters it.
    """
    built = component.get("build_config") if isinstance(component, dict) else None
    if not isinstance(built, dict):
        return None
    shapes = built.get("shapes_dict")
    if isinstance(shapes, dict):
        return shapes.get("event_shape")
    shape = built.get("input_shape")
    return shape[1:] if isinstance(shape, list) else None


def _names(metadata: Config) -> list[str] | None:
    """Of the stored weights; None of an early version, which lists none."""
    names = metadata.get("weights")
    is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return names if is_list else None


def _float32_policy(dtype: object) -> Config:
    try:
        is_name = isinstance(dtype, (str, keras.dtype_policies.DTypePolicy))
        policy = keras.dtype_policies.get(dtype) if is_name else None
    except (ValueError, TypeError):
        policy = None
    # Those of a map or of quantized layers would not come over.
    is_plain = type(policy) is keras.dtype_policies.DTypePolicy
    if policy is None or not is_plain or policy.variable_dtype != "float32":
        raise ValueError(
            "`dtype` must be a policy with variables in float32, such as 'float32' or "
            f"'mixed_bfloat16'. Received: dtype={shown(dtype)}"
        )
    return keras.saving.serialize_keras_object(policy)


def _with_policy(config: Any, policy: Config) -> Any:
    """A config with `policy` in place of every policy within it."""
    if isinstance(config, list):
        return [_with_policy(each, policy) for each in config]
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == policy["class_name"]:
        return policy
    return {key: _with_policy(value, policy) for key, value in config.items()}


def file_sha256(path: PathLike) -> str:
    """The hash of a file, 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
