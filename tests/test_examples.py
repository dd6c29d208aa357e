import pathlib
import re
import runpy
import sys

import matplotlib.image
import numpy as np
import pytest

from tests.small_runs import export_one_signature
from vae_zoo import VAE, datasets
from vae_zoo.runs import artefacts

without_xla = pytest.mark.usefixtures("without_xla")
EXAMPLES = pathlib.Path(__file__).resolve().parents[1] / "examples"


def run(name, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")


@pytest.mark.parametrize("shape", [(40, 9, 7, 3), (40, 5)])
@without_xla
def test_your_own_images(shape, tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random(shape))
    export_one_signature(monkeypatch)
    output = tmp_path / "served"
    data = tmp_path / "x.npy"
    run("your_own_images.py", monkeypatch, data, "--epochs", 2, "--output", output)
    assert VAE.from_preset(output).input_shape == shape[1:]


@without_xla
def test_great_circles(tmp_path, monkeypatch):
    output = tmp_path / "circles.png"
    run("great_circles.py", monkeypatch, "--epochs", 2, "--output", output)
    height, width = matplotlib.image.imread(output).shape[:2]
    # Six rows of ten images.
    assert width / height == pytest.approx(10 / 6, rel=0.05)


# Half of the digits suffice to reach what the README claims for the whole run.
@pytest.mark.parametrize("part", [pytest.param("", marks=pytest.mark.slow), "[:800]"])
def test_clusters_of_digits_are_the_digits(part, tmp_path, monkeypatch, capsys):
    def load_part(name, split="train", **options):
        return load(name, split + part, **options)

    load = datasets.load
    monkeypatch.setattr(datasets, "load", load_part)
    output = tmp_path / "clusters.png"
    run("clusters_of_digits.py", monkeypatch, "--output", output)
    accuracy = float(re.search("test accuracy: (.*)", capsys.readouterr().out).group(1))
    assert accuracy > 0.8
    height, width = matplotlib.image.imread(output).shape[:2]
    assert height == pytest.approx(width, rel=0.1)


@without_xla
def test_restored_digits_are_closer_than_damaged_ones(tmp_path, monkeypatch, capsys):
    output = tmp_path / "restored.png"
    run("restore_digits.py", monkeypatch, "--epochs", 20, "--output", output)
    found = re.findall(r": (.*)% of all pixels wrong", capsys.readouterr().out)
    hidden, flipped, _ = (float(share) for share in found)
    # Of the hidden half a guess would be right every second time.
    assert hidden < 25
    assert flipped < 10
    assert matplotlib.image.imread(output).shape[2] == 4


@without_xla
def test_fine_tuning_a_preset(tmp_path, monkeypatch, capsys):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((40, 28, 28, 1)))
    export_one_signature(monkeypatch)
    output = tmp_path / "tuned"
    arguments = (tmp_path / "x.npy", "--epochs", 1, "--output", output)
    run("fine_tune.py", monkeypatch, *arguments)
    printed = capsys.readouterr().out
    assert "fine-tuned: held-out ELBO" in printed
    assert VAE.from_preset(output).input_shape == (28, 28, 1)
    assert (output / "README.md").exists()


@without_xla
def test_an_unseen_digit_stands_out(tmp_path, monkeypatch, capsys):
    output = tmp_path / "anomalies.png"
    run("anomalies.py", monkeypatch, "--epochs", 20, "--output", output)
    area = re.search("ROC curve: (.*)", capsys.readouterr().out).group(1)
    assert float(area) > 0.95
    assert output.exists()


@without_xla
def test_imputed_entries_of_a_table_are_closer_than_means(monkeypatch, capsys):
    run("tabular.py", monkeypatch, "--epochs", 10)
    errors = re.findall("root mean squared error (.*)", capsys.readouterr().out)
    of_means, of_draws = map(float, errors)
    assert of_draws < 0.8 * of_means


@without_xla
def test_reproducing_a_preset(tmp_path, monkeypatch, capsys):
    output = tmp_path / "run"
    export_one_signature(monkeypatch)
    monkeypatch.setattr(artefacts, "write_pictures", lambda *arguments: None)
    arguments = ("--epochs", 1, "--output", output)
    run("reproduce.py", monkeypatch, "vae_digits", *arguments)
    card = VAE.presets["vae_digits"]["card"]["metrics"][0]
    line = next(
        line
        for line in capsys.readouterr().out.splitlines()
        if line.startswith(card["name"])
    )
    assert f"card {card['value']:.4f}, reached " in line
