import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from tests.laws.test_linear_vae import linear_vae, moments
from vae_zoo import GaussianMixtureVAE, HypersphericalVAE
from vae_zoo.components import likelihoods, networks, posteriors, priors, products
from vae_zoo.evaluation import annealed, latent_target


@pytest.fixture(scope="module")
def linear():
    """A linear VAE whose q(z|x) misses p(z|x) by a little, and its exact marginal."""
    keras.utils.set_random_seed(0)
    model = linear_vae(5, 2, likelihoods.Normal(0.8))
    mean, covariance, w, scale = moments(model)
    precision = np.eye(2) + w @ w.T / scale**2
    head = model.posterior_head
    for projection in (head.raw_diagonal, head.below_diagonal):
        projection.dense.kernel.assign(0 * projection.dense.kernel)
    head.loc.dense.kernel.assign((np.linalg.inv(precision) @ w / scale**2).T * 0.8)
    return model, multivariate_normal(mean, covariance)


def test_annealing_is_exact_on_a_linear_vae(linear):
    model, marginal = linear
    x = marginal.rvs(10, random_state=0).astype("float32")
    key = tf.constant([1, 2])
    score = tf.function(annealed.log_likelihood, autograph=False)
    # The chains are independent: many examples alike are many weights.
    copies = np.repeat(x, 800, axis=0)
    found = score(model, copies, 30, 1, 0.0, key)[0].numpy().reshape(10, 800)
    weights = np.exp(found - marginal.logpdf(x)[:, None])
    error = weights.std(axis=1, ddof=1) / np.sqrt(800)
    assert (error < 0.05).all()
    assert (np.abs(weights.mean(axis=1) - 1) < 4 * error).all()
    # Of all together: a chain at the density of a step before is off by three percent.
    total_error = np.sqrt(np.mean(error**2) / 10)
    assert abs(weights.mean() - 1) < 4 * total_error < 0.02
    # Far less spread than importance weights have.
    plain = model.log_marginal_likelihood(copies, 1, seed=1).numpy().reshape(10, 800)
    assert found.std(axis=1).mean() < 0.5 * plain.std(axis=1).mean()
    assert (found.mean(axis=1) > plain.mean(axis=1)).all()


@pytest.mark.parametrize("num_steps", [2, 10])
def test_chains_of_both_origins_are_unbiased_together(linear, num_steps):
    # q is off, so that chains from the prior matter: steps that knew where their chain
    # started would put the mean weight five percent too high.
    model, marginal = linear
    x = marginal.rvs(1, random_state=3).astype("float32")[None]
    score = tf.function(annealed.log_likelihood, autograph=False)
    copies = np.repeat(x, 3000, axis=0)
    found, _ = score(model, copies, num_steps, 20, 0.5, tf.constant([1, 2]))
    weights = np.exp(found - marginal.logpdf(x))
    error = weights.std(ddof=1) / np.sqrt(3000)
    assert abs(weights.mean() - 1) < 4 * error < 0.02


def test_one_step_is_importance_sampling(linear):
    model, marginal = linear
    x = marginal.rvs(5, random_state=1).astype("float32")
    score = tf.function(annealed.log_likelihood, autograph=False)
    found, _ = score(model, x, 1, 4000, 0.5, tf.constant([1, 2]))
    assert_allclose(found, marginal.logpdf(x), atol=0.15)


def test_the_two_sides_enclose_log_p_of_x(linear):
    model, marginal = linear
    estimate = annealed.bidirectional(model, 400, 30)
    # E log p(x) over the model's own data is minus the marginal's entropy.
    exact = -marginal.entropy()
    for side in (estimate.lower, estimate.upper):
        assert side.num_examples == 400
        assert abs(side.mean - exact) < 4 * side.standard_error
    rough = annealed.bidirectional(model, 400, 1)
    assert abs(estimate.gap.mean) < 0.5 * rough.gap.mean


def test_a_data_set_is_scored_batch_by_batch(linear):
    model, marginal = linear
    x = marginal.rvs(30, random_state=2).astype("float32")
    data = tf.data.Dataset.from_tensor_slices(x).batch(10)
    found = annealed.annealed_marginal_likelihood(model, data, 10, num_chains=3)
    assert found.num_examples == 30
    exact = marginal.logpdf(x).mean()
    assert exact - 0.5 < found.mean < exact + 0.2


def numeric_log_likelihood(model, x, num_draws=200_000):
    """log p(x) by a plain mean over the prior, for very few latents."""
    p = model.likelihood(model.draw_prior([num_draws], tf.constant([5, 6])))
    return np.array([logsumexp(p.log_prob(row[None])) - np.log(num_draws) for row in x])


@pytest.mark.slow
@pytest.mark.parametrize(
    "make_model",
    [
        lambda: HypersphericalVAE(
            (4,),
            4,
            encoder=networks.MLP((8,)),
            posterior=products.ProductPosterior(
                [posteriors.PowerSpherical(), posteriors.VonMisesFisher()], (2, 2)
            ),
            prior=products.ProductPrior(
                [priors.SphericalUniform(), priors.SphericalUniform()], (2, 2)
            ),
            seed=0,
        ),
        lambda: GaussianMixtureVAE(
            (4,), 2, 3, noise_dim=2, encoder=networks.MLP((8,)), initialization=None
        ),
    ],
    ids=["spheres", "mixture"],
)
def test_every_space_has_the_right_value(make_model):
    keras.utils.set_random_seed(1)
    model = make_model()
    data = np.random.default_rng(0).random((300, 1)) < [0.3, 0.9, 0.6, 0.5]
    data[:, 3] = data[:, 0]
    model.compile(keras.optimizers.Adam(0.03), jit_compile=False)
    model.fit(data.astype("float32"), epochs=15, batch_size=30, verbose=0)
    x = np.array([[0, 1, 1, 0], [1, 1, 0, 1]], "float32")
    score = tf.function(annealed.log_likelihood, autograph=False)
    found, variances = score(model, x, 20, 50, 0.5, tf.constant([1, 2]))
    errors = np.sqrt(variances)
    assert (errors < 0.15).all()
    assert (np.abs(found - numeric_log_likelihood(model, x)) < 4 * errors + 0.005).all()


def test_states_have_the_density_that_a_change_of_variables_gives():
    model = HypersphericalVAE((4,), 3, encoder=networks.MLP((8,)), seed=0)
    x = np.array([[0, 1, 1, 0]], "float32")
    target = latent_target.LatentTarget(model, x, 10, 0.3, tf.constant([1, 2]))
    # The density of starts integrates to 1: compare with a normal that covers them.
    normal = multivariate_normal(np.zeros(3), 4 * np.eye(3))
    states = normal.rvs(200_000, random_state=0).astype("float32")
    log_r = target.log_start(states[:, None]).numpy()[:, 0]
    weights = np.exp(log_r - normal.logpdf(states))
    error = weights.std() / np.sqrt(len(weights))
    assert abs(weights.mean() - 1) < 5 * error < 0.1
    u = model.posterior(x).sample(5, seed=1)
    assert_allclose(target.latents(target.whiten(u, tf.constant([3, 4]))), u, atol=1e-5)


def test_numbers_below_one_are_named(linear):
    model, _ = linear
    data = tf.data.Dataset.from_tensors(np.zeros((1, 5), "float32"))
    with pytest.raises(ValueError, match="`num_steps` must be an integer >= 1"):
        annealed.annealed_marginal_likelihood(model, data, 0)
    with pytest.raises(ValueError, match="`num_examples` must be an integer >= 1"):
        annealed.bidirectional(model, 0, 10)
