import dataclasses
import json
import math

import numpy as np
import pytest
import tensorflow as tf

from tests import zoo_of_models
from vae_zoo import VAE, datasets
from vae_zoo.components import networks
from vae_zoo.datasets.array_source import array_source
from vae_zoo.evaluation import (
    BidirectionalEstimate,
    Estimate,
    disentanglement_measures,
    estimate,
    evaluate_clusters,
    latent_usage,
    marginal_likelihood,
)
from vae_zoo.evaluation.measurement import Measurement, Report
from vae_zoo.evaluation.report import NUM_CHAINS, Plan, _clusters, _data, report

# Few draws are quick.
pytestmark = pytest.mark.filterwarnings("ignore:The effective sample size")

TERMS = {"elbo", "log_likelihood", "kl"}
SAMPLED = {*TERMS, "effective_sample_size", "log_marginal_likelihood"}
USAGE = {
    "active_units",
    "mutual_information",
    "aggregate_gap",
    "latent_variances",
    "kl_per_dimension",
}


# With one batch size and one number of draws XLA compiles once for a model.
BATCH_SIZE, NUM_SAMPLES = 8, 5
PLAN = Plan(num_samples=NUM_SAMPLES, batch_size=BATCH_SIZE)


@pytest.fixture(scope="module")
def vae():
    return zoo_of_models.vae()


@pytest.fixture(scope="module")
def mixture():
    return zoo_of_models.gaussian_mixture_vae()


def source_of(images, labels=None):
    return array_source("images", images, labels, range(len(images)))


def test_every_figure_is_that_of_its_own_function(vae, binary_images):
    source = source_of(binary_images)
    plan = dataclasses.replace(PLAN, num_samples=30, prior_share=0.2, seed=3)
    found = report(vae, source, plan).measurements
    data = source.batches(BATCH_SIZE, labels=False)
    sampled = marginal_likelihood(vae, data, 30, prior_share=0.2, seed=3)
    for name in SAMPLED:
        unit = "samples" if name == "effective_sample_size" else "nats"
        assert found[name] == Measurement.of(
            sampled[name], unit, 1 if name in TERMS else 30
        )
    usage = latent_usage(vae, data, seed=3)
    assert found["active_units"].value == usage.num_active
    assert found["kl_per_dimension"].value == usage.kl_per_dimension
    assert found["kl_per_dimension"].standard_error == usage.kl_errors
    assert found["aggregate_gap"].standard_error == usage.aggregate_gap.standard_error


def test_data_are_binarized_as_the_plan_says(binary_images):
    source = source_of(0.2 + 0.6 * binary_images)
    (x,) = _data(source, Plan(binarize="fixed", binarization_seed=5))
    (expected,) = source.batches(100, binarize="fixed", seed=5)
    np.testing.assert_array_equal(x, expected)


def test_slow_estimates_are_of_few_examples(vae, binary_images, monkeypatch):
    calls = {}

    def stand_in(name, result):
        def measure(model, data, *arguments, **options):
            is_data = isinstance(data, tf.data.Dataset)
            size = sum(map(len, data)) if is_data else data
            calls[name] = (size, *arguments, options)
            return result

        return measure

    one, two, three = (Estimate(float(k), 0.5, 6, 0.1) for k in (1, 2, 3))
    module = "vae_zoo.evaluation.report"
    for name, result in (
        ("annealed_marginal_likelihood", one),
        ("bidirectional", BidirectionalEstimate(one, two, three)),
        ("hamiltonian.hamiltonian_marginal_likelihood", two),
    ):
        monkeypatch.setattr(f"{module}.{name}", stand_in(name, result))
    plan = dataclasses.replace(
        PLAN,
        annealing_steps=4,
        hamiltonian_samples=40,
        num_chain_examples=6,
        seed=3,
    )
    found = report(vae, source_of(binary_images), plan).measurements
    options = {"seed": 3, "verbose": 0}
    chains = {"num_chains": NUM_CHAINS, **options}
    assert calls == {
        "annealed_marginal_likelihood": (6, 4, chains),
        "bidirectional": (6, 4, {**chains, "batch_size": BATCH_SIZE}),
        "hamiltonian.hamiltonian_marginal_likelihood": (6, 40, options),
    }
    assert found["annealed_log_marginal_likelihood[:6]"].value == 1
    assert found["bidirectional_gap"].value == 3
    assert found["bidirectional_gap"].num_samples == NUM_CHAINS
    hamiltonian = found["hamiltonian_log_marginal_likelihood[:6]"]
    assert (hamiltonian.value, hamiltonian.sampling_error) == (2, 0.1)
    assert found["log_marginal_likelihood[:6]"].num_examples == 6


def test_a_mixture_is_compared_with_classes_where_there_are_any(
    vae, mixture, binary_images
):
    labels = np.arange(32) % 3
    found = report(mixture, source_of(binary_images, labels), PLAN).measurements
    data = source_of(binary_images, labels).batches(BATCH_SIZE, labels=True)
    scores = vars(evaluate_clusters(mixture, data))
    assert scores.pop("num_examples") == 32
    for name, value in scores.items():
        assert found[name].value == value
    assert found["adjusted_rand_index"].standard_error > 0
    # The model's own terms of the bound are there; it has no KL per dimension.
    assert {"kl_z", "kl_w", "kl_c"} < set(found)
    assert "kl_per_dimension" not in found
    # A model that never learns from labels has no cluster that stands for its label.
    assert "label_accuracy" in found
    unlabelled = zoo_of_models.mixture_prior_vae()
    found = _clusters(unlabelled, source_of(binary_images, labels), PLAN)
    assert "hungarian_accuracy" in found
    assert "label_accuracy" not in found
    # Without classes, or without clusters, there is nothing to compare.
    plain = report(vae, source_of(binary_images, labels), PLAN)
    assert set(plain.measurements) == SAMPLED | USAGE


def test_few_effective_samples_are_told(vae, binary_images):
    message = r"The effective sample size is \d.\d .*more samples \(`num_samples`\)"
    with pytest.warns(UserWarning, match=message):
        few = report(vae, source_of(binary_images), PLAN)
    (line,) = (line for line in few.as_table().splitlines() if "is below 10" in line)
    assert line.startswith("effective_sample_size is below 10: log_marginal_likelihood")
    many = Measurement(10.5, "samples", 32, num_samples=100)
    table = Report({"effective_sample_size[:32]": many}).as_table()
    assert "is below" not in table


def test_factors_are_compared_with_latents(monkeypatch):
    monkeypatch.setattr(disentanglement_measures, "NUM_TRAINING", 1000)
    monkeypatch.setattr(disentanglement_measures, "NUM_TEST", 500)
    model = VAE((64, 64, 1), 2, encoder=networks.MLP((8,)), seed=0)
    source = datasets.open_source("sprites", "train[:300]")
    found = report(model, source, Plan(num_samples=1, batch_size=100)).measurements
    for name in ("mutual_information_gap", "factor_vae_score", "completeness"):
        assert found[name].num_examples == 300
        assert found[name].standard_error > 0


@pytest.mark.parametrize("name", ["marginal_likelihood", "latent_usage"])
def test_an_interrupted_report_has_what_was_done(vae, binary_images, monkeypatch, name):
    source = source_of(binary_images)
    whole = report(vae, source, PLAN)
    assert not whole.is_interrupted

    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    module = "vae_zoo.evaluation.report"
    monkeypatch.setattr(f"{module}.{name}", interrupt)
    part = report(vae, source, PLAN)
    assert part.is_interrupted
    done = USAGE if name == "marginal_likelihood" else set()
    assert set(part.measurements) == done
    for each in done:
        assert part.measurements[each] == whole.measurements[each]


def test_an_interrupted_measure_has_the_estimate_of_the_batches_done(
    vae, binary_images, monkeypatch
):
    data = source_of(binary_images).batches(BATCH_SIZE)
    few = marginal_likelihood(vae, data.take(2), NUM_SAMPLES)

    def interrupt(self, step):
        if step == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(estimate.keras.utils.Progbar, "update", interrupt)
    with pytest.raises(estimate.Interrupted) as raised:
        marginal_likelihood(vae, data, NUM_SAMPLES)
    assert raised.value.partial == few


def test_what_the_data_do_not_allow_is_left_out_with_a_warning(
    vae, mixture, binary_images
):
    source = source_of(binary_images[:1])
    with pytest.warns(
        UserWarning, match="latent usage was left out.*`data` must be at"
    ):
        found = report(vae, source, PLAN)
    assert set(found.measurements) == SAMPLED
    labels = np.full(32, -1)
    with pytest.warns(UserWarning, match="clusters against classes was left out"):
        report(mixture, source_of(binary_images, labels), PLAN)


def test_bad_plans_are_refused_before_anything_is_measured(
    mixture, binary_images, monkeypatch
):
    def measure(*arguments, **options):
        raise AssertionError("measured")

    monkeypatch.setattr("vae_zoo.evaluation.report.latent_usage", measure)
    model, source = mixture, source_of(binary_images)
    with pytest.raises(ValueError, match="at most 4 latent variables.*Received: 5"):
        report(model, source, Plan(hamiltonian_samples=100))
    with pytest.raises(
        ValueError, match="`num_chain_examples` must be an integer >= 1"
    ):
        report(model, source, Plan(num_chain_examples=0))
    for name, value, message in (
        ("num_samples", 0, "an integer >= 1"),
        ("num_samples", "3", "an integer >= 1"),
        ("annealing_steps", -1, "an integer >= 0"),
        ("prior_share", float("nan"), "a finite number"),
        ("batch_size", None, "an integer >= 1"),
        ("binarize", "yes", "one of None, 'dynamic', 'fixed'"),
        ("seed", 2.5, "an integer"),
        ("verbose", "loud", "one of 0, 1"),
    ):
        with pytest.raises(ValueError, match=f"`{name}` must be {message}"):
            report(model, source, Plan(**{name: value}))
    with pytest.raises(ValueError, match="`prior_share` must lie in"):
        report(model, source, Plan(prior_share=1.0))
    for arguments, message in (
        ((None, source, Plan()), "`model` must be a model of vae_zoo"),
        ((model, binary_images, Plan()), "`source` must be what `datasets.open_source"),
        ((model, source, Plan), "`plan` must be a Plan.*the class Plan"),
    ):
        with pytest.raises(ValueError, match=message):
            report(*arguments)
    with pytest.raises(ValueError, match=r"`x` must have shape \[B, 6, 5, 1\]"):
        report(model, source_of(binary_images[:, 1:]), Plan())


def test_a_report_as_a_table_and_as_json():
    content = Report(
        {
            "active_units": Measurement(3, "", 100),
            "elbo": Measurement(-12.34567, "nats", 100, 1, 0.1234, math.nan),
            "kl_per_dimension": Measurement(tuple(range(8)), "nats", 100),
        }
    )
    head, units, elbo, kl = (line.split() for line in content.as_table().splitlines())
    assert head == ["value", "error", "sampling", "unit", "examples", "samples"]
    assert units == ["active_units", "3", "100"]
    assert elbo == ["elbo", "-12.3457", "0.12", "nats", "100", "1"]
    assert " ".join(kl) == "kl_per_dimension 0 1 2 3 4 5 and 2 more nats, 100 examples"
    read = json.loads(json.dumps(content.as_json(), allow_nan=False))
    assert read["elbo"]["value"] == -12.34567
    assert read["elbo"]["sampling_error"] is None
    assert read["kl_per_dimension"]["value"] == list(range(8))
    assert read["interrupted"] is False
