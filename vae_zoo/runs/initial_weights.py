"""A training that starts from the weights of a model that is already trained."""

from typing import Any

from vae_zoo.arguments import Config
from vae_zoo.models.vae import VAE
from vae_zoo.runs.settings import NOT_ARCHITECTURE


def take_over(model: VAE, name: str) -> None:
    """Gives `model` the weights of another one of the same architecture.

    Args:
        model: a model of the package, not trained yet.
        name: of a preset, or the folder of a run or a SavedModel.

    Raises:
        ValueError: if there is no such model, or it has another architecture.
    """
    source = VAE.from_preset(name)
    configs = [_architecture(each.get_config()) for each in (source, model)]
    differing = [
        key
        for key in sorted(configs[0].keys() | configs[1].keys())
        if configs[0].get(key) != configs[1].get(key)
    ]
    if differing:
        raise ValueError(
            f"`init_from` must name a model of the run's architecture. Received: "
            f"{name!r}, whose {differing[0]} is {_short(configs[0], differing[0])} and "
            f"not {_short(configs[1], differing[0])}"
        )
    model.set_weights(source.get_weights())


def _architecture(config: Any) -> Any:
    if isinstance(config, (list, tuple)):
        return [_architecture(each) for each in config]
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "Distorted":
        return _architecture(config["config"]["network"])
    return {
        key: _architecture(value)
        for key, value in config.items()
        if key not in NOT_ARCHITECTURE
    }


def _short(config: Config, key: str) -> str:
    value = config.get(key)
    if not isinstance(value, dict):
        return repr(value)
    inner = {k: v for k, v in value.get("config", {}).items() if k != "network"}
    arguments = ", ".join(f"{k}={v!r}" for k, v in inner.items())
    return f"{value.get('class_name')}({arguments})"
