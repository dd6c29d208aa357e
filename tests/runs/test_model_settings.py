"""The model and the optimizer that the settings of a run describe."""

import pytest

from tests.runs.test_options import plan_of
from vae_zoo.runs import settings as run_settings
from vae_zoo.runs.model_settings import build_model, build_optimizer
from vae_zoo.zoo.catalogue import MODELS

STEPS_PER_EPOCH = 11


def built(*options):
    plan = plan_of("beta-vae", *options)
    model = build_model(plan, (8, 8, 1), STEPS_PER_EPOCH)
    return model, build_optimizer(plan, STEPS_PER_EPOCH)


def test_the_networks_and_distributions_are_the_settings():
    options = ["--hidden-units", "7", "5", "--activation", "tanh", "--latent-dim", "3"]
    options += ["--dropout-rate", "0.1", "--decoder-dropout-rate", "0.2"]
    options += ["--posterior", "full-covariance-normal", "--rotation", "4"]
    options += ["--likelihood", "normal-per-channel", "--seed", "6"]
    config = built(*options)[0].get_config()
    distorted = config["encoder"]["config"]
    assert (distorted["rotation"], distorted["shear"], distorted["seed"]) == (4, 0, 6)
    network = distorted["network"]["config"]
    assert {**network, **{"hidden_units": [7, 5], "activation": "tanh"}} == network
    assert {**network, **{"dropout_rate": 0.1, "decoder_dropout_rate": 0.2}} == network
    assert config["posterior"]["class_name"] == "FullCovarianceNormal"
    assert config["likelihood"]["config"]["per_channel"]
    assert (config["latent_dim"], config["seed"]) == (3, 6)


@pytest.mark.parametrize("model", MODELS)
def test_what_is_left_out_is_what_the_constructor_takes(model):
    plan = run_settings.completed({"model": model, "dataset": "digits"})
    made = build_model(plan, (8, 8, 1), STEPS_PER_EPOCH).get_config()
    own = MODELS[model].load()((8, 8, 1), 16).get_config()
    for config in (made, own):
        # Names count the layers made, and the seed of a run is 0.
        assert config.pop("seed") in (0, None)
        config.pop("name")
    assert without_names(made) == without_names(own)


def without_names(config):
    if isinstance(config, list):
        return [without_names(each) for each in config]
    if not isinstance(config, dict):
        return config
    return {k: without_names(v) for k, v in config.items() if k != "name"}


def test_a_warm_up_is_of_the_capacity_if_there_is_one_else_of_beta():
    warm_up = ["--warmup-epochs", "2", "--beta", "4"]
    model, _ = built(*warm_up, "--capacity", "5", "--normalized")
    assert (model.beta, model.normalized) == (4, True)
    expected = {"start": 0, "stop": 5, "num_steps": 2 * STEPS_PER_EPOCH}
    assert model.capacity.get_config() == expected
    model, _ = built(*warm_up)
    assert (model.capacity, model.normalized) == (None, False)
    assert model.beta.get_config() == {**expected, "stop": 4}
    model, _ = built(*warm_up, "--schedule", "cyclical", "--ramp", "0.25")
    assert type(model.beta).__name__ == "Cyclical"
    assert model.beta.get_config() == {**expected, "stop": 4, "ramp": 0.25}


@pytest.mark.parametrize("warm_up", [[], ["--warmup-epochs", "2"]])
def test_a_schedule_is_checked_with_and_without_a_warm_up(warm_up):
    with pytest.raises(ValueError, match="`ramp` must be .*ramp=3"):
        built(*warm_up, "--schedule", "cyclical", "--ramp", "3")


def test_the_optimizer_is_the_settings():
    _, plain = built("--learning-rate", "0.01")
    assert float(plain.learning_rate) == pytest.approx(0.01)
    assert (plain.weight_decay, plain.use_ema) == (None, False)
    options = ["--weight-decay", "0.3", "--ema-momentum", "0.9", "--epochs", "4"]
    _, other = built("--learning-rate", "0.01", "--cosine-decay", *options)
    assert (other.weight_decay, other.ema_momentum) == (0.3, 0.9)
    # Half a cosine over all steps of the training.
    for share, rate in ((0, 0.01), (0.5, 0.005), (1, 0)):
        other.iterations.assign(int(share * 4 * STEPS_PER_EPOCH))
        assert float(other.learning_rate) == pytest.approx(rate, abs=1e-9)
