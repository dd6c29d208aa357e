"""Stores raw figures on disk, with the machine and versions behind them."""

import importlib.metadata
import json
import pathlib
import subprocess

from vae_zoo.runs.machine import machine_class

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "results"
PACKAGES = ("tensorflow", "keras", "tensorflow-probability", "numpy")


def save(name, figures):
    """Writes `benchmarks/results/<name>.json` and returns its path."""
    path = FOLDER / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    content = {
        "machine": machine_class(),
        "git_revision": revision(),
        "versions": {each: importlib.metadata.version(each) for each in PACKAGES},
        **figures,
    }
    path.write_text(json.dumps(content, indent=1) + "\n")
    return path


def revision():
    """This checkout's commit, with "+" where files differ from it; None outside one.

    The results themselves, which are written one by one, are no difference.
    """
    git = ["git", "-C", str(FOLDER.parent)]
    found, changed = (
        subprocess.run([*git, *words], capture_output=True, text=True).stdout.strip()
        for words in (
            ["rev-parse", "--short", "HEAD"],
            ["status", "--porcelain", "--", ":/", f":!{FOLDER.name}"],
        )
    )
    return found + ("+" if changed else "") or None
