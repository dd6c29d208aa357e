import itertools
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.plotting.drawn import drawn, texts
from vae_zoo import plotting

RNG = np.random.default_rng(0)


def points(figure):
    """The points of each class, in the order of the legend."""
    (axis,) = figure.axes
    return [np.asarray(group.get_offsets()) for group in axis.collections]


def directions(count, dim):
    z = RNG.normal(size=(count, dim))
    return z / np.linalg.norm(z, axis=1, keepdims=True)


def test_two_latents_are_shown_as_they_are():
    z, labels = RNG.normal(size=(50, 2)), np.arange(50) % 3
    figure = drawn(plotting.latent(z, labels))
    for label, shown in enumerate(points(figure)):
        assert_allclose(shown, z[labels == label])
    assert {"latent 1", "latent 2", "class", "0", "1", "2"} <= texts(figure)
    (shown,) = points(drawn(plotting.latent(z)))
    assert_allclose(shown, z)


def test_classes_have_their_names():
    z, labels = RNG.normal(size=(50, 2)), np.arange(50) % 3
    names = ("Latin", "Japanese (hiragana)", "Greek")
    figure = drawn(plotting.latent(z, labels, class_names=names))
    shown = ["Latin", "Japanese (hirag…", "Greek"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == shown
    for label, own in enumerate(points(figure)):
        assert_allclose(own, z[labels == label])


def test_of_many_latents_the_projection_is_named():
    # Variances 16 and 4 of a total of 22.
    z = RNG.normal(size=(20_000, 4)) * [1, 4, 1, 2]
    figure = drawn(plotting.latent(z))
    (shown,) = points(figure)
    centred = z - z.mean(axis=0)
    assert_allclose(np.abs(shown), np.abs(centred[:, [1, 3]]), atol=0.5)
    (axis,) = figure.axes
    assert axis.get_xlabel() == "principal component 1 of 4 latents (73%)"
    assert axis.get_ylabel() == "principal component 2 of 4 latents (18%)"
    # On a sphere of many dimensions too.
    (axis,) = plotting.latent(directions(100, 5), on_sphere=True).axes
    assert axis.get_xlabel().startswith("principal component 1 of 5 latents (")


def test_one_latent_is_a_histogram():
    (axis,) = drawn(plotting.latent(RNG.normal(size=(300, 1)))).axes
    assert sum(bar.get_height() for bar in axis.patches) == 300
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("latent 1", "examples")


@pytest.mark.parametrize(("dim", "name"), [(2, "latent 1"), (20, "latent 1 of 20")])
def test_one_example_spans_no_plane_of_its_own(dim, name):
    figure = drawn(plotting.latent(np.ones((1, dim))))
    assert_array_equal(points(figure), [[[1, 1]]])
    assert figure.axes[0].get_xlabel() == name


def test_directions_of_the_plane_lie_on_rings_of_their_class():
    z, labels = directions(60, 2), np.arange(60) % 3
    figure = drawn(plotting.latent(z, labels, on_sphere=True))
    (axis,) = figure.axes
    assert axis.name == "polar"
    radii = []
    for label, shown in enumerate(points(figure)):
        own = z[labels == label]
        assert_allclose(np.cos(shown[:, 0]), own[:, 0], atol=1e-6)
        assert_allclose(np.sin(shown[:, 0]), own[:, 1], atol=1e-6)
        radii.append((shown[:, 1].min(), shown[:, 1].max()))
    # No ring touches the next one.
    assert all(a[1] < b[0] for a, b in itertools.pairwise(radii))
    assert radii[-1][1] < axis.get_rmax()
    assert axis.get_xlabel() == "angle of (latent 1, latent 2); a ring for each class"
    (axis,) = drawn(plotting.latent(z, on_sphere=True)).axes
    assert axis.get_xlabel() == "angle of (latent 1, latent 2)"


def test_directions_of_space_are_on_an_equal_area_map():
    z = directions(40, 3)
    figure = drawn(plotting.latent(z, np.arange(40) % 10, on_sphere=True))
    (axis,) = figure.axes
    assert axis.name == "mollweide"
    z = np.concatenate([z[label::10] for label in range(10)])
    longitude, latitude = np.concatenate(points(figure)).T
    assert_allclose(np.sin(latitude), z[:, 2], atol=1e-6)
    assert_allclose(np.cos(latitude) * np.cos(longitude), z[:, 0], atol=1e-6)
    assert_allclose(np.cos(latitude) * np.sin(longitude), z[:, 1], atol=1e-6)
    assert "longitude" in axis.get_xlabel()
    assert "Mollweide" in axis.get_xlabel()
    assert "latent 3" in axis.get_ylabel()


def test_latents_that_are_all_the_same_are_shown_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = plotting.latent(np.full((5, 4), 0.5))
    assert_array_equal(points(figure)[0], np.zeros((5, 2)))
    assert "(0%)" in figure.axes[0].get_xlabel()


@pytest.mark.parametrize("dim", [2, 3, 7])
@pytest.mark.parametrize("on_sphere", [False, True])
def test_twenty_classes_have_twenty_colours_and_fit(dim, on_sphere):
    labels = np.arange(200) % 20
    figure = drawn(plotting.latent(directions(200, dim), labels, on_sphere=on_sphere))
    colours = {tuple(each.get_facecolor()[0]) for each in figure.axes[0].collections}
    assert len(colours) == 20


@pytest.mark.parametrize(
    "labels", [np.linspace(0, 1, 40), np.eye(40, dtype=int), np.arange(40)]
)
def test_what_is_no_class_is_not_shown(labels):
    figure = drawn(plotting.latent(RNG.normal(size=(40, 2)), labels))
    assert len(points(figure)) == 1
    assert "class" not in texts(figure)


def test_bad_input():
    with pytest.raises(ValueError, match=r"`latents` must have shape \[N, D\].*\(3,\)"):
        plotting.latent(np.ones(3))
    with pytest.raises(ValueError, match=r"`latents` must .*Received: shape \(0, 2\)"):
        plotting.latent(np.ones((0, 2)))
    with pytest.raises(ValueError, match="`labels` must be 3, one for each.*2"):
        plotting.latent(np.ones((3, 2)), np.arange(2))


def test_labels_of_ticks_have_room():
    z = directions(500, 6) * [1, 1, 0.1, 0.1, 0.1, 0.1]
    for scale in (0.001, 1, 1000):
        drawn(plotting.latent(scale * z, 1000 + np.arange(500) % 10))
