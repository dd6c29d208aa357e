"""The settings of a run: what `training.train` takes, and the options that they are."""

import pytest

from tests.small_runs import COMMANDS, plan_of
from vae_zoo import VAE
from vae_zoo.arguments import check_number
from vae_zoo.cli import main
from vae_zoo.cli.options import build_parser
from vae_zoo.components.posteriors import DiagonalNormal
from vae_zoo.runs import options as run_options, settings as run_settings, training
from vae_zoo.runs.model_settings import build_model
from vae_zoo.zoo import catalogue
from vae_zoo.zoo.catalogue import MODELS, Entry
from vae_zoo.zoo.constructors import REQUIRED


def settings_of(model, *options):
    """All of its settings."""
    return plan_of(model, *options).as_settings()


@pytest.mark.parametrize("model", MODELS)
def test_they_are_the_options_of_the_command_line(model):
    parser = build_parser(dict.fromkeys(COMMANDS))
    arguments = ["train", model, "--dataset", "digits", "--output", "run"]
    words = parser.parse_args(arguments).parser.words()
    assert {*words} == {*run_options.of_model(model), "output", "quiet"}


@pytest.mark.parametrize("model", MODELS)
def test_what_is_left_out_has_its_default(model):
    plan = run_settings.completed({"model": model, "dataset": "digits"})
    settings = plan.as_settings()
    assert REQUIRED not in settings.values()
    assert (settings["latent_dim"], settings["hidden_units"]) == (16, [512, 256])
    assert run_settings.completed(settings) == plan
    # Of networks that are not there.
    assert not {"filters", "num_blocks"} & settings.keys()
    resnet = {"model": model, "dataset": "digits", "network": "resnet"}
    settings = run_settings.completed(resnet).as_settings()
    assert (settings["filters"], settings["num_blocks"]) == ([32, 64], 2)


def test_a_default_may_be_that_of_a_choice():
    options = ["--initialization", "neighbor-embedding"]
    assert settings_of("gaussian-mixture-vae", *options)["num_restarts"] == 20
    assert settings_of("gaussian-mixture-vae")["num_restarts"] == 10
    settings = settings_of("gaussian-mixture-vae", "--initialization", "none")
    assert "num_restarts" not in settings


@pytest.mark.parametrize("name", ["model", "dataset"])
def test_a_missing_one_is_named(name):
    settings = settings_of("vae")
    del settings[name]
    with pytest.raises(ValueError, match=f"`settings` must have '{name}'"):
        run_settings.completed(settings)


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
    "prior": [None, "vamp-prior", "spherical-uniform"],
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
    "filters": [[8], None],
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_one_is_named(name):
    for value in WRONG[name]:
        with pytest.raises(ValueError, match=f"`{name}` must .*Received"):
            run_settings.completed({**settings_of("vae"), name: value})


@pytest.mark.parametrize(
    ("model", "name", "values"),
    [
        ("beta-vae", "beta", [None, -1, "4", float("nan")]),
        ("beta-vae", "warmup_epochs", [None, -1]),
        ("beta-vae", "capacity", [-1, "3"]),
        ("beta-vae", "normalized", [None, 1]),
        ("gaussian-mixture-vae", "num_clusters", [None, 0, "10"]),
        ("gaussian-mixture-vae", "initialization", [None, "kmeans"]),
        ("gaussian-mixture-vae", "labels_per_class", [0, "3", -1]),
        ("gaussian-mixture-vae", "pretraining_epochs", [-1, 1.5]),
    ],
)
def test_a_wrong_one_of_a_model_is_named(model, name, values):
    for value in values:
        with pytest.raises(ValueError, match=f"`{name}` must .*Received"):
            run_settings.completed({**settings_of(model), name: value})


def test_an_unknown_one_is_named():
    settings = {**settings_of("vae"), "latent_dims": 3}
    with pytest.raises(ValueError, match="did you mean 'latent_dim'.*'latent_dims'"):
        run_settings.completed(settings)
    # It is for another model.
    with pytest.raises(ValueError, match="`vae-zoo train vae` alone.*'num_clusters'"):
        run_settings.completed({**settings_of("vae"), "num_clusters": 4})


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


class TemperedNormal(DiagonalNormal):
    """A posterior with arguments of its own, as a new component has them.

    Args:
        temperature: of its scales, a number > 0.
        num_passes: over the features, an integer >= 0.
        is_tight: whether it is tight.
        name: the layer's name.
        **kwargs: what every Keras layer takes.
    """

    def __init__(
        self, temperature=0.5, *, num_passes=3, is_tight=True, name=None, **kwargs
    ):
        super().__init__(name=name, **kwargs)
        self.temperature, self.is_tight = temperature, is_tight
        self.num_passes = check_number("num_passes", num_passes, "passes", maximum=7)


@pytest.fixture
def tempered(monkeypatch):
    """A new posterior, registered."""
    entry = Entry(f"{__name__}.TemperedNormal")
    monkeypatch.setitem(catalogue.POSTERIORS, "tempered", entry)


@pytest.mark.usefixtures("tempered")
def test_a_line_registers_a_component_with_its_own_arguments(tmp_path, capsys):
    train = ["train", "vae", "--dataset", "digits", "--output", str(tmp_path / "run")]
    with pytest.raises(SystemExit):
        main(["train", "vae", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "--posterior {diagonal-normal,full-covariance-normal," in text
    assert "sylvester-flow,tempered}" in text
    expected = "of its scales, a number > 0; for posterior tempered (default: 0.5)"
    assert f"--temperature X {expected}" in text
    assert "--is-tight, --no-is-tight whether it is tight" in text
    # Its values are checked, by the parser, by the choice and by the constructor.
    for options, message in (
        (["--temperature", "0"], "argument --temperature: must be a positive number"),
        (["--temperature", "2"], "--temperature must be left out with --posterior"),
        (["--posterior", "tempered", "--num-passes", "8"], "--num-passes must be a"),
    ):
        try:
            code = main([*train, *options])
        except SystemExit as stop:
            code = stop.code
        assert code == 2
        assert message in capsys.readouterr().err
    options = ["--posterior", "tempered", "--num-passes", "0", "--no-is-tight"]
    plan = plan_of("vae", *options)
    assert (plan.options["temperature"], plan.options["num_passes"]) == (0.5, 0)
    posterior = build_model(plan, (8, 8, 1), 11).posterior_head
    assert (posterior.temperature, posterior.num_passes) == (0.5, 0)
    assert not posterior.is_tight
    # Another model does not know of it.
    assert "temperature" not in run_options.of_model("hyperspherical-vae")


def test_a_line_registers_a_kind_of_part(monkeypatch, capsys):
    objectives = {
        "elbo": Entry("vae_zoo.components.objectives.Elbo"),
        "mixture-elbo": Entry("vae_zoo.components.objectives.MixtureElbo"),
    }
    monkeypatch.setitem(catalogue.PARTS, "objective", objectives)
    plan = plan_of("vae", "--beta", "3", "--num-samples", "2")
    assert plan.options["objective"] == "elbo"
    objective = build_model(plan, (8, 8, 1), 11).objective
    assert (objective.beta, objective.num_samples) == (3, 2)
    # With its beta comes the warm-up.
    plan = plan_of("vae", "--warmup-epochs", "2")
    assert build_model(plan, (8, 8, 1), 11).objective.beta.num_steps == 22
    plan = plan_of("vae", "--objective", "mixture-elbo")
    assert "num_samples" not in plan.options
    with pytest.raises(ValueError, match="`objective` must be one for any prior"):
        build_model(plan, (8, 8, 1), 11)


class WarmVAE(VAE):
    """A model with an argument of its own.

    Args:
        heat: of the model, in [0, 1).
        **kwargs: as in `VAE`.
    """

    def __init__(self, input_shape, latent_dim, *, heat=0.25, **kwargs):
        super().__init__(input_shape, latent_dim, **kwargs)
        self.heat = heat


def test_a_line_registers_a_model(monkeypatch, capsys):
    entry = Entry(f"{__name__}.WarmVAE", "a model that is warm")
    monkeypatch.setitem(MODELS, "warm-vae", entry)
    assert main(["list"]) == 0
    assert "warm-vae               a model that is warm" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["train", "warm-vae", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "--heat X of the model, in [0, 1) (default: 0.25)" in text
    with pytest.raises(SystemExit):
        main(["train", "warm-vae", "--heat", "1"])
    expected = "argument --heat: must be a number in [0, 1). Received: '1'"
    assert expected in capsys.readouterr().err
    model = build_model(plan_of("warm-vae", "--heat", "0.5"), (8, 8, 1), 11)
    assert (type(model), model.heat, model.latent_dim) == (WarmVAE, 0.5, 2)
    with pytest.raises(SystemExit):
        main(["train", "vae", "--dataset", "digits", "--output", "run", "--heat=0"])
    assert "--heat is an option of warm-vae, not of vae" in capsys.readouterr().err


def test_two_parts_with_one_argument_are_refused(monkeypatch):
    twice = Entry(f"{__name__}.TemperedNormal")
    monkeypatch.setitem(catalogue.POSTERIORS, "tempered", twice)
    monkeypatch.setitem(catalogue.LIKELIHOODS, "tempered", twice)
    with pytest.raises(ValueError, match="`temperature` must be an argument of one"):
        run_options.of_model("vae")
