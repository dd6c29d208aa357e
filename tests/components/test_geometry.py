import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from vae_zoo import VAE, HypersphericalVAE
from vae_zoo.components import posteriors, priors, products
from vae_zoo.components.geometry import EUCLIDEAN, SPHERE, unit_length
from vae_zoo.components.product_geometry import Product

RNG = np.random.default_rng(0)


def unit_vectors(count, dim):
    vectors = RNG.normal(size=(count, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("float32")


@pytest.mark.parametrize("dim", [2, 3, 11])
def test_the_arc_is_even_on_the_sphere_and_the_shortest(dim):
    start, end = unit_vectors(5, dim), unit_vectors(5, dim)
    path = SPHERE.interpolate(start, end, 9).numpy()
    assert path.shape == (9, 5, dim)
    assert_allclose(np.linalg.norm(path, axis=-1), 1, rtol=1e-5)
    assert_allclose(path[0], start, atol=1e-6)
    assert_allclose(path[-1], end, atol=1e-6)
    steps = np.arccos(np.sum(path[1:] * path[:-1], axis=-1).astype("float64"))
    total = np.arccos(np.sum(start * end, axis=-1).astype("float64"))
    # Eight equal steps that add up to the angle between the ends.
    assert_allclose(
        steps, np.broadcast_to(total / 8, steps.shape), rtol=1e-3, atol=1e-3
    )


def test_the_arc_between_equal_and_opposite_points():
    z = unit_vectors(4, 3)
    assert_allclose(SPHERE.interpolate(z, z, 3), np.stack([z, z, z]), atol=1e-6)
    path = SPHERE.interpolate(z, -z, 3).numpy()
    assert_allclose(np.linalg.norm(path, axis=-1), 1, rtol=1e-5)
    assert_allclose(np.sum(path[1] * z, axis=-1), 0, atol=1e-6)
    assert_allclose(path[2], -z, atol=1e-6)
    # Near points keep their relative precision.
    near = unit_length(z + 1e-3 * unit_vectors(4, 3)).numpy()
    middle = SPHERE.interpolate(z, near, 3)[1]
    assert_allclose(middle, unit_length(z + near), atol=2e-7)


@pytest.mark.parametrize("dim", [2, 3, 11])
def test_a_traversal_goes_from_pole_to_pole_through_z(dim):
    z, axis = unit_vectors(4, dim), dim - 1
    path = SPHERE.traverse(z, axis, 301).numpy()
    assert_allclose(np.linalg.norm(path, axis=-1), 1, rtol=1e-5)
    pole = np.eye(dim)[axis]
    assert_allclose(path[0], np.broadcast_to(-pole, z.shape), atol=1e-6)
    assert_allclose(path[-1], np.broadcast_to(pole, z.shape), atol=1e-6)
    # Somewhere it is within half a step of z.
    distance = np.linalg.norm(path - z, axis=-1).min(axis=0)
    assert (distance < np.pi / 300 / 2 + 1e-4).all()


def test_straight_lines_and_single_elements():
    start, end = RNG.normal(size=(2, 3, 4)).astype("float32")
    path = EUCLIDEAN.interpolate(start, end, 3)
    assert_allclose(path, np.stack([start, (start + end) / 2, end]), rtol=1e-5)
    path = EUCLIDEAN.traverse(start, 1, 7).numpy()
    assert_allclose(path[:, 0, 1], np.arange(-3, 4), atol=1e-6)
    assert_allclose(np.delete(path, 1, axis=-1), np.delete([start] * 7, 1, axis=-1))


def test_unit_length_has_a_direction_and_a_finite_derivative_for_every_vector():
    scales = np.array([0, 1e-40, 1e-30, 1e-3, 1, 1e30, 3e38], "float32")[:, None]
    vectors = tf.constant(scales * np.array([[0.5, -1, 0.25]], "float32"))
    with tf.GradientTape() as tape:
        tape.watch(vectors)
        units = unit_length(vectors)
        total = tf.reduce_sum(units[:, 0])
    assert_allclose(np.linalg.norm(units, axis=-1), 1, rtol=1e-6)
    assert_allclose(units[3:], np.broadcast_to(units[4], (4, 3)), rtol=1e-6)
    slope = tape.gradient(total, vectors)
    assert np.isfinite(slope).all()
    length = np.linalg.norm([0.5, -1, 0.25])
    expected = (np.eye(3)[0] - units[4, 0] * units[4]) / length
    assert_allclose(slope[4], expected, rtol=1e-5)


def test_a_posterior_and_a_prior_on_different_spaces_are_refused():
    with pytest.raises(ValueError, match="same space.*VonMisesFisher.*StandardNormal"):
        VAE((4,), 3, posterior=posteriors.VonMisesFisher())
    with pytest.raises(
        ValueError, match="same space.*DiagonalNormal.*SphericalUniform"
    ):
        VAE((4,), 3, prior=priors.SphericalUniform())
    with pytest.raises(ValueError, match="`prior` must be a distribution on the unit"):
        HypersphericalVAE((4,), 3, prior=priors.StandardNormal())
    with pytest.raises(ValueError, match="same space.*DiagonalNormal"):
        HypersphericalVAE((4,), 3, posterior=posteriors.DiagonalNormal())


def two_spheres(**options):
    made = {
        "posterior": [posteriors.VonMisesFisher(), posteriors.PowerSpherical()],
        "prior": [priors.SphericalUniform(), priors.SphericalUniform()],
        **options,
    }
    return HypersphericalVAE(
        (4,),
        5,
        posterior=products.ProductPosterior(made["posterior"], (2, 3)),
        prior=products.ProductPrior(made["prior"], (2, 3)),
    )


def test_paths_on_a_product_stay_on_its_parts():
    model = two_spheres()
    assert model.geometry.name == "the unit sphere (D=2) x the unit sphere (D=3)"
    start, end = (
        np.concatenate([unit_vectors(4, 2), unit_vectors(4, 3)], axis=1)
        for _ in range(2)
    )
    for path in (model.interpolate(start, end, 6), model.traverse(start, 3, 6)):
        assert_allclose(np.linalg.norm(path[..., :2], axis=-1), 1, rtol=1e-5)
        assert_allclose(np.linalg.norm(path[..., 2:], axis=-1), 1, rtol=1e-5)
    # Dimension 3 is the second of the second part; the first part stays.
    assert_allclose(path[..., :2], np.stack([start[:, :2]] * 6))
    assert_allclose(path[-1, :, 2:], np.eye(3)[[1] * 4], atol=1e-6)


def test_a_product_is_the_sum_of_its_parts():
    model, x = two_spheres(), np.ones((3, 4), "float32")
    q, p = model.posterior(x), model.prior()
    z = q.sample(seed=(1, 2))
    parts = list(
        zip(q.distributions, p.distributions, (z[:, :2], z[:, 2:]), strict=True)
    )
    assert_allclose(q.log_prob(z), sum(a.log_prob(v) for a, _, v in parts), rtol=1e-5)
    assert_allclose(p.log_prob(z), sum(b.log_prob(v) for _, b, v in parts), rtol=1e-5)
    expected = sum(a.kl_divergence(b) for a, b, _ in parts)
    assert_allclose(q.kl_divergence(p), expected, rtol=1e-5)
    directions = [a.mean_direction for a, _, _ in parts]
    assert_allclose(model.encode(x), np.concatenate(directions, axis=1), rtol=1e-6)


@pytest.mark.parametrize(
    ("factors", "sizes", "message"),
    [
        (2, (3,), "one length for each.*2 factors"),
        (0, (), "one length for each"),
        (2, (-1, 4), "`sizes` must be a sequence of positive integers"),
        (2, (1.5, 2), "`sizes` must be a sequence of positive integers"),
    ],
)
def test_bad_products(factors, sizes, message):
    made = (posteriors.VonMisesFisher() for _ in range(factors))
    with pytest.raises(ValueError, match=message):
        products.ProductPosterior(made, sizes)
    made = [priors.SphericalUniform() for _ in range(factors)]
    with pytest.raises(ValueError, match=message):
        products.ProductPrior(made, sizes)


def test_products_that_do_not_fit_their_model():
    same = posteriors.VonMisesFisher()
    with pytest.raises(ValueError, match="`factors` must be as many objects"):
        two_spheres(posterior=[same, same])
    with pytest.raises(ValueError, match="same space.*R.D.*the unit sphere"):
        two_spheres(posterior=[posteriors.DiagonalNormal(), same])
    made = [posteriors.VonMisesFisher() for _ in range(2)]
    with pytest.raises(ValueError, match="`sizes` must add up to latent_dim=6.*2, 3"):
        products.ProductPosterior(made, (2, 3)).build((None, 8), (6,))


def test_bad_paths_are_refused():
    model = HypersphericalVAE((4,), 3)
    z = unit_vectors(2, 3)
    with pytest.raises(
        ValueError, match="`num_steps` must be an integer >= 2.*num_steps=1"
    ):
        model.interpolate(z, z, 1)
    with pytest.raises(ValueError, match=r"`end` must have shape \[B, 3\]"):
        model.interpolate(z, z[:, :2], 5)
    with pytest.raises(ValueError, match=r"`dimension` must lie in 0..2.*dimension=3"):
        model.traverse(z, 3, 5)


def test_a_product_has_no_clusters():
    factors = [priors.StandardNormal(), priors.MixtureOfNormals(3)]
    with pytest.raises(ValueError, match="`factors` must not be mixtures"):
        products.ProductPrior(factors, sizes=(1, 2))


@pytest.mark.parametrize("dim", [2, 3, 7])
def test_a_move_on_the_sphere_is_a_rotation_of_all_of_it(dim):
    start, end = unit_vectors(1, dim)[0], unit_vectors(1, dim)[0]
    z = unit_vectors(20, dim)
    moved = SPHERE.move(z, start, end, np.ones(1, "float32")).numpy()
    assert_allclose(SPHERE.move(start, start, end, np.ones(())), end, atol=1e-6)
    # Angles among the points stay, and what is orthogonal to both ends stays put.
    assert_allclose(moved @ moved.T, z @ z.T, atol=1e-5)
    basis, _ = np.linalg.qr(np.stack([start, end], axis=1))
    plane = basis @ basis.T
    assert_allclose(z - z @ plane, moved - moved @ plane, atol=1e-5)
    # Two halves are a whole, and there and back is nothing.
    half = np.full(1, 0.5, "float32")
    twice = SPHERE.move(SPHERE.move(z, start, end, half), start, end, half)
    assert_allclose(twice, moved, atol=1e-5)
    assert_allclose(SPHERE.move(moved, end, start, 2 * half), z, atol=1e-5)


def test_means_and_moves_in_every_space():
    z = RNG.normal(size=(6, 5)).astype("float32")
    assert_allclose(EUCLIDEAN.mean(z), z.mean(axis=0), rtol=1e-5)
    amount = np.full(1, 2.0, "float32")
    assert_allclose(
        EUCLIDEAN.move(z, z[0], z[1], amount), z + 2 * (z[1] - z[0]), rtol=1e-5
    )
    # Of vectors of any length the directions count.
    directions = z / np.linalg.norm(z, axis=1, keepdims=True)
    expected = directions.sum(axis=0) / np.linalg.norm(directions.sum(axis=0))
    assert_allclose(SPHERE.mean(z), expected, rtol=1e-5)
    space = Product((SPHERE, EUCLIDEAN), (2, 3))
    expected = np.concatenate([SPHERE.mean(z[:, :2]), EUCLIDEAN.mean(z[:, 2:])])
    assert_allclose(space.mean(z), expected, rtol=1e-6)
    moved = space.move(z, z[0], z[1], amount)
    own = [SPHERE.move(z[:, :2], z[0, :2], z[1, :2], amount)]
    own.append(EUCLIDEAN.move(z[:, 2:], z[0, 2:], z[1, 2:], amount))
    assert_allclose(moved, np.concatenate(own, axis=1), rtol=1e-6)
