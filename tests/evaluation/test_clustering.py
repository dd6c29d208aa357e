import itertools

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from tests import zoo_of_models
from vae_zoo.evaluation import clustering, evaluate_clusters, score_clusters


def one_hot(clusters, num_clusters):
    """Certain clusters, the first examples a little less so."""
    certainty = np.linspace(0.6, 0.9, len(clusters))[:, None]
    chosen = np.eye(num_clusters)[clusters]
    return certainty * chosen + (1 - certainty) / num_clusters


def test_a_perfect_clustering_scores_one_under_any_numbering():
    labels = np.arange(60) % 4
    for numbering in itertools.permutations(range(4)):
        scores = score_clusters(one_hot(np.array(numbering)[labels], 4), labels)
        for name, value in vars(scores).items():
            if isinstance(value, float) and name != "label_accuracy":
                assert_allclose(value, 1, err_msg=name)
        kept = np.mean(np.array(numbering) == range(4))
        assert_allclose(scores.label_accuracy, kept)
    assert scores.cluster_shares == (0.25,) * 4
    assert scores.num_examples == 60


def test_every_accuracy_by_hand():
    # Cluster 0: labels 0 0 1; cluster 1: labels 0 0 0 0 1 (the last most certain).
    clusters = np.array([0, 0, 0, 1, 1, 1, 1, 1])
    labels = np.array([0, 0, 1, 0, 0, 0, 0, 1])
    scores = score_clusters(one_hot(clusters, 3), labels)
    # One cluster for each label: 4 of label 0 from cluster 1, 1 of label 1 from 0.
    assert_allclose(scores.hungarian_accuracy, 5 / 8)
    assert_allclose(scores.majority_accuracy, 6 / 8)
    # Both clusters' surest examples have label 1.
    assert_allclose(scores.most_confident_accuracy, 2 / 8)
    assert scores.cluster_shares == (3 / 8, 5 / 8, 0.0)


def test_hungarian_matching_is_the_best_of_all_matchings():
    rng = np.random.default_rng(0)
    table = rng.integers(0, 50, (4, 4))
    best = max(
        sum(table[row, column] for row, column in enumerate(columns))
        for columns in itertools.permutations(range(4))
    )
    mapping = clustering.hungarian_mapping(table)
    assert table[np.arange(4), mapping].sum() == best
    more_clusters = clustering.hungarian_mapping(rng.integers(0, 9, (5, 2)))
    assert sorted(more_clusters) == [-1, -1, -1, 0, 1]


def test_labels_of_another_split_name_the_clusters():
    clusters, labels = np.array([0, 1, 1, 2]), np.array([1, 0, 0, 1])
    other_clusters, other_labels = np.array([0, 0, 1]), np.array([1, 1, 1])
    scores = score_clusters(
        one_hot(clusters, 3), labels, one_hot(other_clusters, 3), other_labels
    )
    # Both clusters were called 1 there; the third has no name and is always wrong.
    assert_allclose(scores.majority_accuracy, 1 / 4)
    # One cluster alone may be called 1: either the first or the second.
    assert_allclose(scores.hungarian_accuracy, 1 / 4)


def test_random_clusters_have_no_adjusted_rand_index():
    rng = np.random.default_rng(0)
    clusters, labels = rng.integers(0, 5, 20_000), rng.integers(0, 5, 20_000)
    scores = score_clusters(one_hot(clusters, 5), labels)
    assert abs(scores.adjusted_rand_index) < 1e-3
    assert scores.normalized_mutual_information < 1e-3
    assert abs(scores.hungarian_accuracy - 0.2) < 0.02


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        (np.ones((3, 2)), np.zeros(4, int), r"shapes \(3, 2\) and \(4,\)"),
        (np.ones((3, 2)), np.zeros(3), "`labels` must be integers.*float64"),
        (np.ones((3, 2)), np.array([0, -1, 1]), "`labels` must be .*smallest -1"),
        (np.ones((0, 2)), np.zeros(0, int), "at least one label"),
    ],
)
def test_bad_input_is_named(probabilities, labels, message):
    with pytest.raises(ValueError, match=message):
        score_clusters(probabilities, labels)
    with pytest.raises(ValueError, match="must come together"):
        score_clusters(np.ones((1, 2)), np.zeros(1, int), np.ones((1, 2)))
    two, three = (
        (np.ones((2, 2)), np.zeros(2, int)),
        (np.ones((2, 3)), np.zeros(2, int)),
    )
    for pair in ((*two, *three), (*three, *two)):
        with pytest.raises(ValueError, match="of the same clusters, K="):
            score_clusters(*pair)


def test_a_model_is_scored_on_a_data_set(binary_images):
    model = zoo_of_models.gaussian_mixture_vae()
    labels = np.arange(32) % 4
    data = tf.data.Dataset.from_tensor_slices((binary_images, labels)).batch(10)
    expected = score_clusters(
        model.cluster_probabilities(binary_images).numpy(), labels
    )
    assert evaluate_clusters(model, data) == expected
    assert evaluate_clusters(model, data, reference=data) == expected
    # Examples without a label do not count.
    some = np.where(np.arange(32) < 20, labels, -1)
    known = tf.data.Dataset.from_tensor_slices((binary_images, some)).batch(10)
    scores = evaluate_clusters(model, known)
    assert scores == evaluate_clusters(model, data.unbatch().take(20).batch(10))
    assert scores.num_examples == 20
    probabilities, found = clustering.probabilities_and_labels(model, data)
    assert probabilities.shape == (32, 4)
    assert_array_equal(found, labels)
    with pytest.raises(ValueError, match=r"`data` must have elements \(x, y\)"):
        evaluate_clusters(model, data.map(lambda x, y: x))
    with pytest.raises(ValueError, match="`model` must have clusters.*Received: VAE"):
        evaluate_clusters(zoo_of_models.vae(), data)
    with pytest.raises(ValueError, match="`model` must be a model of vae_zoo"):
        evaluate_clusters(None, data)
    with pytest.raises(ValueError, match="`reference` must be a tf.data.Dataset"):
        evaluate_clusters(model, data, "train")
    with pytest.raises(ValueError, match="`probabilities` must be finite"):
        score_clusters(np.full((1, 2), np.nan), np.zeros(1, int))


def test_bootstrapped_errors_of_accuracies_are_binomial():
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=2000)
    clusters = np.where(rng.random(2000) < 0.8, labels, (labels + 1) % 3)
    probabilities = np.eye(3)[clusters]
    errors = clustering.bootstrapped_errors(probabilities, labels, num_resamples=200)
    binomial = np.sqrt(0.8 * 0.2 / 2000)
    # A deviation over 200 draws is known to 5 percent.
    for name in ("hungarian_accuracy", "majority_accuracy"):
        assert_allclose(errors[name], binomial, rtol=4 * 0.05)
    assert set(errors) == set(vars(score_clusters(probabilities, labels))) - {
        "cluster_shares",
        "num_examples",
    }
