import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm

from tests.components.test_geometry import two_spheres
from tests.small_mixtures import bent
from vae_zoo import VAE, HypersphericalVAE
from vae_zoo.distributions import SphericalUniform
from vae_zoo.runs.latent_pictures import manifold_latents


def test_neighbours_on_the_plane_have_equal_probability_between_them():
    latents = manifold_latents(VAE((4,), 2), 5).numpy()
    assert latents.shape == (5, 5, 2)
    shares = norm.cdf(latents)
    # As in Kingma & Welling: the inverse CDF of equal shares. The second element
    # goes upwards, as axes do, and rows are counted downwards.
    middles = [0.1, 0.3, 0.5, 0.7, 0.9]
    assert_allclose(shares[..., 0], [middles] * 5, rtol=1e-5)
    assert_allclose(shares[..., 1], np.transpose([middles[::-1]] * 5), rtol=1e-5)


def test_the_grid_of_a_mixture_follows_its_draws():
    model = bent()
    latents = manifold_latents(model, 4).numpy()
    draws = model.prior().sample(20_000, seed=(3, 4)).numpy()
    for element, values in enumerate((latents[0, :, 0], latents[::-1, 0, 1])):
        counts, _ = np.histogram(draws[:, element], [-np.inf, *values, np.inf])
        # 2% of 20000 draws are more than five standard errors.
        expected = np.array([1, 2, 2, 2, 1]) / 8
        assert_allclose(counts / 20_000, expected, atol=0.02)


def test_the_circle_is_one_row_of_equal_arcs():
    latents = manifold_latents(HypersphericalVAE((4,), 2), 8).numpy()
    assert latents.shape == (1, 8, 2)
    angles = np.unwrap(np.arctan2(latents[0, :, 1], latents[0, :, 0]))
    assert_allclose(np.diff(angles), 2 * np.pi / 8, rtol=1e-5)
    assert_allclose(np.linalg.norm(latents, axis=-1), 1, rtol=1e-6)


def test_each_cell_of_the_sphere_has_the_same_area():
    latents = manifold_latents(HypersphericalVAE((4,), 3), 4).numpy()
    assert latents.shape == (4, 8, 3)
    assert_allclose(np.linalg.norm(latents, axis=-1), 1, rtol=1e-6)
    # Archimedes: the height of a uniform point is uniform. North is on top.
    assert_allclose(latents[:, 0, 2], [0.75, 0.25, -0.25, -0.75], atol=1e-6)
    longitudes = np.arctan2(latents[..., 1], latents[..., 0])
    expected = [(np.arange(8) + 0.5) * np.pi / 4 - np.pi] * 4
    assert_allclose(longitudes, expected, rtol=1e-5)
    # And so are the draws in the cells around these points.
    draws = SphericalUniform(3).sample(40_000, seed=(1, 2)).numpy()
    row = np.abs(draws[:, 2, None] - latents[:, 0, 2]).argmin(axis=1)
    around = np.arctan2(draws[:, 1], draws[:, 0])
    column = np.abs(around[:, None] - longitudes[0]).argmin(axis=1)
    counts = np.bincount(8 * row + column, minlength=32)
    assert_allclose(counts, 40_000 / 32, atol=5 * np.sqrt(40_000 / 32))


@pytest.mark.parametrize(
    ("make", "received"),
    [
        (lambda: VAE((4,), 20), r"R\^D, latent_dim=20"),
        (lambda: VAE((4,), 1), r"R\^D, latent_dim=1"),
        (lambda: HypersphericalVAE((4,), 4), "the unit sphere, latent_dim=4"),
        (two_spheres, r"the unit sphere \(D=2\) x .*, latent_dim=5"),
    ],
)
def test_other_spaces_have_no_picture(make, received):
    message = f"`model` must have latents on a plane, .*Received: .*{received}"
    with pytest.raises(ValueError, match=message):
        manifold_latents(make(), 5)


def test_no_steps_make_no_grid():
    with pytest.raises(ValueError, match="`num_steps` must be an integer >= 1.*Rec"):
        manifold_latents(VAE((4,), 2), 0)
