import gc
import os
import pathlib
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import pytest

from vae_zoo import VAE

SHARED_DATA = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_addoption(parser):
    parser.addoption(
        "--costs", metavar="FILE", help="write what the suite costs, by test and cause"
    )


def pytest_configure(config):
    if config.getoption("costs"):
        from . import costs

        config.pluginmanager.register(costs)


def pytest_collection_finish():
    # The garbage collector need not look at what importing made, again and again.
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _fixed_seed():
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture(scope="module", autouse=True)
def _released_memory():
    """The graphs of a module's models do not slow down the modules after it."""
    yield
    keras.backend.clear_session()  # Which collects garbage too.


@pytest.fixture
def without_xla():
    """Models train as on a plain `fit`, but without XLA, which is slow to start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(VAE, "gains_by_xla", lambda self, training=False: False)
        yield


@pytest.fixture(scope="session")
def tfds_dir(tmp_path_factory):
    """A TFDS folder with the real binarized_mnist, prepared without a network."""
    script = SHARED_DATA / "place_tfds_cache.py"
    if not script.exists():
        pytest.skip(f"the original data files are not at {SHARED_DATA}")
    folder = tmp_path_factory.mktemp("tfds")
    command = [sys.executable, str(script), "--data-dir", str(folder)]
    command += ["--dataset", "binarized_mnist", "--prepare"]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture
def binary_images():
    """Thirty-two binary 6x5 images with structure that a model can learn."""
    rng = np.random.default_rng(0)
    rows = rng.random((32, 6, 1, 1)) < 0.5
    return np.repeat(rows, 5, axis=2).astype("float32")
