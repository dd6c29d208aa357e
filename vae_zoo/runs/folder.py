"""The folder of a training run: whose it is."""

from __future__ import annotations

import itertools
import json
import pathlib
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from vae_zoo import atomic
from vae_zoo.arguments import Config, KindT, PathLike, shown
from vae_zoo.datasets.defaults import Binarization
from vae_zoo.runs import settings as run_settings
from vae_zoo.runs.plan import Plan

if TYPE_CHECKING:
    from vae_zoo.models.vae import VAE

PICTURES = ("samples.png", "reconstructions.png", "latent.png", "clusters.png")
ARTEFACTS = (
    "saved_model",
    "model.keras",
    "metrics.json",
    "history.csv",
    "timing.json",
    *PICTURES,
)
# What may change between a run and its resumption: it does not change the result.
NOT_OF_THE_RUN = (
    "data_dir",
    "distribute",
    "max_gib",
    "seconds_between_checkpoints",
)
# Of another library's error.
MAX_CHARACTERS = 300


def check(folder: pathlib.Path, plan: Plan) -> None:
    """Raises ValueError if `folder` is anything else's than that of this run.

    A run may be given more epochs than it was to have.
    """
    settings = recorded(plan)
    path = folder / "run.json"
    if path.exists() and not (folder / "model.keras").exists():
        # Nothing was trained, so nothing can be lost.
        run_settings.check_initial_model(plan)
        return
    if path.exists():
        found = _recorded_in(path)
        if plan.binarize == "auto":
            settings["binarize"] = found.get("binarize")
        if found.get("epochs", 0) < plan.epochs:
            differing = _differing(found, {**settings, "epochs": found.get("epochs")})
            if not differing:
                run_settings.check_extension(found, plan.epochs)
                return
        differing = _differing(found, settings)
        if differing:
            key = differing[0]
            if (key in found) != (key in settings):
                raise ValueError(
                    f"`output` '{folder}' holds a run of another version of vae_zoo, "
                    "which cannot go on here; give another folder, where `init_from` "
                    f"may start from its weights. Received: `{key}`, which only one "
                    "of the two versions has"
                )
            raise ValueError(
                f"`output` '{folder}' holds a run with {key}={found.get(key)!r}; "
                "give another folder, or the same settings to resume it. Received: "
                f"{key}={settings.get(key)!r}"
            )
        return
    run_settings.check_initial_model(plan)
    taken = [name for name in ARTEFACTS if (folder / name).exists()]
    if taken:
        raise ValueError(
            f"`output` must be a new folder or that of a run. Received: '{folder}', "
            f"which holds {taken[0]!r} of something else"
        )


def read_json(path: pathlib.Path, kind: type[KindT], expectation: str) -> KindT:
    """What JSON is in the file at `path`, of type `kind`.

    Raises:
        ValueError: if it is damaged, or anything else.
        OSError: if it cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # Text that is none is one, too.
        raise damaged(path, expectation, error) from None
    if not isinstance(content, kind):
        raise damaged(path, expectation, f"found {shown(content)}")
    return content


def damaged(path: PathLike, expectation: str, problem: object) -> ValueError:
    """A ValueError that names the file and says what to do."""
    problem = " ".join(str(problem).split())
    return ValueError(
        f"'{path}' must hold {expectation}, but is damaged; put back a copy of it, or "
        f"start anew in another folder. Received: {problem[:MAX_CHARACTERS]}"
    )


def _recorded_in(path: pathlib.Path) -> Config:
    expectation = "the settings of a run, a JSON object"
    found = read_json(path, dict, expectation)
    if not isinstance(found.get("epochs", 0), int):
        raise damaged(path, expectation, f"epochs={shown(found['epochs'])}")
    return found


def _differing(
    found: Mapping[str, object], settings: Mapping[str, object]
) -> list[str]:
    """The settings that differ, those last that follow from another one's value."""
    both = sorted(found.keys() & settings.keys())
    return [
        key
        for key in ("model", *both, *sorted(found.keys() ^ settings.keys()))
        if found.get(key) != settings.get(key)
    ]


def resumed_binarization(folder: pathlib.Path) -> Binarization | Literal["auto"]:
    """How the run that `folder` holds has its data binarized; "auto" if none began."""
    if not (folder / "model.keras").exists():
        return "auto"
    return _recorded_in(folder / "run.json").get("binarize")


def check_model(path: pathlib.Path, model: VAE, expected: VAE) -> None:
    """Raises ValueError unless the model of file `path` is built as the run's own."""
    kinds = [
        (type(each).__name__, [tuple(weight.shape) for weight in each.weights])
        for each in (model, expected)
    ]
    if kinds[0] != kinds[1]:
        (name, shapes), (expected_name, expected_shapes) = kinds
        differing = [
            pair
            for pair in itertools.zip_longest(expected_shapes, shapes)
            if pair[0] != pair[1]
        ]
        example = f", first {differing[0][0]} -> {differing[0][1]}" if differing else ""
        raise ValueError(
            f"`output` holds '{path}', which must be of the run's architecture, "
            f"{expected_name}. Received: {name}, of whose weights' shapes "
            f"{len(differing)} differ{example}"
        )


def recorded(plan: Plan) -> Config:
    """The settings that say what the run is, as one dict."""
    settings = plan.as_settings()
    return {key: value for key, value in settings.items() if key not in NOT_OF_THE_RUN}


def fingerprint(plan: Plan) -> int:
    """A number of 32 bits that other settings hardly share."""
    return zlib.crc32(json.dumps(recorded(plan), sort_keys=True).encode())


def claim(folder: pathlib.Path, plan: Plan) -> None:
    """Makes the folder that of the run with this plan."""
    atomic.remove_abandoned(folder)
    atomic.write_json(folder / "run.json", recorded(plan))
