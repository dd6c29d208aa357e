"""A training run that takes a moment, and what every run leaves."""

import functools

from vae_zoo.cli import checks as cli_checks
from vae_zoo.cli.options import build_parser
from vae_zoo.runs import artefacts, latent_pictures, pictures, settings as run_settings
from vae_zoo.serving import saved_model

COMMANDS = ("list", "train", "evaluate", "sample", "plot", "export", "serve-config")
TINY = [
    *("--dataset", "digits", "--hidden-units", "16", "--latent-dim", "2"),
    *("--epochs", "6", "--seconds-between-checkpoints", "0"),
]
ARTEFACTS = {
    "history.csv",
    "latent.png",
    "metrics.json",
    "model.keras",
    "reconstructions.png",
    "run.json",
    "saved_model",
    "samples.png",
    "timing.json",
}


def train_only(patch):
    """Keeps runs from exporting and drawing; `patch` is a `pytest.MonkeyPatch`."""
    patch.setattr(artefacts, "_export_once", lambda *arguments: None)
    draw_nothing(patch)


def draw_nothing(patch):
    """Keeps runs from drawing pictures."""
    patch.setattr(artefacts, "write_pictures", lambda *arguments: None)


def draw_little(patch):
    """Makes every kind of picture show few examples."""
    patch.setitem(pictures.figures.__kwdefaults__, "num_samples", 4)
    patch.setattr(pictures, "NUM_RECONSTRUCTED", 3)
    patch.setattr(pictures, "NUM_PICTURED_OF_CLUSTER", 2)
    for name, value in {
        "NUM_TRAVERSAL_STEPS": 3,
        "NUM_MANIFOLD_STEPS": 4,
        "NUM_IMPUTED": 2,
        "NUM_DRAWS_IMPUTED": 2,
        "NUM_IMPUTATION_STEPS": 20,
    }.items():
        patch.setattr(latent_pictures, name, value)


def export_one_signature(patch):
    """Makes runs export `decode` alone, the cheapest signature."""
    export = functools.partial(saved_model.export, signatures=["decode"])
    patch.setattr(saved_model, "export", export)


def plan_of(model, *options):
    """The plan that the command line makes of `TINY` and further options."""
    parser = build_parser(dict.fromkeys(COMMANDS))
    arguments = ["train", model, *TINY, "--output", "run", *options]
    found = cli_checks.settings_of(parser.parse_args(arguments))
    return run_settings.completed(found)
