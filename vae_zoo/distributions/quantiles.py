"""Marginal quantiles of the elements of a random vector."""

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow_probability import distributions as tfd

NUM_DRAWS = 100_000


def marginal_quantiles(p: tfd.Distribution, shares: npt.ArrayLike) -> tf.Tensor:
    """The values below which each element of z ~ p lies with given probabilities.

    They are exact for normals. For other distributions, which need no density, they
    come from a hundred thousand fixed draws, with a standard error of at most 0.16% in
    probability.

    Args:
        p: distribution with batch shape [] and event shape [D].
        shares: probabilities [S], in (0, 1).

    Returns:
        Float32 [S, D].

    Raises:
        ValueError: if a share is not between 0 and 1.
    """
    shares = np.asarray(shares)
    if not np.all((shares > 0) & (shares < 1)):
        raise ValueError(
            "`shares` must lie between 0 and 1, probabilities. Received: "
            f"shares={shares}"
        )
    if isinstance(p, tfd.MultivariateNormalLinearOperator):
        normal = tfd.Normal(p.mean(), p.stddev())
        return normal.quantile(tf.constant(shares[:, None], tf.float32))
    draws = p.sample(NUM_DRAWS, seed=(0, 0))
    return tf.constant(np.quantile(draws, shares, axis=0), tf.float32)
