"""An epoch that is stopped in the middle and goes on later, to the bit.

Of such an epoch Keras saves neither the metrics so far nor which batches are done. They
go into the `.keras` file, a zip archive, which is whole or not there at all.
"""

import json
import pathlib
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from vae_zoo.arguments import Config, check_count
from vae_zoo.components.randomness import seed_states
from vae_zoo.fitting import distribute

MEMBER = "epoch_so_far.json"


def write(path: pathlib.Path, model: keras.Model, steps_per_epoch: int) -> None:
    """Adds to the `.keras` file of `model`, which has just been saved."""
    content = {
        "steps_per_epoch": steps_per_epoch,
        "steps_at_once": model.steps_per_execution,
        "metrics": [each.numpy().tolist() for each in _metric_states(model)],
    }
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(MEMBER, json.dumps(content))


def read(path: pathlib.Path, model: keras.Model) -> Config | None:
    """What `write` added for `model`, a dict; None if the file has a whole epoch.

    Raises:
        ValueError: if the file is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if MEMBER not in archive.namelist():
                return None
            content = json.loads(archive.read(MEMBER))
        return _checked(content, model)
    except (zipfile.BadZipFile, ValueError, LookupError, TypeError) as error:
        raise ValueError(
            f"'{path}' must hold a model and where in an epoch it stopped, but is "
            "damaged; put back a copy of it, or start anew in another folder. "
            f"Received: {error}"
        ) from None


def _checked(content: Config, model: keras.Model) -> Config:
    for name in ("steps_per_epoch", "steps_at_once"):
        check_count(name, content[name], 1, "of an epoch")
    shapes = [np.shape(each) for each in content["metrics"]]
    expected = [tuple(each.shape) for each in _metric_states(model)]
    if shapes != expected:
        raise ValueError(f"metrics of shapes {shapes} instead of {expected}")
    return content


def prepare(model: keras.Model, so_far: Config) -> None:
    """To be called before `fit`: it is to run as many steps at once as it did."""
    if not distribute.is_distributed(model.distribute_strategy):
        # They divide the steps that are done.
        model.steps_per_execution = so_far["steps_at_once"]


def resume(model: keras.Model, so_far: Config, steps_done: int) -> None:
    """To be called where the epoch begins, once Keras has reset the metrics.

    The batches that are done are read once more, but the model does not see them.
    """
    for variable, value in zip(_metric_states(model), so_far["metrics"], strict=True):
        variable.assign(value)
    train = model.train_function

    def pass_over(iterator: Iterator[Any]) -> dict[str, Any]:
        nonlocal steps_done
        number = min(steps_done, model.steps_per_execution)
        for _ in range(number):
            next(iterator)
        steps_done -= number
        if not steps_done:
            model.train_function = train
        return model.get_metrics_result()

    model.train_function = pass_over


def snapshot(model: keras.Model) -> list[np.ndarray]:
    """What validation changes of a model, for `restore`."""
    return [each.numpy() for each in _changed_by_validation(model)]


def restore(model: keras.Model, values: Sequence[np.ndarray]) -> None:
    """Undoes what validation did since the `snapshot`."""
    for variable, value in zip(_changed_by_validation(model), values, strict=True):
        variable.assign(value)


def _changed_by_validation(model: keras.Model) -> list[keras.Variable]:
    return [*_metric_states(model), *seed_states(model)]


def _metric_states(model: keras.Model) -> list[keras.Variable]:
    return [variable for metric in model.metrics for variable in metric.variables]
