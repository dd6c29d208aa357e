"""The Keras model of an exported SavedModel, from its configuration and its weights."""

import pathlib
from typing import Any

import keras

from vae_zoo.arguments import Config, PathLike, check_instance, shown
from vae_zoo.models.vae import VAE
from vae_zoo.serving import weights
from vae_zoo.serving.layout import (
    EXTRA,
    HASHED,
    METADATA,
    file_sha256,
    find_version,
    read_metadata,
)


def load(folder: PathLike, dtype: str | keras.DTypePolicy | None = None) -> VAE:
    """The Keras model of a SavedModel that `export` wrote, weights included.

    Args:
        folder: a version's folder, the folder of all versions (the newest is
            taken), or a training run's output folder.
        dtype: dtype policy of the encoder and the decoder, such as "float32" or
            "mixed_bfloat16"; None for the exported model's.

    Returns:
        The model, not compiled. Only the configuration and the weights are read, not
        the SavedModel's graph.

    Raises:
        ValueError: if `folder` holds no SavedModel of this package; if a file is
            missing, corrupted or edited so that the model does not fit its weights (the
            message names it); or if `dtype` is no policy with variables in float32.
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
    """The untrained model of `config`; any failure becomes a ValueError."""
    try:
        model = keras.saving.deserialize_keras_object(config)
        return check_instance("config", model, VAE, "a model of vae_zoo")
    except Exception as error:  # An edited config may fail anywhere in Keras.
        problem = " ".join(str(error).split())[:500]
        raise ValueError(
            f"'{folder / EXTRA / METADATA}' must describe a model of vae_zoo under "
            f'"config", as `export` wrote it. Received: one that cannot be made '
            f"({type(error).__name__}: {problem})"
        ) from error


def _check_sizes(arguments: Config, model: VAE, folder: pathlib.Path) -> None:
    """Raises ValueError unless the sizes are those that the networks were built for.

    Layers are built with the shapes in the file, so a model with one edited size would
    load and then fail in use.
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
    """The shape, without the batch, that a config's component was built for, or None.

    It is the shape of a latent vector for a posterior, of the input for a network.
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
    """The names of the stored weights; None for an early version, which has none."""
    names = metadata.get("weights")
    is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return names if is_list else None


def _float32_policy(dtype: object) -> Config:
    try:
        is_name = isinstance(dtype, (str, keras.dtype_policies.DTypePolicy))
        policy = keras.dtype_policies.get(dtype) if is_name else None
    except (ValueError, TypeError):
        policy = None
    # The copy would lose a policy map or the policies of quantized layers.
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
