import warnings

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose
from sklearn.metrics import adjusted_mutual_info_score

from vae_zoo import VAE, datasets
from vae_zoo.components import networks
from vae_zoo.evaluation import disentanglement, disentanglement_measures as measures
from vae_zoo.evaluation.factor_sampler import FactorSampler

SIZES = (3, 6, 10)


@pytest.fixture(scope="module")
def factors():
    rng = np.random.default_rng(0)
    return np.stack([rng.integers(size, size=6000) for size in SIZES], axis=1)


def rotated(codes):
    """Every latent an equal mixture of all factors."""
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    return codes / codes.std(axis=0) @ rotation


@pytest.fixture(scope="module")
def scores(factors):
    noise = np.random.default_rng(2).normal(size=factors.shape)
    score = disentanglement.score_disentanglement
    return {
        "factors": score(factors, factors),
        "noise": score(noise, factors),
        "rotated": score(rotated(factors), factors),
    }


def test_latents_that_are_the_factors_have_the_maximum(scores):
    found = scores["factors"]
    assert found.beta_vae_score == 1
    assert found.factor_vae_score == 1
    # All but what two independent columns share by accident.
    assert found.mutual_information_gap > 0.99
    assert found.informativeness > 0.999
    assert found.disentanglement > 0.98
    assert found.completeness > 0.98
    # The second best latent is right by chance.
    best = np.mean([1 - 1 / size for size in SIZES])
    assert_allclose(found.attribute_predictability, best, atol=0.03)


def test_noise_is_at_the_chance_level(scores):
    found = scores["noise"]
    error = np.sqrt(1 / 3 * 2 / 3 / measures.NUM_TEST)
    assert abs(found.beta_vae_score - 1 / 3) < 5 * error
    assert abs(found.factor_vae_score - 1 / 3) < 5 * error
    assert abs(found.mutual_information_gap) < 0.01
    assert abs(found.attribute_predictability) < 0.03
    assert found.disentanglement < 0.01
    assert found.completeness < 0.01
    chance = np.mean([1 / size for size in SIZES])
    assert abs(found.informativeness - chance) < 0.05


def test_mixed_up_factors_are_informative_but_not_disentangled(scores):
    found, best = scores["rotated"], scores["factors"]
    assert found.informativeness > 0.6
    # Which latent varies least still tells the factor: the FactorVAE score is blind.
    for name in (
        "mutual_information_gap",
        "disentanglement",
        "completeness",
        "attribute_predictability",
    ):
        assert getattr(found, name) < getattr(best, name) - 0.2, name


def test_the_gap_of_noisy_factors_is_the_closed_form():
    # A binary factor, seen through a channel that flips it with probability 0.1.
    rng = np.random.default_rng(0)
    factors = rng.integers(2, size=(10_000, 2))
    codes = (factors ^ (rng.random(factors.shape) < 0.1)).astype(float)
    entropy = -0.1 * np.log2(0.1) - 0.9 * np.log2(0.9)
    gap = measures.mutual_information_gap(codes, factors)
    assert_allclose(gap, 1 - entropy, atol=0.02)
    # Two equal latents: neither is better than the other.
    twice = np.repeat(codes[:, :1], 2, axis=1)
    assert measures.mutual_information_gap(twice, factors) < 0.001
    # A constant latent says nothing, and nothing is said of it.
    constant = np.concatenate([codes, np.full((10_000, 1), 0.25)], axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert measures.mutual_information_gap(constant, factors) == gap


def test_importances_give_the_entropies_of_the_paper():
    # The last latent says nothing about any factor.
    table = np.array([[1.0, 0.0], [0.5, 0.5], [0.9, 0.1], [0.0, 0.0]])
    entropy = -0.9 * np.log2(0.9) - 0.1 * np.log2(0.1)
    expected = [1, 0, 1 - entropy, 1]
    assert_allclose(measures._concentration(table), expected, atol=1e-9)


def test_drawn_rows_share_the_factor_and_nothing_else(factors):
    sampler = FactorSampler(factors, 0)
    for factor in range(3):
        rows = sampler.alike(factor, 500)
        assert len(np.unique(factors[rows, factor])) == 1
        first, second = sampler.pairs(factor, 4000)
        assert (factors[first, factor] == factors[second, factor]).all()
        for other in {0, 1, 2} - {factor}:
            shared = adjusted_mutual_info_score(
                factors[first, other], factors[second, other]
            )
            assert abs(shared) < 0.01
        # Every value of the factor as often as among the examples.
        drawn = np.bincount(factors[first, factor]) / 4000
        assert_allclose(drawn, 1 / SIZES[factor], atol=5 * 0.5 / 4000**0.5)


def test_latents_without_variance_take_no_part(factors):
    dead = np.concatenate([factors, np.zeros((6000, 1))], axis=1)
    dead[:, 3] += 0.01 * np.random.default_rng(0).normal(size=6000)
    assert measures.factor_vae_score(dead, factors) == 1
    assert measures.factor_vae_score(np.zeros((6000, 2)), factors) == 0


def test_a_model_is_scored_on_sprites(monkeypatch):
    # The test compares the same draws, however many there are.
    monkeypatch.setattr(measures, "NUM_TRAINING", 1000)
    monkeypatch.setattr(measures, "NUM_TEST", 500)
    data = datasets.load("sprites", "train[:600]", 100, shuffle=False)
    model = VAE((64, 64, 1), 3, encoder=networks.MLP((8,)), seed=0)
    found = disentanglement.evaluate_disentanglement(
        model, data, num_examples=500, num_parts=2
    )
    x, y = (np.concatenate(each) for each in zip(*data, strict=True))
    codes, y = tf.function(model.encode)(x[:500]).numpy(), y[:500]
    parts = [
        disentanglement.score_disentanglement(codes[part::2], y[part::2], seed=part)
        for part in range(2)
    ]
    assert set(found) == set(vars(parts[0])) - {"num_examples"}
    for name, estimate in found.items():
        values = [getattr(part, name) for part in parts]
        assert_allclose(estimate.mean, np.mean(values), atol=1e-6)
        # Of two values the error is half their distance.
        expected = abs(values[0] - values[1]) / 2
        assert_allclose(estimate.standard_error, expected, atol=1e-6)
        assert estimate.num_examples == 500
    with pytest.raises(ValueError, match="`num_parts` must be an integer >= 1"):
        disentanglement.evaluate_disentanglement(model, data, num_parts=0)


def test_bad_data_are_named(factors):
    score = disentanglement.score_disentanglement
    with pytest.raises(ValueError, match="as many rows.*\\(5, 2\\)"):
        score(np.zeros((5, 2)), factors)
    with pytest.raises(ValueError, match="`factors` must be integers.*float64"):
        score(np.zeros((6000, 2)), factors * 0.5)
    with pytest.raises(ValueError, match="`factors` must vary.*factor 1, always 7"):
        score(factors, np.stack([factors[:, 0], 0 * factors[:, 0] + 7], axis=1))
    with pytest.raises(ValueError, match="integer >= 100, the examples"):
        score(factors[:9], factors[:9])
    model = VAE((8, 8, 1), 2)
    x = tf.zeros((10, 8, 8, 1))
    for data in (x, (x, tf.zeros(10, tf.int32))):
        data = tf.data.Dataset.from_tensor_slices(data).batch(5)
        with pytest.raises(ValueError, match="factors of variation y \\[B, F\\]"):
            disentanglement.evaluate_disentanglement(model, data)
    with pytest.raises(ValueError, match="`data` must be a tf.data.Dataset.*None"):
        disentanglement.evaluate_disentanglement(model, None)
    with pytest.raises(ValueError, match="`num_examples` must be an integer >= 1"):
        disentanglement.evaluate_disentanglement(model, data, num_examples="9")
    with pytest.raises(ValueError, match="`model` must be a model of vae_zoo"):
        disentanglement.evaluate_disentanglement("vae", data)
    with pytest.raises(ValueError, match="`codes` must be an array of numbers"):
        score("codes", factors)
