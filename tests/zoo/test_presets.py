import pathlib
import shlex

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from vae_zoo import VAE, BetaVAE
from vae_zoo.cli.commands import RUNS
from vae_zoo.cli.options import build_parser
from vae_zoo.zoo import presets
from vae_zoo.zoo.model_card import model_card, shown

README = pathlib.Path(__file__).resolve().parents[2] / "README.md"
MAX_BYTES, MAX_BYTES_OF_ALL = 6_000_000, 40_000_000


def size(folder):
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())


def test_every_preset_loads_by_its_name():
    assert "vae_mnist" in VAE.presets
    for name, metadata in VAE.presets.items():
        model = VAE.from_preset(name)
        assert type(model).__name__ == metadata["class"]
        assert {"dataset", "metrics", "training"} <= metadata.keys()
        images = model.sample(2, seed=0).numpy()
        assert images.shape == (2, *model.input_shape)
        assert np.ptp(images) > 0.5


def test_presets_are_small():
    assert all(size(presets.root() / name) < MAX_BYTES for name in VAE.presets)
    assert size(presets.root()) < MAX_BYTES_OF_ALL


@pytest.mark.parametrize("name", sorted(VAE.presets))
def test_every_preset_has_its_card_and_its_line_in_the_readme(name):
    metadata, folder = VAE.presets[name], presets.root() / name
    assert (folder / "README.md").read_text() == model_card(name, metadata)
    card = metadata["card"]
    for picture in card["pictures"]:
        assert (folder / picture["file"]).read_bytes().startswith(b"\x89PNG")
    for command in ("training_command", "evaluation_command"):
        words = shlex.split(card[command])
        assert build_parser(RUNS).parse_args(words[1:])
    (row,) = (
        line
        for line in README.read_text().splitlines()
        if line.startswith(f"| `{name}`")
    )
    assert f"**{shown(card['metrics'][0])}**" in row


def test_a_class_lists_its_own_presets():
    assert all(data["class"] == "BetaVAE" for data in BetaVAE.presets.values())


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(
        ValueError, match="'vae_mnits'; the nearest names are vae_mnist"
    ):
        VAE.from_preset("vae_mnits")
    with pytest.raises(ValueError, match="must hold a BetaVAE"):
        BetaVAE.from_preset("vae_mnist")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("VAE_MNIST", "; the nearest names are vae_mnist"),
        (pathlib.Path("vae-mnist"), "; the nearest names are vae_mnist"),
        ("m.keras", r"by `keras\.saving\.load_model\('m\.keras'\)`"),
        (pathlib.Path("runs/m.keras"), r"load_model\('runs/m\.keras'\)`"),
        ("picture.png", ", which is a file, not a folder"),
        ("~nobody-of-that-name/x", "'~nobody-of-that-name/x'"),
    ],
)
def test_what_is_no_preset_gets_a_hint(tmp_path, monkeypatch, name, hint):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "picture.png").touch()
    with pytest.raises(ValueError, match=f"`name_or_path` must be one of .*{hint}"):
        VAE.from_preset(name)


@pytest.mark.parametrize("name", [None, 3, "", b"vae_mnist", ["vae_mnist"], VAE])
def test_what_is_no_name_is_refused(name):
    message = r"`name_or_path` must be one of .*'vae_mnist'.*Received: name_or_path="
    with pytest.raises(ValueError, match=message):
        VAE.from_preset(name)


def test_a_path_may_be_a_name_and_a_folder_goes_before_it(tmp_path, monkeypatch):
    assert presets.find(pathlib.Path("vae_mnist")) == presets.root() / "vae_mnist"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vae_mnist").mkdir()
    assert presets.find(pathlib.Path("vae_mnist")) == pathlib.Path("vae_mnist")
    assert presets.find("vae_mnist") == presets.root() / "vae_mnist"


def test_a_preset_computes_in_the_type_asked_for():
    x = VAE.from_preset("beta_vae_sprites").sample(8, seed=0)
    of_file, single, mixed = (
        VAE.from_preset("beta_vae_sprites", dtype=dtype)
        for dtype in (None, "float32", "mixed_bfloat16")
    )
    layers = [*single._flatten_layers()]
    assert {layer.compute_dtype for layer in layers} == {"float32"}
    assert mixed.encoder.compute_dtype == "bfloat16" == of_file.encoder.compute_dtype
    # The bound is in float32 whatever the networks compute in.
    assert mixed.posterior_head.compute_dtype == "float32"
    assert_array_equal(mixed.elbo(x, seed=1), of_file.elbo(x, seed=1))
    assert np.ptp(single.elbo(x, seed=1) - of_file.elbo(x, seed=1)) > 0
    assert_allclose(single.elbo(x, seed=1), of_file.elbo(x, seed=1), rtol=0.02)
    mixed = VAE.from_preset("vae_mnist", dtype="mixed_bfloat16")
    assert mixed.decoder.compute_dtype == "bfloat16"


@pytest.mark.parametrize("dtype", ["single", "bfloat16", "int8_from_float32", 32])
def test_a_type_without_variables_in_float32_is_refused(dtype):
    with pytest.raises(
        ValueError, match=f"'mixed_bfloat16'. Received: dtype={dtype!r}"
    ):
        VAE.from_preset("vae_mnist", dtype=dtype)
