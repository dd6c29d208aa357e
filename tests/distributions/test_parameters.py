"""Parameters that make no distribution are refused where they are known."""

import numpy as np
import pytest
import tensorflow as tf

from vae_zoo.distributions.bernoulli_given_sum import BernoulliGivenSum
from vae_zoo.distributions.mixture_of_normals import MixtureOfNormals
from vae_zoo.distributions.power_spherical import PowerSpherical
from vae_zoo.distributions.truncated_normal import TruncatedNormal
from vae_zoo.distributions.von_mises_fisher import VonMisesFisher

UP = [0.0, 1.0]
ONES = np.ones((3, 2), "float32")


@pytest.mark.parametrize("family", [PowerSpherical, VonMisesFisher])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((UP, np.inf), "`concentration` must be finite and >= 0. Received: inf"),
        ((UP, np.nan), "`concentration` must be finite and >= 0"),
        ((UP, -1.0), "`concentration` must be finite and >= 0. Received: -1"),
        (([np.nan, 1.0], 1.0), "`mean_direction` must be finite.*=nan"),
        (([1.0], 1.0), "`mean_direction` must have shape"),
        (("up", 1.0), "`mean_direction` must be float32 or float64. Received: string"),
    ],
)
def test_on_a_sphere(family, arguments, message):
    with pytest.raises(ValueError, match=message):
        family(*arguments)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: BernoulliGivenSum([0.0, 1.0], 3),
            "`total` must be integers from 0 to 2.*total=3",
        ),
        (lambda: BernoulliGivenSum([0.0, 1.0], -1), "`total` must be integers"),
        (lambda: BernoulliGivenSum([0.0, 1.0], 0.5), "`total` must be.*total=0.5"),
        (lambda: BernoulliGivenSum([0.0, np.nan], 1), "`logits` must be finite.*nan"),
        (
            lambda: MixtureOfNormals(tf.zeros(3), ONES / 0, tf.constant(ONES)),
            "`loc` must be finite.*inf",
        ),
        (
            lambda: MixtureOfNormals(tf.zeros(3), tf.constant(ONES), -ONES),
            "`scale_diag` must be finite and > 0.*-1",
        ),
        (lambda: TruncatedNormal(np.nan, 1.0, 0.0, 1.0), "`loc` must be finite"),
        (lambda: TruncatedNormal(0.0, 0.0, 0.0, 1.0), "`scale` must be finite and > 0"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_elsewhere(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_within_a_graph_nothing_is_checked():
    made = tf.function(lambda total: BernoulliGivenSum([0.0, 1.0], total).total)
    assert made(tf.constant(3)) == 3
