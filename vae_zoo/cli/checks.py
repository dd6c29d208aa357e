"""What the command line checks before TensorFlow loads, which takes seconds."""

import argparse
import os
import pathlib
import tempfile

from vae_zoo.arguments import Config
from vae_zoo.cli.data import data_of
from vae_zoo.datasets.names import check_name
from vae_zoo.datasets.splits import Split
from vae_zoo.runs import folder as run_folder, settings as run_settings
from vae_zoo.serving.layout import find_version, read_metadata
from vae_zoo.zoo import presets

# Options that say nothing of the run itself.
NOT_SETTINGS = ("output", "quiet")


def settings_of(options: argparse.Namespace) -> Config:
    """The settings that the options of `train` are, without those left out."""
    names = [name for name in options.parser.words() if name not in NOT_SETTINGS]
    given = {name: getattr(options, name) for name in names}
    settings = {name: value for name, value in given.items() if value is not None}
    if settings.get("binarize") == "none":
        settings["binarize"] = None
    return {**settings, "model": options.model}


def check_train(options: argparse.Namespace) -> None:
    """Raises ValueError or OSError if a run cannot begin, as far as is known by now."""
    plan = run_settings.completed(settings_of(options))
    check_name(plan.dataset)
    for name in ("split", "validation_split"):
        _check_split(name, getattr(plan, name))
    folder = pathlib.Path(options.output)
    check_folder("output", folder)
    run_folder.check(folder, plan)


def check_evaluate(options: argparse.Namespace) -> None:
    """Raises ValueError if there is no such model or no such data."""
    data = data_of(options)
    try:
        check_name(data.dataset)
    except ValueError as error:
        if options.dataset is not None:
            raise
        raise ValueError(
            f"`dataset` must be given: '{data.dataset}', which the model was trained "
            f"on, is not there. {error}"
        ) from None
    _check_split("split", options.split)


def check_plot(options: argparse.Namespace) -> None:
    """As `check_evaluate`; also OSError if the folder cannot be written."""
    check_evaluate(options)
    check_folder("output", pathlib.Path(options.output))


def check_sample(options: argparse.Namespace) -> None:
    """Raises ValueError or OSError if there is no such model, or no such place."""
    read_metadata(find_version(presets.find(options.source)))
    output = pathlib.Path(options.output)
    if output.suffix not in (".png", ".npy"):
        raise ValueError(
            f"`output` must end in .png or .npy. Received: '{options.output}'"
        )
    if output.is_dir():
        raise IsADirectoryError(f"`output` must be a file. Received: '{output}'")
    if not output.parent.is_dir():
        raise FileNotFoundError(
            f"`output` must be in a folder that exists. Received: '{output}'"
        )
    check_folder("output", output.parent)


def check_export(options: argparse.Namespace) -> None:
    """Raises ValueError or OSError if there is no such model, or no such place."""
    read_metadata(find_version(presets.find(options.source)))
    check_folder("directory", pathlib.Path(options.directory))


def check_folder(name: str, folder: pathlib.Path) -> None:
    """Raises OSError unless `folder` can be written, or made where it is not there.

    Args:
        name: of the argument.
        folder: a `pathlib.Path`.
    """
    existing = folder.absolute()
    while not os.path.lexists(existing):
        existing = existing.parent
    if not existing.is_dir():
        raise NotADirectoryError(
            f"`{name}` must be a folder. Received: '{folder}', and '{existing}' is none"
        )
    try:
        # Permissions alone do not tell, of the superuser's least of all.
        tempfile.TemporaryFile(dir=existing).close()
    except OSError as error:
        raise OSError(
            f"`{name}` must be a folder that can be written. Received: '{folder}', and "
            f"'{existing}' cannot: {error.strerror}"
        ) from error


def _check_split(name: str, text: str | None) -> None:
    for part in (text or "train").split("+"):
        try:
            Split.parse(part)
        except ValueError as error:
            raise ValueError(
                str(error).replace("`split`", f"`{name}`").replace("split=", f"{name}=")
            ) from None
