"""What `evaluate` and `plot` look at, and what they say of it."""

import argparse
import json

import numpy as np
import pytest

from vae_zoo.cli import data as cli_data, main
from vae_zoo.components.likelihoods import Bernoulli, Normal
from vae_zoo.datasets.array_source import array_source
from vae_zoo.evaluation import report
from vae_zoo.evaluation.measurement import Measurement, Report

GREY = np.linspace(0, 1, 30, dtype="float32").reshape(10, 3)


def data_of(source, **options):
    given = {"dataset": None, "data_dir": None, "split": None, "binarize": None}
    return cli_data.data_of(argparse.Namespace(source=source, **{**given, **options}))


def warnings_about(data, x, likelihood):
    source = array_source("x", x, None, range(len(x)))
    split = data.split or "test"
    return cli_data.warnings_about(data, source, split, likelihood)


def test_a_model_knows_its_data():
    data = data_of("vae_digits")
    assert (data.dataset, data.binarize) == ("digits", "fixed")
    assert data.is_of_the_run
    assert not warnings_about(data, GREY, Bernoulli())
    assert data_of("vae_mnist").binarize is None
    data = data_of("vae_digits", dataset="sprites", binarize="none", data_dir="d")
    assert (data.dataset, data.binarize) == ("sprites", None)
    assert data.reading == {"data_dir": "d"}
    assert not data.is_of_the_run


@pytest.mark.parametrize(
    ("source", "options", "likelihood", "message"),
    [
        ("vae_digits", {"dataset": "sprites"}, Bernoulli(), "was trained on 'digits'"),
        (
            "vae_digits",
            {"binarize": "none"},
            Bernoulli(),
            "on binarized values",
        ),
        (
            "vae_digits",
            {"split": "train[:90%]"},
            Bernoulli(),
            "on 'train[:90%]",
        ),
        # The images that vae_mnist was trained on are "train" and "validation".
        ("vae_mnist", {"split": "validation"}, Bernoulli(), "on 'validation'"),
        ("vae_frey_face", {"binarize": "fixed"}, Normal(), "trained on values as they"),
        ("gaussian_mixture_vae_mnist", {}, Bernoulli(), "grey values is no likelihood"),
    ],
)
def test_figures_that_do_not_compare_are_named(source, options, likelihood, message):
    data = data_of(source, **options)
    assert any(message in each for each in warnings_about(data, GREY, likelihood))
    if "binarize" in options:  # Of binary values it changes nothing.
        assert not warnings_about(data, np.round(GREY), likelihood)


@pytest.mark.parametrize(
    ("preset", "has_labels"),
    [("gaussian_mixture_vae_mnist", False), ("semi_supervised_vae_mnist", True)],
)
def test_label_accuracy_is_of_models_that_learnt_from_labels(
    preset, has_labels, capsys, monkeypatch
):
    measured = {"label_accuracy": Measurement(0.1, "", 9)}
    monkeypatch.setattr(report, "report", lambda *arguments: Report(dict(measured)))
    assert main(["evaluate", preset, "--dataset", "digits", "--json"]) == 0
    out, err = capsys.readouterr()
    assert ("label_accuracy" in json.loads(out)) == has_labels
    assert "the model was trained on 'mnist', so figures on 'digits' do not" in err
