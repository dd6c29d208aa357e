import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from vae_zoo.components import cluster_initializers
from vae_zoo.models.clusters import moments

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
    labels = np.arange(400) % 2
    angle = rng.uniform(0, 2 * np.pi, 400)
    radius = np.where(labels, 10, 2) + 0.2 * rng.normal(size=400)
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
        ({"num_epochs": -1}, "`num_epochs` must be at least 0.*num_epochs=-1"),
        ({"num_restarts": 0}, "`num_restarts` must be at least 1"),
        ({"max_examples": 1}, "`max_examples` must be at least 2"),
        ({"perplexity": 0.0}, "`perplexity` must be positive.*perplexity=0.0"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        cluster_initializers.NeighborEmbedding(**arguments)
