"""Small flows of every kind, for tests."""

import numpy as np
import pytest
import tensorflow as tf

from vae_zoo.components import posteriors

KINDS = {
    "autoregressive": lambda: posteriors.InverseAutoregressiveFlow(3, (12,)),
    "planar": lambda: posteriors.Planar(3),
    "orthogonal": lambda: posteriors.Sylvester(2, 2),
    "householder": lambda: posteriors.Sylvester(2, 3, "householder"),
}
every_flow = pytest.mark.parametrize("kind", KINDS)


def values(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=shape), tf.float32)
