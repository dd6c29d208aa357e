import numpy as np
import pytest

from vae_zoo import VAE, BetaVAE
from vae_zoo.zoo import presets


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
    for name in VAE.presets:
        files = (presets.root() / name).rglob("*")
        assert sum(f.stat().st_size for f in files if f.is_file()) < 6_000_000


def test_a_class_lists_its_own_presets():
    assert all(data["class"] == "BetaVAE" for data in BetaVAE.presets.values())


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(
        ValueError, match="'vae_mnits'; the nearest names are vae_mnist"
    ):
        VAE.from_preset("vae_mnits")
    with pytest.raises(ValueError, match="must hold a BetaVAE"):
        BetaVAE.from_preset("vae_mnist")
