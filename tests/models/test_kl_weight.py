import keras
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.zoo_of_models import SHAPE, every_model
from vae_zoo import BetaVAE, GaussianMixtureVAE, HypersphericalVAE
from vae_zoo.components.networks import MLP
from vae_zoo.components.objectives import Elbo
from vae_zoo.components.schedules import Cosine, Cyclical, Linear
from vae_zoo.fitting.step import Step


def objective_at(iteration, model, x):
    """The losses [B] at an optimizer's step, always of the same draws."""
    model.optimizer.iterations.assign(iteration)
    state = model.seed_generator.state.numpy()
    losses = model.objective.loss(Step(model, model.as_inputs(x), training=False))
    model.seed_generator.state.assign(state)
    return losses.numpy()


@every_model
def test_from_the_end_of_the_warm_up_the_objective_stays(make_model, binary_images):
    model = make_model()
    model.compile("adam")
    end = model.warmup_steps()
    # Cycles are where they were after another cycle, all else for good.
    at_end, later = (
        objective_at(step, model, binary_images) for step in (end, 2 * end)
    )
    assert_array_equal(at_end, later)
    if end:
        assert (objective_at(end - 1, model, binary_images) != at_end).all()


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


def trained(model, x, epochs, callbacks=()):
    model.fit(x, epochs=epochs, shuffle=False, verbose=0, callbacks=list(callbacks))
    return model.get_weights()


class Anneal(keras.callbacks.Callback):
    """Sets weights at the start of an epoch, as people anneal."""

    def __init__(self, first_epoch, **values):
        super().__init__()
        self.first_epoch, self.values = first_epoch, values

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.first_epoch:
            for name, value in self.values.items():
                setattr(self.model, name, value)


@pytest.mark.parametrize(
    ("model_class", "before", "after"),
    [
        (BetaVAE, {"beta": 1.0}, {"beta": 4.0}),
        (BetaVAE, {"beta": 4.0, "capacity": 0.5}, {"capacity": 3.0}),
        pytest.param(
            HypersphericalVAE, {"beta": 1.0}, {"beta": 0.0}, marks=pytest.mark.slow
        ),
        (
            GaussianMixtureVAE,
            {"free_bits": 0.0, "initialization": None},
            {"free_bits": 5.0},
        ),
        # Where a schedule takes the place of a number, the step is traced anew.
        (BetaVAE, {"beta": 1.0}, {"beta": Linear(3.0, 3.0, 1)}),
        (BetaVAE, {"beta": Linear(3.0, 3.0, 1)}, {"beta": 0.5}),
        (BetaVAE, {"beta": 2.0}, {"capacity": 50.0}),
    ],
)
@pytest.mark.usefixtures("without_xla")
def test_a_weight_set_later_counts_from_the_next_step(
    model_class, before, after, binary_images
):
    def built(run_eagerly=False, **weights):
        keras.utils.set_random_seed(0)
        model = model_class(SHAPE, 3, encoder=MLP((8,)), seed=0, **weights)
        model.compile(keras.optimizers.SGD(0.01), run_eagerly=run_eagerly)
        return model

    model = built(**before)
    found = trained(model, binary_images, 2, [Anneal(1, **after)])
    config = model.get_config()
    # The same with the new weight from the constructor, in two halves. What runs
    # eagerly has no trace that could hold a weight of before.
    first = built(run_eagerly=True, **before)
    trained(first, binary_images, 1)
    second = built(run_eagerly=True, **{**before, **after})
    second.set_weights(first.get_weights())
    second.optimizer.build(second.trainable_variables)
    for a, b in zip(second.optimizer.variables, first.optimizer.variables, strict=True):
        a.assign(b)
    second.seed_generator.state.assign(first.seed_generator.state)
    expected = trained(second, binary_images, 1)
    unchanged = trained(first, binary_images, 1)
    changes = []
    for a, b, c in zip(found, expected, unchanged, strict=True):
        assert_allclose(a, b, atol=1e-6)
        changes.append(abs(a - c).max())
    assert max(changes) > 1e-4
    assert {name: config[name] for name in after} == {
        name: second.get_config()[name] for name in after
    }


def test_a_number_set_later_traces_nothing_and_is_no_weight(binary_images):
    traces = []

    class Traced(Elbo):
        def loss(self, step):
            traces.append(None)
            return super().loss(step)

    objective = Traced(beta=1.0)
    model = BetaVAE(SHAPE, 2, encoder=MLP((4,)), objective=objective, seed=0)
    model.compile("adam", jit_compile=False)
    trained(model, binary_images, 1)
    number = len(traces)
    model.beta = 3.0
    trained(model, binary_images, 1)
    assert len(traces) == number
    assert model.beta == 3.0
    assert not [each for each in model.weights if "beta" in each.path]


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf"), "4", None, True])
def test_a_weight_set_later_is_checked(bad):
    model = BetaVAE(SHAPE, 2, encoder=MLP((4,)), beta=2.0)
    with pytest.raises(ValueError, match="`beta` must be a finite number >= 0 or"):
        model.beta = bad
    assert model.beta == 2.0


def test_what_is_fixed_says_so():
    model = BetaVAE(SHAPE, 2, encoder=MLP((4,)), normalized=True)
    with pytest.raises(AttributeError):
        model.normalized = False
    with pytest.raises(ValueError, match="`normalized` must be True or False"):
        BetaVAE(SHAPE, 2, normalized="yes")
