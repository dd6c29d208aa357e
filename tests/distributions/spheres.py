"""What laws of distributions on spheres are tried on, and their exact values."""

import functools

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose

from vae_zoo.distributions import PowerSpherical, VonMisesFisher

DIMENSIONS = (2, 3, 5, 10, 20, 50, 128, 256, 512)
CONCENTRATIONS = np.array([0.1, 1, 10, 100, 1e3, 1e4], "float32")
every_dimension = pytest.mark.parametrize("dim", DIMENSIONS)
# The circle is a limit in many ways; each dimension left out is between two of these.
some_dimensions = pytest.mark.parametrize(
    "dim",
    [
        dim if dim in (2, 3, 10, 50, 512) else pytest.param(dim, marks=pytest.mark.slow)
        for dim in DIMENSIONS
    ],
)
both = pytest.mark.parametrize("make", [VonMisesFisher, PowerSpherical])


@functools.cache
def reference(dim, concentration):
    """Mean resultant length, its derivative, log normalizer and entropy, exactly."""
    with mpmath.workdps(50):
        d, kappa = mpmath.mpf(dim), mpmath.mpf(float(concentration))
        order = d / 2 - 1
        bessel = mpmath.besseli(order, kappa)
        length = mpmath.besseli(order + 1, kappa) / bessel
        log_area = (
            mpmath.log(2) + d / 2 * mpmath.log(mpmath.pi) - mpmath.loggamma(d / 2)
        )
        log_normalizer = (
            d / 2 * mpmath.log(2 * mpmath.pi) + mpmath.log(bessel)
        ) - order * mpmath.log(kappa)
        entropy = log_normalizer - kappa * length
        return {
            "length": float(length),
            "slope": float(1 - length**2 - (d - 1) * length / kappa),
            "log_normalizer": float(log_normalizer),
            "entropy": float(entropy),
            "kl": float(log_area - entropy),
        }


def references(dim, name, concentrations=CONCENTRATIONS):
    return np.array([reference(dim, kappa)[name] for kappa in concentrations])


def direction(dim, seed=0):
    vector = np.random.default_rng(seed).normal(size=dim)
    return (vector / np.linalg.norm(vector)).astype("float32")


def near(received, expected):
    """Within 1e-4 relative, 1e-5 absolute near zero."""
    assert_allclose(received, expected, rtol=1e-4, atol=1e-5)
