import pytest
from numpy.testing import assert_array_equal

from tests.zoo_of_models import SHAPE, every_model
from vae_zoo import BetaVAE, GaussianMixtureVAE, HypersphericalVAE
from vae_zoo.components.schedules import Cosine, Cyclical, Linear


def objective_at(step, model, terms):
    model.optimizer.iterations.assign(step)
    return model.objective(terms).numpy()


@every_model
def test_from_the_end_of_the_warm_up_the_objective_stays(make_model, binary_images):
    model = make_model()
    model.compile("adam")
    terms = model(binary_images)
    end = model.warmup_steps()
    # Cycles are where they were after another cycle, all else for good.
    at_end, later = (objective_at(step, model, terms) for step in (end, 2 * end))
    assert_array_equal(at_end, later)
    if end:
        assert (objective_at(end - 1, model, terms) != at_end).all()


@pytest.mark.parametrize(
    ("model_class", "weights", "expected"),
    [
        (BetaVAE, {}, 0),
        (BetaVAE, {"beta": Linear(0, 1, 30)}, 30),
        (BetaVAE, {"beta": Cosine(0, 1, 30), "capacity": Linear(0, 9, 40)}, 40),
        (HypersphericalVAE, {"beta": Cyclical(0, 1, 50)}, 50),
        (GaussianMixtureVAE, {"beta": Linear(0, 1, 5), "free_bits": 1.0}, 5),
        (GaussianMixtureVAE, {"free_bits": Linear(2, 0, 60)}, 60),
        (GaussianMixtureVAE, {"classifier_weight": Linear(0, 1, 70)}, 70),
    ],
)
def test_the_longest_warm_up_of_all_weights_counts(model_class, weights, expected):
    assert model_class(SHAPE, 3, **weights).warmup_steps() == expected


def test_a_function_may_tell_its_warm_up_and_must_if_it_is_asked():
    def beta(step):
        return 1.0

    model = BetaVAE(SHAPE, 2, beta=beta)
    message = "`warmup_steps` must be given.*`beta`.*warmup_steps=None, beta=<function"
    with pytest.raises(ValueError, match=message):
        model.warmup_steps()
    beta.warmup_steps = 80
    assert model.warmup_steps() == 80
