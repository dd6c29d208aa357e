import ctypes
import gc
import os
import pathlib
import random

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# With two workers, waiting threads of NumPy and scikit-learn waste processor time.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Optimizing by LLVM takes as long as all else of XLA, whose programs stay the same.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

import keras
import pytest
import tensorflow as tf
from tensorflow.python.eager import context
from tensorflow.python.framework import ops

from tests.zoo_of_models import IMAGES
from vae_zoo import VAE

# A tenth of the collections; the start of each module has one of its own.
gc.set_threshold(7000, 10, 10)

set_seed = tf.random.set_seed
# Of glibc alone.
give_memory_back = getattr(ctypes.CDLL(None), "malloc_trim", lambda padding: None)
SHARED_DATA = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_addoption(parser):
    parser.addoption(
        "--costs", metavar="FILE", help="write what the suite costs, by test and cause"
    )


def pytest_configure(config):
    if config.getoption("costs") is not None:
        from . import costs

        config.pluginmanager.register(costs)


def pytest_collection_finish():
    # The garbage collector then skips what stays until the end.
    gc.collect()
    gc.freeze()


def _set_seed(seed):
    """Seeds as `tf.random.set_seed` does, but keeps the cache of kernels.

    Without the cache TensorFlow optimizes shared functions again for each test.
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
    """Releases what the module before has left, and seeds the fixtures of this one.

    Not at the end of a module, when pytest still holds its last test.
    """
    # TensorFlow keeps each custom gradient of a graph for good, and the graph with it.
    gradients = ops.gradient_registry._registry
    for name in [each for each in gradients if each.startswith("CustomGradient-")]:
        del gradients[name]
    keras.backend.clear_session()  # Which collects garbage too.
    give_memory_back(0)
    _seed()


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
