"""The options of objectives, posteriors and priors: each part has its own."""

import pytest

from tests.small_runs import plan_of
from vae_zoo.components import objectives
from vae_zoo.runs import options as run_options, settings as run_settings
from vae_zoo.runs.model_settings import build_model
from vae_zoo.zoo.catalogue import MODELS


def test_flows_and_learned_priors_are_options():
    options = ["--posterior", "inverse-autoregressive-flow", "--flow-units", "9"]
    options += ["--prior", "flow", "--prior-units", "7", "6", "--num-couplings", "3"]
    model = build_model(plan_of("vae", *options), (8, 8, 1), 11)
    assert type(model.posterior_head).__name__ == "InverseAutoregressiveFlow"
    assert model.posterior_head.hidden_units == (9,)
    assert model.posterior_head.num_flows == 2
    assert model.prior_layer.hidden_units == (7, 6)
    assert model.prior_layer.num_couplings == 3
    assert model.encoder.hidden_units != (9,)
    options = ["--posterior", "sylvester-flow", "--sylvester-kind", "householder"]
    options += ["--prior", "mixture", "--num-normals", "4"]
    model = build_model(plan_of("beta-vae", *options), (8, 8, 1), 11)
    assert (model.posterior_head.kind, model.posterior_head.num_flows) == (
        "householder",
        4,
    )
    assert model.prior_layer.num_normals == 4
    options = ["--prior", "vamp", "--num-pseudo-inputs", "5"]
    options += ["--pseudo-inputs-from", "random"]
    prior = build_model(plan_of("vae", *options), (8, 8, 1), 11).prior_layer
    assert (prior.num_pseudo_inputs, prior.start_from) == (5, "random")


def test_models_with_a_prior_of_their_own_have_no_option_for_one():
    for model in ("gaussian-mixture-vae", "hyperspherical-vae"):
        assert "prior" not in run_options.of_model(model)
    settings = plan_of("hyperspherical-vae").as_settings()
    with pytest.raises(ValueError, match="`posterior` must be .*'planar-flow'"):
        run_settings.completed({**settings, "posterior": "planar-flow"})


def test_an_objective_has_its_own_options():
    words = ("--objective", "importance-weighted", "--num-samples", "3")
    words += ("--gradient", "doubly-reparameterized", "--elbo-share", "0.25")
    for model in MODELS:
        made = build_model(plan_of(model, *words), (8, 8, 1), 1).objective
        assert type(made) is objectives.ImportanceWeighted
        assert (made.num_samples, made.elbo_share) == (3, 0.25)
        assert made.gradient == "doubly-reparameterized"
    made = build_model(
        plan_of("vae", "--objective", "renyi", "--alpha", "-1.5"), (9,), 1
    )
    assert made.objective.alpha == -1.5
    plan = plan_of("vae", "--beta", "2", "--free-bits", "1", "--warmup-epochs", "1")
    made = build_model(plan, (9,), 4).objective
    assert (made.free_bits, made.beta.num_steps, made.beta.stop) == (1, 4, 2)


@pytest.mark.parametrize(
    ("model", "words", "name"),
    [
        ("vae", ("--beta", "2"), "beta"),
        ("beta-vae", ("--beta", "2"), "beta"),
        ("beta-vae", ("--capacity", "2"), "capacity"),
        ("vae", ("--warmup-epochs", "1"), "warmup_epochs"),
        ("gaussian-mixture-vae", ("--free-bits", "1"), "free_bits"),
        ("gaussian-mixture-vae", ("--labels-per-class", "2"), "labels_per_class"),
    ],
)
def test_another_objective_has_no_weights_of_the_bound(model, words, name):
    with pytest.raises(ValueError, match=f"`{name}` must be left out with objective"):
        plan_of(model, "--objective", "renyi", *words)
