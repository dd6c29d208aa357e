"""What the command line says to bad input, and that it leaves nothing behind."""

import json
import subprocess
import sys

import numpy as np
import pytest

from vae_zoo.cli import commands, main
from vae_zoo.datasets.splits import Split

TINY = ["--dataset", "digits", "--hidden-units", "8", "--epochs", "1"]
VAE = ["train", "vae", "--dataset", "digits"]
MIXTURE = ["train", "gaussian-mixture-vae", "--dataset", "digits"]
EVALUATE = ["evaluate", "vae_mnist", "--dataset", "digits"]


def error_of(arguments, capsys):
    """What a command that fails writes to stderr."""
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    return capsys.readouterr().err.strip()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "vae", "--dataset", "digitz"], "nearest names are digits"),
        (["train", "vae", "--dataset", "digits", "--latent-dim", "0"], "latent-dim"),
        (["train", "beta-vae", "--dataset", "digits", "--beta", "-1"], "beta: must be"),
        (
            [*MIXTURE, "--num-clusters", "1"],
            "--num-clusters must be an integer >= 2",
        ),
        ([*MIXTURE, "--classifier-weight", "5"], "--labels-per-class must come"),
        (
            [*MIXTURE, "--num-clusters", "5", "--labels-per-class", "3"],
            "--num-clusters must be at least 10",
        ),
        ([*MIXTURE, "--labels-per-class", "0"], "labels-per-class: must be"),
        ([*MIXTURE, "--free-bits", "-1"], "free-bits: must be"),
        ([*MIXTURE, "--pretraining-epochs", "-1"], "pretraining-epochs: must be"),
        ([*MIXTURE, "--initialization", "dbscan"], "--initialization: invalid"),
        ([*MIXTURE, "--rotation", "-5"], "rotation: must be"),
        (["train", "vae", "--posterior", "von-mises-fisher"], "--posterior: invalid"),
        (["train", "hyperspherical-vae", "--posterior", "diagonal-normal"], "invalid"),
        (
            ["train", "hyperspherical-vae", "--dataset", "digits", "--latent-dim", "1"],
            "--latent-dim must be at least 2",
        ),
        (["train", "vea", "--dataset", "digits"], "invalid choice: 'vea'"),
        ([*VAE, "--num-clusters", "4"], "is an option of gaussian-mixture-vae, not"),
        ([*VAE, "--num-clusters=4"], "is an option of gaussian-mixture-vae, not"),
        ([*VAE, "--betta", "4"], "unrecognized arguments: --betta 4"),
        ([*VAE, "--filters", "8"], "--network='mlp'; it is for conv, resnet"),
        ([*VAE, "--network", "conv", "--num-blocks", "3"], "it is for resnet"),
        (
            [*MIXTURE, "--initialization", "none", "--pretraining-epochs", "3"],
            "it is for gaussian-mixture, k-means, neighbor-embedding",
        ),
        (
            [*VAE, "--activation", "rellu"],
            "--activation must be a function or the name",
        ),
        ([*VAE, "--activation", "glu"], "--activation must be a function or"),
        ([*VAE, "--validation-split", "train[x:]"], "--validation-split must be a"),
        ([*VAE, "--init-from", "vae_digits"], "--latent-dim must be 8, as in"),
        ([*VAE, "--init-from", "vae_digitz"], "--init-from must be one of"),
        ([*VAE, "--patience", "3", "--ema-momentum", "0.9"], "--patience must be left"),
        (["train", "vae", "--dataset", ""], "argument --dataset: must not be empty"),
        (["train", "vae", "--dataset", "no.npz"], "no.npz"),
        (["train", "vae", "--dataset", "digits", "--split", "nine"], "'nine'"),
        ([*EVALUATE, "--num-samples", "0"], "num-samples: must be"),
        ([*EVALUATE, "--prior-share", "1"], "prior-share: must be"),
        ([*EVALUATE, "--annealing-steps", "-1"], "annealing-steps: must be"),
        ([*EVALUATE, "--num-chain-examples", "0"], "num-chain-examples: must be"),
        (
            [*EVALUATE, "--hamiltonian-samples", "5"],
            "--hamiltonian-samples must be an integer >= 20",
        ),
        ([*EVALUATE, "--hamiltonian-samples", "50"], "at most 4 latent variables"),
        ([*EVALUATE, "--split", "nine"], "'nine'"),
        ([*EVALUATE], "`x` must have shape [B, 28, 28, 1]"),
        (["plot", "vae_mnist", "--dataset", "digits"], "`x` must have shape"),
        (["serve-config", "vae_digitz"], "nearest names are vae_digits"),
        (["serve-config", "tests"], "DIR must hold versions of a model"),
        (["serve-config", "vae_digits", "vae_digits"], "each of another name"),
        (["serve-config", "vae_digits", "--stable", "1"], "must be MODEL=VERSION"),
        (["serve-config", "vae_digits", "--canary", "vae_digits=9"], "Received: 9"),
        (["serve-config", "vae_digits", "--cpus", "0"], "cpus: must be"),
        (["serve-config", "vae_digits", "--min-replicas", "11"], "--min-replicas must"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_two(arguments, message, tmp_path, capsys):
    if arguments[0] != "evaluate":
        arguments = [*arguments, "--output", str(tmp_path / "run")]
    (line,) = error_of(arguments, capsys).splitlines()
    assert message in line
    assert "error:" in line
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "value", ["nan", "inf", "1e39", "1e400", "-0", "³", "٣", "", "-1"]
)
@pytest.mark.parametrize(
    "option", ["--latent-dim", "--learning-rate", "--epochs", "--hidden-units"]
)
def test_what_is_no_positive_number_is_refused(option, value, tmp_path, capsys):
    arguments = [*VAE, "--output", str(tmp_path / "run"), option, value]
    (line,) = error_of(arguments, capsys).splitlines()
    assert f"argument {option}: must be a positive" in line or "expected" in line
    assert repr(value) in line or value == "-1"


@pytest.mark.parametrize("option", ["--weight-decay", "--seconds-between-checkpoints"])
def test_a_number_that_may_be_zero_is_finite_all_the_same(option, tmp_path, capsys):
    for value in ("nan", "inf", "1e39", "-1e400", "one"):
        arguments = [*VAE, "--output", str(tmp_path / "run"), f"{option}={value}"]
        assert f"{option}: must be a number from 0" in error_of(arguments, capsys)


def test_what_can_be_known_is_known_before_tensorflow_loads(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "metrics.json").write_text("{}")
    output = ["--output", str(tmp_path / "run")]
    commands = [
        (["sample", "vae_mnits"], "MODEL must be one of"),
        (["evaluate", "vae_mnits"], "MODEL must be one of"),
        (["export", "vae_mnits", str(tmp_path / "run")], "MODEL must be one of"),
        (["train", "vae", "--dataset", "digtis", *output], "--dataset must be"),
        (["evaluate", "vae_digits", "--dataset", "digtis"], "--dataset must be"),
        (["evaluate", "vae_frey_face"], "which the model was trained on, is not there"),
        ([*VAE, "--output", str(tmp_path / "file" / "run")], "--output must be a"),
        ([*VAE, "--output", str(tmp_path / "taken")], "'metrics.json' of something"),
        ([*VAE, "--split", "train[", *output], "--split must be a name"),
        (["plot", "vae_digits", "--output", str(tmp_path / "file")], "--output must"),
        (["sample", "vae_digits", "--output", "s.jpg"], "--output must end in"),
        (["sample", "vae_digits", "--output", "none/s.png"], "a folder that exists"),
    ]
    program = (
        "import json, sys\nfrom vae_zoo.cli import main\n"
        "for arguments in json.loads(sys.argv[1]):\n"
        "    assert main(arguments) == 2, arguments\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
    )
    words = json.dumps([arguments for arguments, _ in commands])
    result = subprocess.run(
        [sys.executable, "-c", program, words],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    lines = result.stderr.strip().splitlines()
    for line, (_, message) in zip(lines, commands, strict=True):
        assert message in line
    assert not (tmp_path / "run").exists()


def test_only_what_the_user_can_mend_is_exit_code_two(monkeypatch, capsys):
    def ours(options):
        Split.parse("nine[")

    def a_slip_of_ours(options):
        Split._position("nine", 3)  # int("nine")

    def of_a_library(options):
        np.zeros(3).reshape(7)

    def of_a_type(options):
        len(3)

    def of_memory(options):
        raise MemoryError

    for work, error in (
        (ours, None),
        (of_memory, None),
        (a_slip_of_ours, ValueError),
        (of_a_library, ValueError),
        (of_a_type, TypeError),
    ):
        monkeypatch.setattr(commands, "RUNS", {**commands.RUNS, "list": work})
        monkeypatch.setattr(commands, "_import_tensorflow", lambda: None)
        if error is None:
            assert main(["list"]) == 2
            assert len(capsys.readouterr().err.splitlines()) == 1
        else:
            with pytest.raises(error):
                main(["list"])


def test_values_off_the_support_are_found_before_training(tmp_path, capsys):
    np.save(
        tmp_path / "x.npy", np.linspace(-1, 3, 400, dtype="float32").reshape(100, 4)
    )
    data, output = str(tmp_path / "x.npy"), str(tmp_path / "run")
    arguments = ["train", "vae", "--dataset", data, "--output", output]
    assert "Received: values from" in error_of(arguments, capsys).splitlines()[-1]
    assert not (tmp_path / "run").exists()


def test_a_failed_start_does_not_claim_the_folder(tmp_path):
    output = ["--output", str(tmp_path / "run")]
    assert main(["train", "vae", *TINY, "--activation", "nonsense", *output]) == 2
    assert not (tmp_path / "run").exists()
