import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.metrics import adjusted_rand_score

from vae_zoo.components import cluster_initializers
from vae_zoo.components.priors.cluster_moments import moments

EVERY = [
    cluster_initializers.KMeans(num_restarts=3),
    cluster_initializers.GaussianMixture(num_restarts=3),
    cluster_initializers.NeighborEmbedding(perplexity=15.0),
]


@pytest.mark.parametrize("initializer", EVERY)
def test_separate_groups_are_found(initializer):
    rng = np.random.default_rng(0)
    labels = np.arange(150) % 3
    codes = (8 * np.eye(3, 4)[labels] + rng.normal(size=(150, 4))).astype("float32")
    groups = initializer.group(codes, 3, seed=1)
    assert adjusted_rand_score(labels, groups) == 1
    again = type(initializer).from_config(initializer.get_config())
    assert vars(again) == vars(initializer)


def test_only_an_embedding_finds_curved_groups():
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 2
    angle = rng.uniform(0, 2 * np.pi, 200)
    radius = np.where(labels, 10, 2) + 0.2 * rng.normal(size=200)
    codes = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    kmeans, _, embedding = EVERY
    assert adjusted_rand_score(labels, kmeans.group(codes, 2, 0)) < 0.5
    assert adjusted_rand_score(labels, embedding.group(codes, 2, 0)) > 0.5


def test_moments_are_those_of_the_groups():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(9000, 2)) @ [[1.0, 0.5], [0.0, 2.0]] + [3.0, 0.0]
    groups = np.repeat([0, 1, 1], 3000)
    weights, loc, covariance = moments(z, groups, 3)
    np.testing.assert_allclose(weights, [1 / 3, 2 / 3, 0], atol=2e-3)
    np.testing.assert_allclose(loc[1], z[3000:].mean(axis=0), rtol=1e-5)
    expected = [[1.0, 0.5], [0.5, 4.25]]
    for index in range(3):  # The group without examples is like all of them.
        np.testing.assert_allclose(covariance[index], expected, atol=0.3)
        assert (np.linalg.eigvalsh(covariance[index]) > 0).all()
    _, loc, covariance = moments(z[:3], np.array([0, 0, 1]), 2)
    assert (np.linalg.eigvalsh(covariance) > 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_epochs": -1}, "`num_epochs` must be an integer >= 0.*num_epochs=-1"),
        ({"num_epochs": np.nan}, "`num_epochs` must be an integer.*num_epochs=nan"),
        ({"num_epochs": "3"}, "`num_epochs` must be an integer.*num_epochs='3'"),
        ({"num_epochs": True}, "`num_epochs` must be an integer.*num_epochs=True"),
        ({"num_restarts": 0}, "`num_restarts` must be an integer >= 1"),
        ({"max_examples": 1}, "`max_examples` must be an integer >= 2"),
        ({"perplexity": 0.0}, "`perplexity` must be .* > 0.*perplexity=0.0"),
        ({"perplexity": np.inf}, "`perplexity` must be a finite .*perplexity=inf"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        cluster_initializers.NeighborEmbedding(**arguments)


@pytest.mark.parametrize("initializer", EVERY)
def test_any_finite_codes_have_groups(initializer):
    rng = np.random.default_rng(0)
    spread = rng.normal(size=(60, 3)).astype("float32")
    # At a size where rounding is all that differs.
    equal = (7.3 + 1e-7 * spread).astype("float32")
    for codes, num_distinct in ((equal, 1), (np.repeat(spread[:2], 30, axis=0), 2)):
        with pytest.warns(UserWarning, match=f"{num_distinct} distinct values for 3"):
            groups = initializer.group(codes, 3, seed=1)
        assert len(np.unique(groups)) == num_distinct
    pairs = np.repeat(spread[:3], 20, axis=0)
    groups = initializer.group(pairs, 3, seed=1)
    assert_array_equal(groups, np.repeat(groups[::20], 20))
    assert_array_equal(np.sort(groups[::20]), [0, 1, 2])
    # One dimension, and squares that no float32 holds.
    for codes in (spread[:, :1], 1e-25 * spread, 1e25 * spread):
        assert len(np.unique(initializer.group(codes, 3, seed=1))) == 3


def test_codes_that_cannot_be_grouped_are_named():
    start = EVERY[2]
    codes = np.zeros((9, 2), "float32")
    codes[4] = np.nan
    with pytest.raises(ValueError, match="`codes` must be finite.* 1 of 9 rows.*rate"):
        start.group(codes, 3, seed=1)
    for bad in (codes[:2], codes[:, 0], codes[:, :0], codes.astype(str), None):
        with pytest.raises(ValueError, match="`codes` must be an array of numbers"):
            start.group(bad, 3, seed=1)
    for count in (1, 2.5, None):
        with pytest.raises(ValueError, match=f"`num_clusters` must.*={count}"):
            start.group(codes, count, seed=1)
    with pytest.raises(ValueError, match="`seed` must be an integer"):
        start.group(codes, 3, seed=None)
