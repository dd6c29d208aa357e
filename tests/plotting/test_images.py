import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.plotting.drawn import drawn, pictures, texts
from vae_zoo import plotting
from vae_zoo.plotting.shades import MISSING

RNG = np.random.default_rng(0)


def images(*shape):
    return RNG.random(shape).astype("float32")


@pytest.mark.parametrize("count", [1, 3, 8, 13])
def test_samples_are_shown_in_rows_as_they_are(count):
    x = images(count, 6, 5, 1)
    figure = drawn(plotting.samples(x))
    assert len(figure.axes) == 8 * -(-count // 8) if count > 8 else count
    shown = pictures(figure)
    assert len(shown) == count
    for picture, image in zip(shown, x, strict=True):
        assert_array_equal(picture, image[..., 0])


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((7,), lambda x: x[None]),
        ((7, 1, 1), lambda x: x[..., 0].T),
        ((4, 7), lambda x: x),
        ((4, 7, 3), lambda x: x),
        ((4, 7, 2), lambda x: x.mean(axis=-1)),
        ((1, 7, 1), lambda x: x[..., 0]),
    ],
)
def test_an_example_of_any_shape_is_a_picture(shape, expected):
    x = images(2, *shape)
    shown = pictures(drawn(plotting.samples(x)))
    assert_allclose(shown, [expected(each) for each in x], rtol=1e-6)


def test_few_images_are_large_but_a_column_is_no_longer_than_a_row():
    def inches(rows, columns):
        figure = plotting.clusters(images(rows, columns, 4, 4))
        return figure.axes[0].get_position().height * figure.get_figheight()

    assert 0.6 < inches(10, 10) < 0.71
    assert 1.8 < inches(1, 1) < 2.01
    assert 0.9 < inches(2, 1) < 1.01
    assert 0.6 < inches(6, 1) < 0.71


def test_values_off_the_grey_scale_are_its_ends():
    image = np.array([[[-1.0, 0.5], [0.0, 3.0]]])
    (shown,) = pictures(plotting.samples(image, limits=(0, 1)))
    assert_array_equal(shown, [[0, 0.5], [0, 1]])


def test_an_image_without_black_and_white_has_its_own_greys():
    image = np.array([[[0.25, 0.5], [0.75, 0.5]]])
    (axis,) = drawn(plotting.samples(image)).axes
    (shown,) = axis.images
    assert_allclose(shown.to_rgba(image[0])[..., 0], image[0], atol=1 / 255)


def test_values_that_are_no_grey_scale_make_their_own():
    # By default from the smallest to the largest value, and the picture says so.
    image = np.array([[[-1.0, 0.5], [0.0, 3.0]]])
    figure = drawn(plotting.samples(image))
    assert_allclose(pictures(figure)[0], [[0, 0.375], [0.25, 1]])
    assert texts(figure) == {"black -1, white 3"}
    figure = drawn(plotting.samples(image, limits=(-3, 5)))
    assert_allclose(pictures(figure)[0], [[0.25, 0.4375], [0.375, 0.75]])
    # One for all the rows, by which they can be compared.
    x = images(2, 4, 4, 1)
    for figure in (
        plotting.reconstructions(x, 2 * x - 1),
        plotting.imputations(x, x > 0.5, (2 * x - 1)[None]),
        plotting.manifold((2 * x - 1)[:, None]),
        plotting.clusters((2 * x - 1)[:, None]),
        plotting.traversals((2 * x - 1)[:, None], ["a", "b"]),
    ):
        (note,) = (text for text in texts(drawn(figure)) if "black -" in text)
        assert "white 0.9" in note


def test_columns_of_a_table_are_numbered_and_have_shades_of_their_own():
    table = np.array([[0.0, -50.0, 7.0], [4.0, 50.0, 7.0], [1.0, 0.0, 7.0]])
    limits = table.min(axis=0), table.max(axis=0)
    figure = drawn(plotting.samples(table, limits=limits))
    expected = [[[0, 0, 0]], [[1, 1, 0]], [[0.25, 0.5, 0]]]
    assert_allclose(pictures(figure), expected)
    note = "black to white: the range of each column or pixel in the data"
    assert texts(figure) == {"1", "2", "3", f"columns of an example; {note}"}
    many = drawn(plotting.reconstructions(images(2, 40), images(2, 40)))
    assert texts(many) == {"1", "40", "columns of an example", "data", "model"}


def test_what_is_no_number_has_a_colour_of_its_own():
    (shown,) = pictures(plotting.samples(np.array([[[0.0, np.nan], [np.inf, 1.0]]])))
    assert_array_equal(shown[0, 0], [0, 0, 0])
    assert_array_equal(shown[[0, 1], [1, 0]], [MISSING, MISSING])


def test_a_row_for_each_cluster_is_named():
    x = images(12, 4, 5, 5)
    figure = drawn(plotting.clusters(x))
    assert_array_equal(pictures(figure), x.reshape(48, 5, 5))
    assert texts(figure) == {f"cluster {index}" for index in range(12)}


def test_reconstructions_are_below_their_originals():
    x, y = images(2, 9, 4, 4, 3)
    figure = drawn(plotting.reconstructions(x, y))
    assert_array_equal(pictures(figure), np.concatenate([x, y]))
    assert texts(figure) == {"data", "model"}


@pytest.mark.parametrize("count", [1, 10])
def test_traversals_say_which_latent_and_where_it_goes(count):
    x = images(count, 5, 6, 6)
    names = [f"latent {index}: {index / 3:.2f} nats" for index in range(count)]
    figure = drawn(plotting.traversals(x, names))
    assert_array_equal(pictures(figure), x.reshape(-1, 6, 6))
    assert {axis.get_ylabel() for axis in figure.axes} - {""} == set(names)
    bottom = [axis.get_xlabel() for axis in figure.axes[-5:]]
    assert bottom == ["-3", "-1.5", "0", "1.5", "3"]
    assert "value of the latent" in texts(figure)
    sines = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 5))
    figure = drawn(plotting.traversals(x, names, sines))
    bottom = [axis.get_xlabel() for axis in figure.axes[-5:]]
    assert bottom == ["-1", "-0.71", "0", "0.71", "1"]


def test_the_manifold_is_one_picture_without_gaps():
    x = images(3, 5, 4, 6, 3)
    figure = drawn(plotting.manifold(x))
    (picture,) = pictures(figure)
    assert picture.shape == (12, 30, 3)
    for row in range(3):
        for column in range(5):
            tile = picture[4 * row : 4 * row + 4, 6 * column : 6 * column + 6]
            assert_array_equal(tile, x[row, column])
    (axis,) = figure.axes
    assert axis.get_xlabel() == "quantile of latent 1"
    assert axis.get_ylabel() == "quantile of latent 2"
    # A quantile is a share of probability, counted from the left and from below.
    assert axis.get_xlim() == (0, 1)
    assert axis.get_ylim() == (0, 1)


@pytest.mark.parametrize(
    "shape", [(1, 20, 8, 8, 1), (4, 4, 30), (1, 1, 9, 9), (1, 1, 7)]
)
def test_a_manifold_of_one_row_and_of_vectors(shape):
    axes = (("angle, degrees", -180, 180), ("", 0, 1))
    figure = drawn(plotting.manifold(images(*shape), axes))
    (axis,) = figure.axes
    assert axis.get_xlabel() == "angle, degrees"
    assert axis.get_xlim() == (-180, 180)
    assert bool(len(axis.get_yticks())) == (shape[0] > 1)


def test_what_is_missing_is_neither_black_nor_white():
    x, draws = images(3, 4, 4, 1), images(2, 3, 4, 4, 1)
    mask = np.ones_like(x)
    mask[:, 2:] = 0
    x[:, 3] = np.nan
    figure = drawn(plotting.imputations(x, mask, draws))
    shown = pictures(figure)
    assert len(shown) == 12
    data, observed, first, second = (shown[3 * row : 3 * row + 3] for row in range(4))
    assert_array_equal(first, draws[0, ..., 0])
    assert_array_equal(second, draws[1, ..., 0])
    for picture, image in zip(observed, x, strict=True):
        assert_allclose(picture[:2], np.repeat(image[:2], 3, axis=2), rtol=1e-6)
        assert len(np.unique(picture[2:].reshape(-1, 3), axis=0)) == 1
        assert np.ptp(picture[3, 0]) > 0.3
    # Also in the data, where there is nothing to show.
    for picture, image in zip(data, x, strict=True):
        assert_allclose(picture[:3], np.repeat(image[:3], 3, axis=2), rtol=1e-6)
        assert_array_equal(picture[3], observed[0][3])
    assert texts(figure) == {"data", "observed", "draw 1", "draw 2"}


def test_imputations_of_vectors_and_of_colours():
    for shape in ((6,), (4, 4, 3)):
        x = images(2, *shape)
        mask = np.ones_like(x)
        mask[:, 1, ...] = 0
        shown = pictures(drawn(plotting.imputations(x, mask, x[None])))
        assert [picture.shape[-1] for picture in shown[2:4]] == [3, 3]


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda x: plotting.samples(x[:0]), "`images` must have shape .N, .shape."),
        (lambda x: plotting.samples(x[0, 0, 0]), "`images` .*Received: shape .6,."),
        (lambda x: plotting.samples(x[None]), "Received: shape .1, 3, 2, 6, 6."),
        (
            lambda x: plotting.reconstructions(x, x[:2]),
            "`reconstructed` must have the shape of `originals`.*Received",
        ),
        (
            lambda x: plotting.traversals(x, ["one"]),
            "`names` must be 3, one for each row.*Received: 1",
        ),
        (
            lambda x: plotting.traversals(x, ["a"] * 3, [1, 2, 3]),
            "`values` must be 2, one for each column.*Received: 3",
        ),
        (
            lambda x: plotting.imputations(x, x[0], x[None]),
            "`mask` must have the shape of `originals`",
        ),
        (lambda x: plotting.samples(None), "`images` must be an array of numbers"),
        (lambda x: plotting.samples("digits"), "Received: images='digits'"),
        (lambda x: plotting.samples([[1, 2], [3]]), "`images` must be an array"),
        (lambda x: plotting.samples(x[0], 2.5), "`columns` must be an integer >= 1"),
        (lambda x: plotting.samples(x[0], limits="auto"), "`limits` must be None or"),
        (lambda x: plotting.samples(x[0], limits=(1, 0)), "`limits` must be None or"),
        (lambda x: plotting.rows(x, "abc"), "`names` must be texts.*'abc'"),
        (lambda x: plotting.traversals(x, None), "`names` must be texts.*None"),
        (lambda x: plotting.clusters(3), "`images` must have shape .K, N"),
        (lambda x: plotting.save(None, "a.png"), "`figure` must be a matplotlib"),
        (lambda x: plotting.save(plotting.rows(x, ["a", "b", "c"]), 3), "`path` must"),
        (lambda x: plotting.rate_distortion([1]), "`curves` must be a dict"),
        (lambda x: plotting.rate_distortion({"a": 1.0}), "'a' must be a pair"),
        (lambda x: plotting.training_curves("history.csv"), "`history` must be a list"),
        (lambda x: plotting.training_curves({"elbo": ["low"]}), "elbo=.'low'"),
        (lambda x: plotting.latent("z"), "`latents` must be an array of numbers"),
        (lambda x: plotting.latent([[np.nan, 1.0]]), "`latents` must be finite"),
        (lambda x: plotting.latent([[0.0, 1.0]], 1), "`labels` must be 1, one for"),
        (
            lambda x: plotting.latent([[0.0, 1.0]], [0], class_names=1),
            "`class_names` must be texts",
        ),
        (lambda x: plotting.latent([[0.0, 1.0]], on_sphere="no"), "`on_sphere` must"),
        (
            lambda x: plotting.imputations(x, x, x),
            "`completed` must have shape .R, 3, 2, 6, 6.",
        ),
    ],
)
def test_bad_input(draw, message):
    x = images(3, 2, 6, 6)
    with pytest.raises(ValueError, match=message):
        draw(x)
