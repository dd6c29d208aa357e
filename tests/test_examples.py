import pathlib
import runpy
import sys

import numpy as np
import pytest

from vae_zoo import VAE

EXAMPLES = pathlib.Path(__file__).resolve().parents[1] / "examples"


@pytest.mark.parametrize("shape", [(40, 9, 7, 3), (40, 5)])
def test_your_own_images(shape, tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random(shape))
    output = tmp_path / "served"
    arguments = [str(tmp_path / "x.npy"), "--epochs", "2", "--output", str(output)]
    monkeypatch.setattr(sys, "argv", ["example", *arguments])
    runpy.run_path(str(EXAMPLES / "your_own_images.py"), run_name="__main__")
    assert VAE.from_preset(output).input_shape == shape[1:]
