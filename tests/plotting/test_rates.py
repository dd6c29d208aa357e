import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.plotting.drawn import drawn, texts
from vae_zoo import plotting


def test_a_path_of_rate_and_distortion_has_a_start_and_an_end():
    rates, distortions = [1.0, 5.0, 9.0, 11.0], [200.0, 110.0, 90.0, 85.0]
    figure = drawn(plotting.rate_distortion({"validation": (rates, distortions)}))
    (axis,) = figure.axes
    path, start, end = axis.get_lines()
    assert_array_equal(path.get_xydata(), np.stack([rates, distortions], axis=1))
    assert_array_equal(start.get_xydata(), [[1, 200]])
    assert_array_equal(end.get_xydata(), [[11, 85]])
    assert start.get_markerfacecolor() != end.get_markerfacecolor()
    assert axis.get_xlabel() == "rate KL(q(z|x) || p(z)), nats"
    assert axis.get_ylabel() == "distortion -log p(x|z), nats"
    assert {"validation", "start", "end"} <= texts(figure)


def test_lines_of_equal_elbo_fall_by_a_nat_for_each_nat():
    curves = {"a": (3.0, 100.0), "b": ([7.0], [90.0]), "c": ([1.0, 2.0], [99.0, 95.0])}
    figure = drawn(plotting.rate_distortion(curves))
    (axis,) = figure.axes
    (lines,) = axis.collections
    bounds = []
    for path in lines.get_paths():
        # A level just outside of the picture has no line.
        if len(path.vertices):
            total = path.vertices.sum(axis=1)
            assert np.ptp(total) < 1e-6
            bounds.append(-total[0])
    assert len(bounds) >= 3
    labels = {f"ELBO {bound:g}" for bound in np.round(bounds, 6)}
    shown = {text for text in texts(figure) if text.startswith("ELBO")}
    assert shown
    assert shown <= labels
    # Every point is within the picture.
    (left, right), (bottom, top) = axis.get_xlim(), axis.get_ylim()
    for line in axis.get_lines():
        for x, y in line.get_xydata():
            assert left < x < right
            assert bottom < y < top


@pytest.mark.parametrize("width", [0.01, 0.6, 6, 60, 6000])
def test_no_label_is_cut_off(width):
    figure = drawn(plotting.rate_distortion({"a": ([1, 1 + width], [16, 10])}))
    (axis,) = figure.axes
    renderer = figure.canvas.get_renderer()
    inside = axis.get_window_extent(renderer)
    labels = [text for text in axis.texts if text.get_text().startswith("ELBO")]
    assert len(labels) >= 2
    for text in [*labels, *axis.texts]:
        extent = text.get_window_extent(renderer)
        assert inside.x0 < extent.x0
        assert extent.x1 < inside.x1
        assert inside.y0 < extent.y0
        assert extent.y1 < inside.y1


def test_a_bound_of_zero_has_no_sign():
    figure = drawn(plotting.rate_distortion({"a": ([0, 10], [50, -50])}))
    assert "ELBO 0" in texts(figure)
    assert "ELBO -0" not in texts(figure)


@pytest.mark.parametrize(
    ("curves", "message"),
    [
        ({}, "`curves` must name at least one"),
        ({"a": ([1.0, 2.0], [3.0])}, "'a' must have as many rates as distortions.*2"),
        ({"a": ([], [])}, "`curves`.*'a'"),
        ({"a": ([np.nan], [1.0])}, "`curves`.*'a'.*finite"),
    ],
)
def test_bad_curves(curves, message):
    with pytest.raises(ValueError, match=message):
        plotting.rate_distortion(curves)
