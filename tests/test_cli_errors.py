"""What the command line says to bad input, and that it leaves nothing behind."""

import subprocess
import sys

import numpy as np
import pytest

from vae_zoo.cli import main

TINY = ["--dataset", "digits", "--hidden-units", "8", "--epochs", "1"]
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
            "`num_clusters` must be an integer >= 2",
        ),
        ([*MIXTURE, "--classifier-weight", "5"], "`labels_per_class` must come"),
        (
            [*MIXTURE, "--num-clusters", "5", "--labels-per-class", "3"],
            "`num_clusters` must be at least 10",
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
            "`latent_dim` must be at least 2",
        ),
        (["train", "vea", "--dataset", "digits"], "invalid choice: 'vea'"),
        (["train", "vae", "--dataset", "no.npz"], "no.npz"),
        (["train", "vae", "--dataset", "digits", "--split", "nine"], "'nine'"),
        ([*EVALUATE, "--num-samples", "0"], "num-samples: must be"),
        ([*EVALUATE, "--prior-share", "1"], "prior-share: must be"),
        ([*EVALUATE, "--annealing-steps", "-1"], "annealing-steps: must be"),
        ([*EVALUATE, "--num-chain-examples", "0"], "num-chain-examples: must be"),
        ([*EVALUATE, "--hamiltonian-samples", "5"], "`hamiltonian_samples` must be an integer >= 20"),
        ([*EVALUATE, "--hamiltonian-samples", "50"], "at most 4 latent variables"),
        ([*EVALUATE, "--split", "nine"], "'nine'"),
        ([*EVALUATE], "`x` must have shape [B, 28, 28, 1]"),
        (["plot", "vae_mnist", "--dataset", "digits"], "`x` must have shape"),
        (["serve-config", "vae_digitz"], "nearest names are vae_digits"),
        (["serve-config", "tests"], "`folders` must hold versions of a model"),
        (["serve-config", "vae_digits", "vae_digits"], "each of another name"),
        (["serve-config", "vae_digits", "--stable", "1"], "must be MODEL=VERSION"),
        (["serve-config", "vae_digits", "--canary", "vae_digits=9"], "Received: 9"),
        (["serve-config", "vae_digits", "--cpus", "0"], "cpus: must be"),
        (["serve-config", "vae_digits", "--min-replicas", "11"], "`min_replicas` must"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_two(arguments, message, tmp_path, capsys):
    if arguments[0] != "evaluate":
        arguments = [*arguments, "--output", str(tmp_path / "run")]
    (line,) = error_of(arguments, capsys).splitlines()
    assert message in line
    assert "error:" in line
    assert not (tmp_path / "run").exists()


def test_values_off_the_support_are_found_before_training(tmp_path, capsys):
    np.save(
        tmp_path / "x.npy", np.linspace(-1, 3, 400, dtype="float32").reshape(100, 4)
    )
    data, output = str(tmp_path / "x.npy"), str(tmp_path / "run")
    arguments = ["train", "vae", "--dataset", data, "--output", output]
    assert "Received: values from" in error_of(arguments, capsys).splitlines()[-1]
    assert not (tmp_path / "run").exists()


def test_an_unwritable_folder_is_an_error_without_a_trace(tmp_path):
    # In a process of its own: whatever TensorFlow says would be a second line.
    (tmp_path / "file").write_text("")
    command = [sys.executable, "-m", "vae_zoo", "train", "vae", *TINY, "--output"]
    command.append(str(tmp_path / "file" / "run"))
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert "file" in result.stderr


def test_a_failed_start_does_not_claim_the_folder(tmp_path):
    output = ["--output", str(tmp_path / "run")]
    assert main(["train", "vae", *TINY, "--activation", "nonsense", *output]) == 2
    assert not (tmp_path / "run").exists()
