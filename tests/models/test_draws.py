"""`sample(draw=True)`: draws of x from p(x|z), where `sample` alone gives means."""

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_array_equal

from tests import zoo_of_models
from vae_zoo import VAE, cli
from vae_zoo.components import likelihoods, networks

SEED, SEEDS = (3, 4), np.array([[1, 2], [3, 4], [-5, 6]], np.int32)


@pytest.fixture(scope="module")
def models():
    """Family -> a model whose decoder is far from constant."""
    families = (
        likelihoods.Bernoulli(),
        likelihoods.ContinuousBernoulli(),
        likelihoods.Normal(0.3),
        likelihoods.Normal(per_element=True),
    )
    made = [
        VAE((4, 2, 1), 2, encoder=networks.MLP((6,)), likelihood=family, seed=1)
        for family in families
    ]
    for model in made:
        for weight in model.weights:
            weight.assign(2 * tf.random.stateless_normal(weight.shape, SEED))
    return dict(zip(("binary", "grey", "fixed", "normal"), made, strict=True))


def test_the_means_are_what_they_were(models):
    for model in models.values():
        z = model.prior().sample(5, seed=SEED)
        assert_array_equal(model.sample(5, seed=SEED), model.decode(z))
        assert_array_equal(model.sample(5, seed=SEED, draw=False), model.decode(z))


def test_draws_have_the_distribution_of_x_given_the_z_of_the_means(models):
    count = 4000
    rows = np.stack([np.arange(count), np.zeros(count)], 1).astype(np.int32)
    for model in models.values():
        # One z; many draws of x given it, each with a seed of its own.
        z = model.prior().sample(1, seed=SEED)
        p = model.likelihood(z)
        x = model.draw_x(tf.repeat(z, count, axis=0), rows).numpy().astype("float64")
        error = np.sqrt(p.variance()[0] / count)
        assert (np.abs(x.mean(0) - p.mean()[0]) < 5 * error + 1e-5).all()
        one = model.sample(1, seed=SEED, draw=True)
        assert_array_equal(one, model.draw_x(z, np.array(SEED)))


def test_binary_data_are_drawn_as_zeros_and_ones(models):
    x = models["binary"].sample(200, seed=1, draw=True).numpy()
    assert set(np.unique(x)) == {0.0, 1.0}
    means = models["binary"].sample(200, seed=1).numpy()
    assert ((means > 0) & (means < 1)).any()
    # A pixel is 1 as often as its mean says.
    error = np.sqrt((means * (1 - means)).sum()) / means.size
    assert abs(x.mean() - means.mean()) < 5 * error


def test_a_draw_depends_on_its_own_seed_row_alone(models):
    for model in models.values():
        together = model.sample(3, SEEDS, draw=True).numpy()
        for row in (0, 2):
            alone = model.sample(1, SEEDS[row : row + 1], draw=True).numpy()[0]
            np.testing.assert_allclose(together[row], alone, atol=1e-5)
            one = model.sample(1, SEEDS[row], draw=True).numpy()[0]
            np.testing.assert_allclose(together[row], one, atol=1e-5)


def test_the_noise_of_x_is_not_that_of_z():
    # A likelihood whose mean is 0 shows the noise alone; with one part in common with
    # z's noise the two would go together.
    of_zoo = zoo_of_models.mixture_prior_vae().prior_layer
    prior = type(of_zoo).from_config(of_zoo.get_config())
    model = VAE((3,), 3, prior=prior, likelihood=likelihoods.Normal(1.0))
    for weight in model.decoder.weights + model.likelihood_head.weights:
        weight.assign(tf.zeros_like(weight))
    seeds = np.random.default_rng(0).integers(0, 2**31 - 1, (4000, 2), np.int32)
    x = model.sample(4000, seeds, draw=True).numpy()
    z = model.prior().sample(4000, seed=seeds).numpy()
    together = np.corrcoef(x.T, z.T)[:3, 3:]
    assert np.abs(together).max() < 5 / 4000**0.5


def test_all_ways_of_running_draw_the_same(models):
    for name, model in models.items():
        expected = model.sample(3, SEEDS, draw=True)
        for jit_compile in (False, True):
            call = tf.function(
                lambda model=model: model.sample(3, SEEDS, draw=True),
                jit_compile=jit_compile,
            )
            received = call()
            np.testing.assert_allclose(
                received, expected, rtol=2e-4, atol=2e-4, err_msg=name
            )


@pytest.mark.parametrize("draw", [None, "yes", 1])
def test_what_is_no_answer_is_refused(models, draw):
    with pytest.raises(ValueError, match="`draw` must be True or False"):
        models["binary"].sample(2, draw=draw)


@pytest.mark.parametrize(
    "seed",
    [
        [[1, 2]],
        [1, 2, 3],
        [[1], [2], [3]],
        [[1, 2], [3]],
        [0.5, 1.0],
        np.zeros((3, 2)),
        "seed",
        1.5,
        float("nan"),
        True,
        {},
    ],
)
def test_a_seed_of_another_kind_is_refused(models, seed):
    message = r"`seed` must be None, an integer, or int32 of shape \[2\] or \[3, 2\]"
    with pytest.raises(ValueError, match=message):
        models["binary"].sample(3, seed)


@pytest.mark.parametrize(
    "seed",
    [3, np.int64(3), [3, 4], (3, 4), np.array([3, 4]), tf.constant([3, 4]), SEEDS],
)
def test_a_seed_may_be_of_any_integers(models, seed):
    again = models["binary"].sample(3, seed)
    assert_array_equal(models["binary"].sample(3, seed), again)


def test_the_command_draws_where_it_is_told_to(tmp_path):
    model = VAE.from_preset("vae_digits")
    words = ["sample", "vae_digits", "--num-samples", "3", "--seed", "5"]
    for name, options in (("means", []), ("draws", ["--draw"])):
        output = tmp_path / f"{name}.npy"
        assert cli.main([*words, *options, "--output", str(output)]) == 0
        expected = model.sample(3, seed=5, draw=name == "draws")
        assert_array_equal(np.load(output), expected)
    assert set(np.unique(np.load(tmp_path / "draws.npy"))) == {0.0, 1.0}
