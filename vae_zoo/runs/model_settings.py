"""Makes a run's model and optimizer from its settings, which are plain values."""

from typing import Any

import keras

from vae_zoo.arguments import Config
from vae_zoo.components import optimizers
from vae_zoo.models.vae import VAE
from vae_zoo.runs.plan import Plan
from vae_zoo.zoo.catalogue import DISTORTED, MODELS, SCHEDULES, Entry


def build_model(plan: Plan, input_shape: tuple[int, ...], steps_per_epoch: int) -> VAE:
    """The model of a run, not compiled."""
    entry = MODELS[plan.model]
    settings = plan.as_settings() | _warmed_up(plan, steps_per_epoch)
    given = {"input_shape": input_shape}
    if "network" in plan.options:
        network = entry.choices["encoder"][plan.options["network"]]
        given["encoder"] = _encoder(network, plan, settings)
    return _built(entry, settings, **given)


def _encoder(network: Entry, plan: Plan, settings: Config) -> keras.Layer:
    encoder = _built(network, settings, dtype=plan.dtype_policy)
    amounts = set(DISTORTED.arguments) - {"network", "seed"}
    if not any(plan.options[name] for name in amounts):
        return encoder
    return _built(DISTORTED, settings, network=encoder)


def _built(entry: Entry | None, settings: Config, **given: Any) -> Any:
    """An object of a registered class and its parts, with the options as arguments.

    Args:
        entry: of the catalogue, or None.
        settings: of the run.
        **given: further arguments, which no option sets.
    """
    if entry is None:
        return None
    arguments = entry.given | given
    for name in entry.arguments.keys() - arguments.keys():
        option = entry.option(name)
        if option not in settings:
            continue
        value = settings[option]
        choices = entry.choices.get(name)
        arguments[name] = _built(choices[value], settings) if choices else value
    return entry.load()(**arguments)


def _warmed_up(plan: Plan, steps_per_epoch: int) -> Config:
    """The schedule of the weight that grows from 0 in the warm-up, if there is one."""
    if "schedule" not in plan.options:
        return {}
    num_steps = round(plan.warmup_epochs * steps_per_epoch)
    # With a capacity, the capacity grows, and beta is the paper's gamma.
    name = "beta" if plan.options.get("capacity") is None else "capacity"
    if name not in plan.options:
        return {}  # Another objective; it has no warm-up.
    entry = SCHEDULES[plan.options["schedule"]]
    stop = plan.options[name]
    # Made even without a warm-up, since that checks its options.
    schedule = _built(entry, plan.options, stop=stop, num_steps=max(num_steps, 1))
    return {name: schedule} if num_steps else {}


def build_optimizer(plan: Plan, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """Adam with the run's learning rate, schedule and weight decay."""
    rate = plan.learning_rate
    if plan.cosine_decay:
        num_steps = plan.epochs * steps_per_epoch
        rate = keras.optimizers.schedules.CosineDecay(rate, num_steps)
    momentum = plan.ema_momentum
    decay = plan.weight_decay or None
    if not momentum:
        return keras.optimizers.Adam(rate, weight_decay=decay)
    return optimizers.AveragedAdam(rate, ema_momentum=momentum, weight_decay=decay)
