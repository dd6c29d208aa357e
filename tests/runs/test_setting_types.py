"""The settings that `training.train` takes from Python."""

import pytest

from tests.small_runs import TINY
from vae_zoo.cli.options import build_parser
from vae_zoo.runs import setting_types as run_setting_types, training
from vae_zoo.zoo.catalogue import MODELS

# What `vae-zoo train` has besides settings.
NOT_SETTINGS = {"run", "output", "parser", "siblings", "quiet"}


def settings_of(model, *options):
    """The settings that the command line makes."""
    parser = build_parser({"train": None} | dict.fromkeys(COMMANDS))
    arguments = ["train", model, *TINY, "--output", "run", *options]
    found = vars(parser.parse_args(arguments))
    return {key: value for key, value in found.items() if key not in NOT_SETTINGS}


COMMANDS = ("list", "evaluate", "sample", "plot", "export", "serve-config")


@pytest.mark.parametrize("model", MODELS)
def test_they_are_the_options_of_the_command_line(model):
    settings = settings_of(model)
    run_setting_types.check(settings)
    # No option is without its check, and none has one in vain.
    known = {*run_setting_types.required_of(model), "model"}
    assert known <= settings.keys() <= known | run_setting_types.OPTIONAL.keys()


@pytest.mark.parametrize("model", MODELS)
def test_a_missing_one_is_named(model):
    for name in ("model", *run_setting_types.required_of(model)):
        settings = settings_of(model)
        del settings[name]
        with pytest.raises(ValueError, match=f"`settings` must have '{name}'"):
            run_setting_types.check(settings)


WRONG = {
    "model": [None, "VAE", "vaes", 3, ["vae"]],
    "dataset": [None, "", 3, b"digits"],
    "data_dir": ["", 3],
    "split": [None, "", 3],
    "binarize": [True, "static", 0],
    "latent_dim": [None, "3", 2.5, 0, True, -1],
    "network": [None, "MLP", object],
    "hidden_units": [None, 256, [], [0], ["16"], (16, 8), [16.0], [True], "16"],
    "activation": [None, "", max],
    "dtype_policy": [None, "float64"],
    "rotation": [None, -1, "1", float("nan"), float("inf"), True],
    "dropout_rate": [None, -0.1, 1, float("nan"), "0"],
    "likelihood": [None, "Bernoulli"],
    "posterior": [None, "von-mises-fisher"],
    "epochs": [None, 0, 1.5, "3", True],
    "batch_size": [None, 0, 12.5, "128"],
    "learning_rate": [None, 0, -1, "1e-3", float("nan"), float("inf")],
    "cosine_decay": [None, 1, "yes"],
    "ema_momentum": [None, 1.0, -1, "0"],
    "seed": [None, -1, 1.5, "0", True, 2**32],
    "seconds_between_checkpoints": [None, -1, "10", float("nan"), float("inf")],
    "patience": [0, -1, 1.5, "3", True],
    "distribute": [None, 1, "no"],
    "image_size": [[28], [28, 0], 28, "28"],
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_one_is_named(name):
    for value in WRONG[name]:
        with pytest.raises(ValueError, match=f"`{name}` must .*Received"):
            run_setting_types.check({**settings_of("vae"), name: value})


@pytest.mark.parametrize(
    ("model", "name", "values"),
    [
        ("beta-vae", "beta", [None, -1, "4", float("nan")]),
        ("beta-vae", "warmup_epochs", [None, -1]),
        ("beta-vae", "capacity", [-1, "3"]),
        ("beta-vae", "normalized", [None, 1]),
        ("gaussian-mixture-vae", "num_clusters", [None, 1, "10"]),
        ("gaussian-mixture-vae", "initialization", [None, "kmeans"]),
        ("gaussian-mixture-vae", "labels_per_class", [0, "3", -1]),
        ("gaussian-mixture-vae", "pretraining_epochs", [-1, 1.5]),
    ],
)
def test_a_wrong_one_of_a_model_is_named(model, name, values):
    for value in values:
        with pytest.raises(ValueError, match=f"`{name}` must .*Received"):
            run_setting_types.check({**settings_of(model), name: value})


def test_an_unknown_one_is_named():
    settings = {**settings_of("vae"), "latent_dims": 3}
    with pytest.raises(ValueError, match="did you mean 'latent_dim'.*'latent_dims'"):
        run_setting_types.check(settings)
    # `beta` is for another model.
    with pytest.raises(ValueError, match="of `vae-zoo train vae` alone.*'beta'"):
        run_setting_types.check({**settings_of("vae"), "beta": 4})


@pytest.mark.parametrize("settings", [None, [], "vae", dict])
def test_settings_are_a_dict(settings, tmp_path):
    with pytest.raises(ValueError, match="`settings` must be a dict"):
        training.train(settings, tmp_path / "run")


@pytest.mark.parametrize("folder", ["", " ", None, 3, b"run"])
def test_the_folder_is_a_path(folder):
    with pytest.raises(ValueError, match="`output` must be a path"):
        training.train(settings_of("vae"), folder)


def test_they_are_checked_before_anything_is_made(tmp_path):
    settings = {**settings_of("vae"), "latent_dim": "3"}
    with pytest.raises(ValueError, match="`latent_dim`.*latent_dim='3'"):
        training.train(settings, tmp_path / "run")
    assert not (tmp_path / "run").exists()
