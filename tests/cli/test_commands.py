import csv
import json
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.small_runs import (
    ARTEFACTS,
    TINY,
    draw_little,
    draw_nothing,
    export_one_signature,
)
from tests.warm_starts import warm_starts
from vae_zoo import VAE, atomic, export
from vae_zoo.cli import main
from vae_zoo.components import networks
from vae_zoo.serving.layout import read_metadata


def command(*arguments):
    return [sys.executable, "-m", "vae_zoo", *map(str, arguments)]


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Starts a command in a process that has imported TensorFlow."""
    with warm_starts(tmp_path_factory.mktemp("processes")) as start:
        yield start


@pytest.fixture(scope="module")
def run_folder(start, tmp_path_factory):
    """The output of an uninterrupted run."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    arguments = ("train", "beta-vae", *TINY, "--warmup-epochs", 3, "--output", folder)
    process = start(command(*arguments))
    out, err = process.communicate()
    assert process.returncode == 0, err
    # One line for each epoch, and nothing that moves a terminal's cursor.
    epochs = [line for line in out.splitlines() if "Epoch" in line]
    assert [line.split(" - ")[0] for line in epochs] == [
        f"Epoch {number}/6" for number in range(1, 7)
    ]
    assert all("val_elbo: " in line for line in epochs)
    printed = set(out + err)
    assert not [each for each in printed - {"\n"} if not each.isprintable()]
    assert "━" not in printed
    return folder


def test_help_and_list_need_no_tensorflow():
    program = (
        "import sys\nfrom vae_zoo.cli import main\n"
        "for arguments in (['--help'], ['list'], ['train', 'vae', '--help']):\n"
        "    try: main(arguments)\n"
        "    except SystemExit as done: assert done.code == 0\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    for word in ("beta-vae", "digits", "train", "export"):
        assert word in result.stdout


@pytest.mark.parametrize("imports", ["keras, vae_zoo", "vae_zoo, keras"])
def test_importing_the_package_registers_its_classes(run_folder, imports):
    program = (
        f"import sys\nimport {imports}\n"
        "print(type(keras.models.load_model(sys.argv[1])).__name__)"
    )
    path = str(run_folder / "model.keras")
    result = subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, text=True
    )
    assert result.stdout.strip() == "BetaVAE", result.stderr


def test_train_leaves_every_artefact(run_folder):
    assert {path.name for path in run_folder.iterdir()} == ARTEFACTS
    assert [path.name for path in (run_folder / "saved_model").iterdir()] == ["1"]
    metrics = json.loads((run_folder / "metrics.json").read_text())
    history = list(csv.DictReader((run_folder / "history.csv").open()))
    assert [row["epoch"] for row in history] == list("123456")
    assert metrics["epochs"] == 6
    assert float(history[-1]["val_loss"]) == pytest.approx(
        metrics["validation"]["loss"], rel=0.02
    )
    for path in run_folder.glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
    trained = keras.models.load_model(run_folder / "model.keras")
    exported = VAE.from_preset(run_folder)
    for a, b in zip(trained.weights, exported.weights, strict=True):
        assert_array_equal(a, b)
    metadata = (run_folder / "saved_model/1/assets.extra/vae_zoo.json").read_text()
    assert str(run_folder.parent) not in metadata


def test_a_killed_and_resumed_run_equals_an_uninterrupted_one(
    start, run_folder, tmp_path
):
    folder = tmp_path / "killed"
    arguments = command(
        "train", "beta-vae", *TINY, "--warmup-epochs", 3, "--output", folder
    )
    # Before anything is written, and in the middle.
    for wanted_epochs in (0, 3):
        process = start(arguments)
        deadline = time.monotonic() + 120
        while _epochs(folder) < wanted_epochs and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        if wanted_epochs == 0:
            time.sleep(0.1)
        # A machine that is taken away says so beforehand, once it trains.
        number = signal.SIGTERM if wanted_epochs == 3 else signal.SIGKILL
        process.send_signal(number)
        code = process.wait()
        assert code == (143 if wanted_epochs == 3 else -signal.SIGKILL)
        if wanted_epochs == 3:
            assert not [path for path in folder.iterdir() if atomic.is_partial(path)]
        assert not (folder / "metrics.json").exists()
    assert start(arguments).wait() == 0
    assert {path.name for path in folder.iterdir()} == ARTEFACTS
    for name in ("history.csv", "metrics.json", "run.json"):
        assert (folder / name).read_text() == (run_folder / name).read_text()
    models = [keras.models.load_model(f / "model.keras") for f in (folder, run_folder)]
    for a, b in zip(*(model.weights for model in models), strict=True):
        assert_array_equal(a, b)


def _epochs(folder):
    path = folder / "history.csv"
    return len(path.read_text().splitlines()) - 1 if path.exists() else 0


def test_a_finished_run_stays_as_it_is(run_folder):
    before = VAE.from_preset(run_folder).get_weights()
    arguments = [*TINY, "--warmup-epochs", "3", "--output", str(run_folder)]
    assert main(["train", "beta-vae", *arguments]) == 0
    assert [path.name for path in (run_folder / "saved_model").iterdir()] == ["1"]
    for a, b in zip(before, VAE.from_preset(run_folder).get_weights(), strict=True):
        assert_array_equal(a, b)


def test_sample_evaluate_and_export(run_folder, tmp_path, capsys):
    picture, array = tmp_path / "s.png", tmp_path / "s.npy"
    for output in (picture, array):
        assert main(["sample", str(run_folder), "--output", str(output)]) == 0
    assert np.load(array).shape == (64, 8, 8, 1)
    expected = VAE.from_preset(run_folder).sample(64, seed=0)
    assert_array_equal(np.load(array), expected)
    assert main(["export", str(run_folder), str(tmp_path / "served")]) == 0
    copied, original = (
        read_metadata(folder / "1")
        for folder in (tmp_path / "served", run_folder / "saved_model")
    )
    for key in ("dataset", "metrics", "training", "config"):
        assert copied[key] == original[key]
    capsys.readouterr()
    # On the run's data, binarized as in its validation.
    arguments = ["--num-samples", "100", "--json"]
    assert main(["evaluate", str(run_folder), *arguments]) == 0
    out, err = capsys.readouterr()
    assert not err
    scores = json.loads(out)
    assert scores["binarize"] == "fixed"
    assert scores["elbo"]["num_examples"] == 359
    assert scores["log_marginal_likelihood"]["value"] > scores["elbo"]["value"]
    assert (scores["dataset"], scores["split"]) == ("digits", "test")
    assert not scores["interrupted"]


@pytest.mark.usefixtures("without_xla")
def test_a_tenth_of_train_is_held_out_where_there_is_no_test_split(
    run_folder, tmp_path, capsys, monkeypatch
):
    draw_little(monkeypatch)
    settings = json.loads((run_folder / "run.json").read_text())
    assert settings["split"] == "train[not-held-out]"
    assert settings["validation_split"] == "train[held-out]"
    x = np.random.default_rng(0).random((50, 8, 8, 1), dtype="float32")
    np.save(tmp_path / "x.npy", x)
    arguments = ["--dataset", str(tmp_path / "x.npy")]
    evaluate = ["evaluate", str(run_folder), "--num-samples", "2", *arguments]

    def printed(*more):
        assert main([*evaluate, *more]) == 0
        return capsys.readouterr().out.partition("x.npy ")[2]

    held_out = printed()
    assert held_out.startswith("train[held-out], binarized once\n")
    (row,) = (line for line in held_out.splitlines() if line.startswith("elbo"))
    assert row.split()[-2:] == ["5", "1"]
    assert printed("--split", "train[held-out]") == held_out
    assert printed("--split", "train[:7]").startswith("train[:7], binarized once\n")
    plots = ["plot", str(run_folder), *arguments, "--output", str(tmp_path / "plots")]
    assert main(plots) == 0
    assert (tmp_path / "plots" / "latent.png").exists()
    for missing in (evaluate, plots):
        assert main([*missing, "--split", "test"]) == 2
        error = capsys.readouterr().err
        assert "--split must be one of ['train'], with an optional range" in error


def test_plot_leaves_every_picture_that_applies(
    run_folder, tmp_path, capsys, monkeypatch
):
    draw_little(monkeypatch)
    names = {"samples", "reconstructions", "latent", "traversals", "imputations"}
    names |= {"manifold", "training_curves", "rate_distortion"}
    plots = tmp_path / "plots"
    arguments = ["--output", str(plots)]
    assert main(["plot", str(run_folder), *arguments]) == 0
    expected = {plots / f"{name}.png" for name in names}
    assert set(plots.iterdir()) == expected
    out, err = capsys.readouterr()
    assert set(out.split()) == set(map(str, expected))
    assert err == "vae-zoo: pictures of digits test, binarized once\n"
    # A SavedModel alone has no history.
    plots = tmp_path / "of a model"
    arguments[-1] = str(plots)
    assert main(["plot", str(run_folder / "saved_model"), *arguments]) == 0
    names -= {"training_curves", "rate_distortion"}
    assert {path.stem for path in plots.iterdir()} == names


@pytest.mark.usefixtures("without_xla")
@pytest.mark.parametrize("as_json", [False, True])
def test_an_interrupted_evaluation_prints_what_is_done(
    run_folder, capsys, monkeypatch, as_json
):
    def interrupt(self, step, *arguments):
        if step == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(keras.utils.Progbar, "update", interrupt)
    arguments = ["--dataset", "digits", "--batch-size", "50", "--num-samples", "20"]
    arguments += ["--json"] * as_json
    assert main(["evaluate", str(run_folder), *arguments]) == 130
    out, err = capsys.readouterr()
    assert "vae-zoo: interrupted" in err
    if as_json:
        scores = json.loads(out)
        assert scores["interrupted"]
        assert scores["elbo"]["num_examples"] == 100
        assert scores["active_units"]["num_examples"] == 359
    else:
        (row,) = (line for line in out.splitlines() if line.startswith("elbo"))
        assert row.split()[-2:] == ["100", "1"]


def test_another_models_run_is_refused(run_folder, tmp_path, capsys):
    before = (run_folder / "model.keras").read_bytes()
    assert main(["train", "vae", *TINY, "--output", str(run_folder)]) == 2
    assert "holds a run with model=" in capsys.readouterr().err
    assert (run_folder / "model.keras").read_bytes() == before
    (tmp_path / "model.keras").write_text("not a run's")
    assert main(["train", "vae", *TINY, "--output", str(tmp_path)]) == 2
    assert "'model.keras' of something else" in capsys.readouterr().err
    assert (tmp_path / "model.keras").read_text() == "not a run's"


def test_a_run_starts_from_the_weights_of_another_model(
    run_folder, tmp_path, capsys, monkeypatch
):
    draw_nothing(monkeypatch)
    export_one_signature(monkeypatch)
    # Of another class and with other settings of training, but of one architecture.
    more = ["--init-from", str(run_folder), "--dropout-rate", "0.1", "--epochs", "1"]
    more += ["--learning-rate", "1e-12", "--output"]
    assert main(["train", "vae", *TINY, *more, str(tmp_path / "run")]) == 0
    before, after = (VAE.from_preset(f) for f in (run_folder, tmp_path / "run"))
    for a, b in zip(before.weights, after.weights, strict=True):
        assert_allclose(a, b, atol=1e-8)
    settings = json.loads((tmp_path / "run" / "run.json").read_text())
    assert settings["init_from"] == str(run_folder)
    # What is not known before the model is loaded.
    exported = tmp_path / "of_python"
    other = VAE((8, 8, 1), 2, encoder=networks.MLP((16,), activation="tanh"))
    export(other, exported, signatures=["decode"])
    more[1] = str(exported)
    capsys.readouterr()
    assert main(["train", "vae", *TINY, *more, str(tmp_path / "other")]) == 2
    assert "--init-from must name a model of the run's arch" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
