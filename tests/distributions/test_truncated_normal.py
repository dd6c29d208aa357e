"""The quantiles of truncated normals, in their tails above all."""

import mpmath
import numpy as np
import tensorflow as tf

from vae_zoo.distributions.truncated_normal import TruncatedNormal

# The smallest and largest that samplers by inversion take, and 0 itself.
SHARES = np.array([0, 2.0**-25, 1e-3, 0.5, 0.999, 1 - 2.0**-24], "float32")


def exact(loc, scale, share):
    """The quantile on [0, 1], by bisection at fifty digits."""
    with mpmath.workdps(50):
        loc, scale, share = (mpmath.mpf(float(each)) for each in (loc, scale, share))
        sign = 1 if loc < 0 else -1  # From the far tail, which keeps its digits.

        def tail(x):
            return mpmath.erfc(sign * (x - loc) / scale / mpmath.sqrt(2))

        target = (1 - share) * tail(0) + share * tail(1)
        low, high = mpmath.mpf(0), mpmath.mpf(1)
        for _ in range(60):
            middle = (low + high) / 2
            if (tail(middle) > target) == (sign > 0):
                low = middle
            else:
                high = middle
        return float(low)


def test_quantiles_hold_at_any_distance():
    locs = np.array([-1e4, -3, -0.1, 0.4, 1.05, 40], "float32")
    scales = np.array([1e-3, 0.02, 0.2, 1, 1e3], "float32")
    loc, scale, share = np.meshgrid(locs, scales, SHARES, indexing="ij")

    def quantile():
        return TruncatedNormal(loc, scale, 0.0, 1.0).quantile(share)

    expected = np.vectorize(exact)(loc, scale, share)
    # The width of what the distribution covers: its scale, or beyond a bound the
    # length in which the density falls by a factor of e.
    distance = np.maximum(np.maximum(-loc, loc - 1), 1e-9)
    width = np.minimum(np.minimum(scale, scale**2 / distance), 1)
    # A result in float32 near 1 has its own rounding.
    tolerance = 1e-6 * width + np.spacing(expected.astype("float32"))
    for function in (quantile, tf.function(quantile, jit_compile=True)):
        found = function().numpy()
        assert ((found >= 0) & (found <= 1)).all()
        assert (np.abs(found - expected) <= tolerance).all()


def test_what_is_all_but_flat_is_exponential():
    for scale in (1e5, 1e9):
        loc = 2.0 * scale**2  # exp(2 x) on [0, 1].
        found = TruncatedNormal(loc, scale, 0.0, 1.0).quantile(SHARES)
        expected = np.log1p(SHARES.astype("float64") * np.expm1(2.0)) / 2
        np.testing.assert_allclose(found, expected, atol=1e-6)
