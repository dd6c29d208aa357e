import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.plotting.drawn import drawn, texts
from vae_zoo import plotting


def history(num_epochs):
    """Rows as of a `history.csv`: a first epoch far off, then slow progress."""
    rows = []
    for epoch in range(1, num_epochs + 1):
        kl, fit = 10 - 5 / epoch, -80 - 10 / epoch - 5000 * (epoch == 1)
        row = {"elbo": fit - kl, "log_likelihood": fit, "kl": kl, "loss": kl - fit}
        rows.append(
            {"epoch": epoch, **row, **{f"val_{k}": v + 1 for k, v in row.items()}}
        )
    return rows


def panels(figure):
    return {axis.get_title(): axis for axis in figure.axes}


def test_each_term_has_a_panel_with_the_curves_of_the_history():
    rows = history(20)
    figure = drawn(plotting.training_curves(rows))
    assert list(panels(figure)) == ["elbo", "log_likelihood", "kl"]
    for name, axis in panels(figure).items():
        training, validation = axis.get_lines()
        for line, key in ((training, name), (validation, f"val_{name}")):
            assert_array_equal(line.get_xdata(), np.arange(1, 21))
            assert_allclose(line.get_ydata(), [row[key] for row in rows])
        assert axis.get_xlabel() == "epoch"
        assert axis.get_ylabel() == "nats per example"
    assert {"training", "validation"} <= texts(figure)


def test_the_first_epoch_does_not_hide_the_others():
    rows = history(20)
    for name, axis in panels(plotting.training_curves(rows)).items():
        low, high = axis.get_ylim()
        later = np.array([row[name] for row in rows[2:]])
        assert low < later.min()
        assert later.max() < high
        assert high - low < 3 * np.ptp(later)


def test_further_terms_have_panels_of_their_own():
    further = {"kl_w": 1.0, "kl_z": 2.0, "clusters_in_use": 7.0, "learning_rate": 0.1}
    rows = [{**row, **further} for row in history(5)]
    figure = drawn(plotting.training_curves(rows))
    names = ["elbo", "log_likelihood", "kl", "kl_w", "kl_z", "clusters_in_use"]
    assert list(panels(figure)) == [*names, "learning_rate"]
    units = {name: axis.get_ylabel() for name, axis in panels(figure).items()}
    assert units["kl_w"] == "nats per example"
    assert units["clusters_in_use"] == "clusters in use"
    assert len(panels(figure)["kl_w"].get_lines()) == 1


def test_what_keras_gives_is_a_history_too():
    rows = history(6)
    columns = {key: [row[key] for row in rows] for key in rows[0] if key != "epoch"}
    # Validation in every second epoch.
    for key in list(columns):
        if key.startswith("val_"):
            columns[key] = columns[key][1::2]
    axis = panels(drawn(plotting.training_curves(columns)))["kl"]
    training, validation = axis.get_lines()
    assert_array_equal(training.get_xdata(), [1, 2, 3, 4, 5, 6])
    assert_array_equal(validation.get_xdata(), [2, 4, 6])
    assert_allclose(validation.get_ydata(), [row["val_kl"] for row in rows[1::2]])


@pytest.mark.parametrize("num_epochs", [1, 2])
def test_few_epochs_can_be_seen(num_epochs):
    figure = drawn(plotting.training_curves(history(num_epochs)))
    for axis in figure.axes:
        low, high = axis.get_ylim()
        for line in axis.get_lines():
            assert line.get_marker() == "o"
            assert (low < line.get_ydata()).all()
            assert (line.get_ydata() < high).all()


def test_a_value_that_is_not_finite_and_a_curve_that_stays():
    rows = [{**row, "kl": 0.0} for row in history(8)]
    rows[4]["val_elbo"] = float("nan")
    for row in rows:
        row["val_log_likelihood"] = float("nan")
    figure = drawn(plotting.training_curves(rows))
    assert panels(figure)["elbo"].get_ylim()[0] > -200


def test_no_history_is_refused():
    for history in ([], {}, {"elbo": []}, [{"epoch": 1}]):
        with pytest.raises(ValueError, match="`history` must .*Received"):
            plotting.training_curves(history)
