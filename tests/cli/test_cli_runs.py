"""What runs of the program come to, each of them of its own kind."""

import json
import pathlib
import shutil
import signal

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.small_runs import (
    ARTEFACTS,
    TINY,
    draw_little,
    export_one_signature,
    train_only,
)
from vae_zoo import BetaVAE, HypersphericalVAE
from vae_zoo.callbacks import RunCheckpoint, read_history
from vae_zoo.cli import main
from vae_zoo.runs import lock as run_lock

pytestmark = pytest.mark.usefixtures("without_xla")

SHORT = [*TINY, "--epochs", "3"]


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    """The folder of an uninterrupted `SHORT` run, to read from."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    with pytest.MonkeyPatch.context() as patch:
        train_only(patch)
        assert main(["train", "vae", *SHORT, "--output", str(folder)]) == 0
    return folder


def assert_same_models(folder, other):
    models = [keras.models.load_model(f / "model.keras") for f in (folder, other)]
    for a, b in zip(*(model.weights for model in models), strict=True):
        assert_array_equal(a, b)


def test_a_hyperspherical_run(tmp_path, capsys, monkeypatch):
    export_one_signature(monkeypatch)
    arguments = [*SHORT, "--posterior", "power-spherical", "--warmup-epochs", "2"]
    folder = tmp_path / "run"
    arguments += ["--output", str(folder)]
    assert main(["train", "hyperspherical-vae", *arguments]) == 0
    assert {path.name for path in folder.iterdir()} == ARTEFACTS
    model = HypersphericalVAE.from_preset(folder)
    assert type(model.posterior_head).__name__ == "PowerSpherical"
    # 90% of the training split's 1438 digits, 128 at a time, for two epochs.
    assert model.beta.num_steps == 2 * 11
    z = model.encode(np.zeros((3, 8, 8, 1)))
    assert_allclose(np.linalg.norm(z, axis=-1), 1, rtol=1e-6)
    with pytest.raises(ValueError, match="must hold a BetaVAE"):
        BetaVAE.from_preset(folder)


@pytest.mark.parametrize("batch_size", ["31", "2000"])
def test_an_epoch_is_an_epoch_whatever_the_number_of_steps(
    batch_size, tmp_path, monkeypatch
):
    train_only(monkeypatch)
    # 1294 examples: 42 steps, 14 to an execution, and 1.
    arguments = ["train", "vae", *TINY, "--batch-size", batch_size]
    arguments += ["--epochs", "2", "--cosine-decay", "--ema-momentum", "0.9"]
    assert main([*arguments, "--output", str(tmp_path)]) == 0
    model = keras.models.load_model(tmp_path / "model.keras")
    assert int(model.optimizer.iterations) == 2 * -(-1294 // int(batch_size))
    assert float(model.optimizer.learning_rate) == pytest.approx(0, abs=1e-9)


def test_a_run_that_diverges_ends_in_an_error_and_exports_nothing(
    tmp_path, capsys, monkeypatch
):
    arguments = [*SHORT, "--likelihood", "normal", "--learning-rate", "1e18"]
    assert main(["train", "vae", *arguments, "--output", str(tmp_path)]) == 2
    assert "must stay finite" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} <= {"run.json", "history.csv"}
    # Nothing was trained, so the folder can be used with better settings.
    train_only(monkeypatch)
    assert main(["train", "vae", *SHORT, "--output", str(tmp_path)]) == 0


@pytest.mark.parametrize(
    ("step", "num_weights"),
    [pytest.param(0, 99, marks=pytest.mark.slow), (10, 99), (0, 1)],
)
def test_what_is_not_finite_keeps_the_last_good_model(
    step, num_weights, whole_run, tmp_path, capsys, monkeypatch
):
    """The loss tells, the validation loss after an epoch's last step, or the weights.

    NaN in the first of them becomes 0 in the relu after it.
    """
    train_only(monkeypatch)
    on_train_batch_end = RunCheckpoint.on_train_batch_end

    def ruin(self, batch, logs):
        on_train_batch_end(self, batch, logs)
        if self._epoch == 2 and batch == step:
            for weights in self.model.trainable_variables[:num_weights]:
                weights.assign(weights * np.nan)

    command = ["train", "vae", *SHORT, "--output"]
    ruined = tmp_path / "ruined"
    with monkeypatch.context() as patch:
        patch.delattr(RunCheckpoint, "needs_every_batch")
        patch.setattr(RunCheckpoint, "on_train_batch_end", ruin)
        assert main([*command, str(ruined)]) == 2
    assert "must stay finite" in capsys.readouterr().err
    assert len(read_history(ruined / "history.csv")) == 2
    saved = keras.models.load_model(ruined / "model.keras")
    assert int(saved.optimizer.iterations) == 2 * 11
    assert all(np.isfinite(each).all() for each in saved.get_weights())
    assert main([*command, str(ruined)]) == 0
    assert_same_models(whole_run, ruined)


def test_a_model_of_another_architecture_is_not_trained_on(
    whole_run, tmp_path, capsys, monkeypatch
):
    train_only(monkeypatch)
    folders = [tmp_path / name for name in ("wide", "narrow")]
    shutil.copytree(whole_run, folders[0])
    arguments = [*SHORT, "--hidden-units", "8"]
    assert main(["train", "vae", *arguments, "--output", str(folders[1])]) == 0
    model, other = (folder / "model.keras" for folder in folders)
    capsys.readouterr()
    # Its settings say so,
    assert main(["train", "vae", *arguments, "--output", str(folders[0])]) == 2
    assert "holds a run with --hidden-units=[16]" in capsys.readouterr().err
    # or, if the file was put there, its weights.
    other.write_bytes(model.read_bytes())
    assert main(["train", "vae", *arguments, "--output", str(folders[1])]) == 2
    message = capsys.readouterr().err
    assert "must be of the run's architecture" in message
    assert "(64, 8) -> (64, 16)" in message
    assert other.read_bytes() == model.read_bytes()
    # Or it is no model at all.
    for name, content in (("model.keras", b"PK"), ("run.json", b"[]")):
        (folders[1] / name).write_bytes(content)
        assert main(["train", "vae", *arguments, "--output", str(folders[1])]) == 2
        assert f"error: '{folders[1] / name}' must hold" in capsys.readouterr().err


def test_a_folder_in_use_is_left_alone(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(run_lock, "SECONDS_TO_WAIT", 0)
    folder = tmp_path / "run"
    with run_lock.locked(folder):
        assert main(["train", "vae", *TINY, "--output", str(folder)]) == 2
        assert [path.name for path in folder.iterdir()] == [run_lock.NAME]
    assert f"'{folder}', which is in use by process" in capsys.readouterr().err


def test_no_folder_is_not_the_current_one(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        code = main(["train", "vae", *TINY, "--output", ""])
    except SystemExit as end:  # The parser may say so, too.
        code = end.code
    assert code == 2
    assert "output" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_nothing_half_written(tmp_path, capsys, monkeypatch):
    full = pathlib.Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full to write to")

    def write_to_full(path, *arguments, **keywords):
        with open(full, "wb") as file:
            file.write(b"x" * 100_000)

    folder = tmp_path / "full"
    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "save", write_to_full)
        assert main(["train", "vae", *SHORT, "--output", str(folder)]) == 2
    assert f"No space left on device: '{folder / 'model.keras'}'" in (
        capsys.readouterr().err
    )
    assert {path.name for path in folder.iterdir()} == {"run.json", "history.csv"}
    export_one_signature(monkeypatch)
    draw_little(monkeypatch)
    assert main(["train", "vae", *SHORT, "--output", str(folder)]) == 0
    assert {path.name for path in folder.iterdir()} == ARTEFACTS


def test_a_gaussian_mixture_run_with_few_labels_resumes(tmp_path, capsys, monkeypatch):
    export_one_signature(monkeypatch)
    draw_little(monkeypatch)
    arguments = ["train", "gaussian-mixture-vae", *SHORT]
    arguments += ["--pretraining-epochs", "2", "--initialization", "k-means"]
    arguments += ["--labels-per-class", "3", "--classifier-weight", "5"]
    arguments += ["--rotation", "5", "--output"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert main([*arguments, str(whole)]) == 0
    assert {path.name for path in whole.iterdir()} == ARTEFACTS | {"clusters.png"}

    def interrupt(self, epoch, logs):
        on_epoch_end(self, epoch, logs)
        raise KeyboardInterrupt

    on_epoch_end = RunCheckpoint.on_epoch_end
    with monkeypatch.context() as patch:
        train_only(patch)
        with patch.context() as interruption:
            interruption.setattr(RunCheckpoint, "on_epoch_end", interrupt)
            assert main([*arguments, str(killed)]) == 130
        assert main([*arguments, str(killed)]) == 0
    assert_same_models(whole, killed)
    capsys.readouterr()
    options = ["--dataset", "digits", "--num-samples", "2", "--json"]
    assert main(["evaluate", str(whole), *options]) == 0
    scores = json.loads(capsys.readouterr().out)
    hungarian = scores["hungarian_accuracy"]["value"]
    assert 0.1 <= hungarian <= scores["majority_accuracy"]["value"] <= 1
    assert scores["hungarian_accuracy"]["standard_error"] > 0
    output = tmp_path / "two.npy"
    picked = ["--num-samples", "2", "--cluster", "7", "--output", str(output)]
    assert main(["sample", str(whole), *picked]) == 0
    model = keras.models.load_model(whole / "model.keras")
    expected = model.sample(2, seed=0, cluster=7)
    assert_array_equal(np.load(output), expected)
    assert main(["sample", str(whole), "--cluster", "10"]) == 2
    assert "--cluster must be an integer in 0..9" in capsys.readouterr().err


# Of 1294 examples 42 steps, 14 to an execution.
PARTS = ["--batch-size", "31", "--binarize", "dynamic"]
PATIENT = ["--patience", "5", "--beta", "2", "--warmup-epochs", "2"]
MIXTURE = ["--pretraining-epochs=1", "--initialization=k-means", "--rotation=5"]


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("vae", ["--ema-momentum", "0.9", "--decoder-dropout-rate", "0.2"]),
        pytest.param("beta-vae", PATIENT, marks=pytest.mark.slow),
        pytest.param("gaussian-mixture-vae", MIXTURE, marks=pytest.mark.slow),
    ],
)
def test_sigterm_saves_in_the_middle_of_an_epoch(model, options, tmp_path, monkeypatch):
    train_only(monkeypatch)
    command = ["train", model, *SHORT, *PARTS, *options, "--output"]
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    assert main([*command, str(whole)]) == 0

    def stop_at(hook, steps):
        def stop(self, batch, logs):
            if int(self.model.optimizer.iterations) == steps:
                signal.raise_signal(signal.SIGTERM)
            original(self, batch, logs)

        original = getattr(RunCheckpoint, hook)
        patch.setattr(RunCheckpoint, hook, stop)

    # In the middle, once more in that epoch, and in its validation.
    for hook, steps in (
        ("on_train_batch_end", 42 + 14),
        ("on_train_batch_end", 42 + 28),
        ("on_test_batch_end", 42 + 42),
    ):
        with monkeypatch.context() as patch:
            stop_at(hook, steps)
            assert main([*command, str(stopped)]) == 143
        saved = keras.models.load_model(stopped / "model.keras")
        assert int(saved.optimizer.iterations) == steps
        assert len(read_history(stopped / "history.csv")) == 1
    assert main([*command, str(stopped)]) == 0
    for name in ("history.csv", "metrics.json"):
        assert (stopped / name).read_text() == (whole / name).read_text()
    assert_same_models(whole, stopped)


def test_data_that_change_after_sigterm_are_refused(tmp_path, capsys, monkeypatch):
    images = np.random.default_rng(0).random((60, 4, 4, 1), np.float32)
    arguments = ["--dataset", str(tmp_path / "images.npy"), "--batch-size", "1"]
    command = ["train", "vae", *TINY, *arguments, "--output", str(tmp_path / "run")]

    def stop(self, batch, logs):
        signal.raise_signal(signal.SIGTERM)
        on_train_batch_end(self, batch, logs)

    on_train_batch_end = RunCheckpoint.on_train_batch_end
    np.save(tmp_path / "images.npy", images)
    with monkeypatch.context() as patch:
        patch.setattr(RunCheckpoint, "on_train_batch_end", stop)
        assert main(command) == 143
    # 18 of 54 steps; now an epoch has 9 of them.
    np.save(tmp_path / "images.npy", images[:10])
    capsys.readouterr()
    assert main(command) == 2
    expected = "training of 9 steps per epoch. Received: one saved after 18 steps"
    assert expected in capsys.readouterr().err
