import gc
import os
import pathlib
import random

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Threads of NumPy and scikit-learn that wait for a core take several times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import keras
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from tests.zoo_of_models import IMAGES
from vae_zoo import VAE

set_seed = tf.random.set_seed
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
    # The garbage collector need not look at what stays, again and again.
    gc.collect()
    gc.freeze()


def _set_seed(seed):
    """As `tf.random.set_seed`, but that it leaves the cache of kernels as it is.

    Else the functions that a module's tests share would be optimized for each of them.
    """
    if context.global_seed() != seed:
        set_seed(seed)
    context.context()._rng = random.Random(seed)


def _seed():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tf.random, "set_seed", _set_seed)
        keras.utils.set_random_seed(0)


@pytest.fixture(autouse=True)
def _fixed_seed():
    _seed()
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture(scope="module", autouse=True)
def _own_module():
    """What a module shares does not depend on others; what it leaves is released."""
    _seed()
    yield
    keras.backend.clear_session()  # Which collects garbage too.
    gc.freeze()


@pytest.fixture
def without_xla():
    """Models train as on a plain `fit`, but without XLA, which is slow to start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(VAE, "gains_by_xla", lambda self, training=False: False)
        yield


@pytest.fixture
def binary_images():
    """Thirty-two binary 6x5 images with structure that a model can learn."""
    return IMAGES.copy()
