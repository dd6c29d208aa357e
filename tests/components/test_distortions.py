import keras
import numpy as np
import pytest
import scipy.interpolate
import scipy.ndimage
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from vae_zoo import VAE
from vae_zoo.components import distortions, networks
from vae_zoo.distributions.noise import fold_in


def distorted(**amounts):
    layer = distortions.Distorted(networks.MLP((4,)), seed=1, **amounts)
    layer.build((None, 9, 12, 2))
    return layer


def images(count=5):
    smooth = np.random.default_rng(0).random((count, 9, 12, 2))
    return scipy.ndimage.gaussian_filter(smooth, (0, 1, 1, 0)).astype("float32")


def test_without_an_amount_nothing_changes():
    assert_allclose(distorted().distort(images(), [1, 2]), images(), atol=1e-6)


def test_each_image_is_mapped_as_its_matrix_says():
    layer = distorted(rotation=40.0, shear=0.5, zoom=0.3, translation=0.2)
    x, seed = images(), tf.constant([3, 4])
    matrices, shifts = layer._maps(len(x), seed)
    centre = np.array([4.0, 5.5])
    found = layer.distort(x, seed).numpy()
    for index, (matrix, shift) in enumerate(
        zip(matrices.numpy(), shifts.numpy(), strict=True)
    ):
        offset = centre - matrix @ centre + shift * [9, 12]
        for channel in range(2):
            expected = scipy.ndimage.affine_transform(
                x[index, ..., channel].astype(float), matrix, offset, order=1
            )
            # SciPy fades out within a pixel of the border, where we are 0.
            inside = found[index, ..., channel] != 0
            assert inside.mean() > 0.4
            difference = (found[index, ..., channel] - expected)[inside]
            assert_allclose(difference, 0, atol=1e-4)


@pytest.mark.parametrize(
    ("amounts", "invariant"),
    [
        ({"rotation": 30.0}, lambda m: m @ np.swapaxes(m, 1, 2) - np.eye(2)),
        ({"zoom": 0.5}, lambda m: m * [[0, 1], [1, 0]]),
        ({"shear": 0.5}, lambda m: m * [[1, 1], [0, 1]] - np.eye(2)),
        ({"translation": 0.5}, lambda m: m - np.eye(2)),
    ],
)
def test_amounts_are_uniform_up_to_the_largest(amounts, invariant):
    layer = distorted(**amounts)
    matrices, shifts = (part.numpy() for part in layer._maps(4000, [1, 2]))
    assert_allclose(invariant(matrices), np.zeros_like(matrices), atol=1e-5)
    ((name, largest),) = amounts.items()
    drawn = {
        "rotation": lambda: np.degrees(np.arcsin(matrices[:, 1, 0])),
        "zoom": lambda: np.log(matrices[:, 0, 0]),
        "shear": lambda: matrices[:, 1, 0],
        "translation": lambda: shifts[:, 1],
    }[name]()
    assert np.abs(drawn).max() <= largest * (1 + 1e-5)
    error = largest / np.sqrt(3 * 4000)
    assert abs(drawn.mean()) < 5 * error
    assert abs(drawn.var() - largest**2 / 3) < 5 * largest**2 * 0.3 / 4000**0.5


def test_elastic_shifts_are_a_spline_of_independent_knots():
    layer = distorted(elastic=0.1)
    bends = layer._bends((9, 12), 4000, tf.constant([1, 2])).numpy()
    bends = bends.reshape(4000, 9, 12, 2)
    assert 0.05 < np.abs(bends).max() <= 0.1
    # The middle pixel lies on a knot, where the three nearest count 1/6, 2/3, 1/6.
    variance = 0.1**2 / 3 * (1 / 36 + 4 / 9 + 1 / 36) ** 2
    middle = bends[:, 4].reshape(-1, 12, 2)
    for column in (5, 6):
        # Half a pixel from the knot: SciPy's spline through unit coefficients.
        place = (column + 0.5) / 12 * 4
        weights = [
            scipy.interpolate.BSpline.basis_element(np.arange(5) + k - 3.0, False)(
                place
            )
            for k in range(7)
        ]
        expected = variance / 0.5 * np.nansum(np.square(weights))
        found = middle[:, column].var(axis=0)
        assert_allclose(found, expected, rtol=5 * np.sqrt(2 / 4000))
    assert abs(np.corrcoef(middle[:, 5].T)[0, 1]) < 5 / np.sqrt(4000)
    # Smooth: a pixel and the next one move alike.
    assert np.corrcoef(bends[:, 4, 5, 0], bends[:, 4, 6, 0])[0, 1] > 0.9


def test_images_bend_as_the_shifts_say():
    layer = distorted(elastic=0.1, rotation=20.0)
    x, seed = images(), tf.constant([3, 4])
    bends = layer._bends((9, 12), len(x), fold_in(seed, 0)).numpy()
    matrices, _ = layer._maps(len(x), seed)
    found = layer.distort(x, seed).numpy()
    centre = np.array([4.0, 5.5])
    grid = np.stack(np.meshgrid(np.arange(9), np.arange(12), indexing="ij"), -1)
    for index, matrix in enumerate(matrices.numpy()):
        bent = grid + bends[index].reshape(9, 12, 2) * [9, 12] - centre
        places = np.moveaxis(bent @ matrix.T + centre, -1, 0)
        expected = scipy.ndimage.map_coordinates(x[index, ..., 0], places, order=1)
        inside = found[index, ..., 0] != 0
        assert inside.mean() > 0.4
        assert_allclose((found[index, ..., 0] - expected)[inside], 0, atol=1e-4)


def test_distorted_in_training_alone_and_reconstructed_as_it_was():
    keras.utils.set_random_seed(0)
    layer = distorted(rotation=30.0)
    x = images()
    assert_array_equal(layer(x), layer(x))
    assert_array_equal(layer(x), layer.network(x))
    assert np.abs(layer(x, training=True) - layer(x)).max() > 0
    assert np.abs(layer(x, training=True) - layer(x, training=True)).max() > 0
    model = VAE((9, 12, 2), 2, encoder=distorted(rotation=30.0), seed=1)
    # The bound is of the undistorted images.
    assert_array_equal(model.elbo(x, seed=1), model.elbo(x, seed=1))
    outputs = model(x, training=True)
    again = model.likelihood(model.encode(x)).log_prob(x)
    assert outputs["log_likelihood"].shape == again.shape
    assert model._resolve_auto_jit_compile()


@pytest.mark.parametrize("amount", [-1, np.nan, np.inf, "25", None, True])
def test_amounts_must_be_numbers(amount):
    with pytest.raises(
        ValueError, match="`shear` must be a finite number >= 0.*shear="
    ):
        distorted(shear=amount)


def test_bad_arguments_are_named():
    for network in (networks.MLP, "mlp", None, len):
        with pytest.raises(ValueError, match="`network` must be a Keras layer"):
            distortions.Distorted(network)
    with pytest.raises(ValueError, match="`seed` must be an integer or None.*'1'"):
        distortions.Distorted(networks.MLP((4,)), seed="1")
    with pytest.raises(ValueError, match="`input_shape` must be that of images"):
        distortions.Distorted(networks.MLP((4,))).build((None, 9))
