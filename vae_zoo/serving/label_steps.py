"""Labels moved so that a running server follows: first load, then move.

TF Serving takes a changed `models.config` while it runs, but refuses to move a label to
a version that it has not loaded, and meanwhile drops those that are no longer listed.
So a version is first listed beside those that have the labels, which stay where they
are; once it is loaded, the labels move.
"""

import pathlib
import re
from collections.abc import Sequence

from vae_zoo.arguments import PathLike
from vae_zoo.serving.layout import checked_path, is_version
from vae_zoo.serving.version_labels import ServedModel, checked_models

FILE = "models.config"
_LABEL = r'version_labels \{ key: "(\w+)" value: (\d+) \}'


def next_step(models: Sequence[ServedModel], output: PathLike) -> list[ServedModel]:
    """The models as a server that runs by the configuration in `output` can take them.

    Args:
        models: list of `ServedModel`, as they are to be.
        output: the folder that `write_server_config` wrote to earlier, or is to make.

    Returns:
        List of `ServedModel`. A model whose labels would move to a version that the
        earlier configuration does not load keeps its labels and loads that version
        too; all others are as they came.

    Raises:
        ValueError: if `models` is no list of `ServedModel`, or `output` no path.
    """
    written = _written(checked_path("output", output) / FILE)
    nothing: tuple[dict[str, int], set[int]] = ({}, set())
    return [
        _step(model, *written.get(model.name, nothing))
        for model in checked_models(models)
    ]


def _step(model: ServedModel, labels: dict[str, int], loaded: set[int]) -> ServedModel:
    wanted = {model.stable, model.canary}
    if labels.keys() != {"stable", "canary"} or wanted <= loaded:
        return model
    kept = set(labels.values())
    # What is gone from the disk cannot be kept.
    if not all(is_version(model.folder / str(version)) for version in kept):
        return model
    return model._replace(
        stable=labels["stable"],
        canary=labels["canary"],
        also_loaded=tuple(sorted(wanted - kept)),
    )


def _written(path: pathlib.Path) -> dict[str, tuple[dict[str, int], set[int]]]:
    """Model name -> (label -> version, the versions loaded) of an earlier call."""
    if not path.is_file():
        return {}
    found = {}
    for block in re.split(r"^\s*config \{$", path.read_text("utf-8"), flags=re.M)[1:]:
        name = re.search(r'name: "([^"]*)"', block)
        labels = {label: int(number) for label, number in re.findall(_LABEL, block)}
        versions = {int(number) for number in re.findall(r"versions: (\d+)", block)}
        if name:
            found[name[1]] = (labels, versions)
    return found
