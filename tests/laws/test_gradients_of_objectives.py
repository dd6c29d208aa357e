"""What is known of the gradients of objectives, with and without bias."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from numpy.testing import assert_allclose, assert_array_equal

from tests.additions.conditional import OnCondition
from tests.additions.ladder import TwoLevelLadder
from vae_zoo import VAE, GaussianMixtureVAE, HypersphericalVAE
from vae_zoo.components import likelihoods, networks
from vae_zoo.components.draw import total
from vae_zoo.components.objectives import (
    Elbo,
    ImportanceWeighted,
    Renyi,
    ScoreFunction,
    WakeSleep,
)
from vae_zoo.components.objectives.gradients import GradientScale
from vae_zoo.fitting.inputs import Inputs
from vae_zoo.fitting.step import Step

RNG = np.random.default_rng(0)
X = (RNG.random((3, 5)) < 0.4).astype("float32")
MANY = np.repeat(X[:1], 200, axis=0)
GRADIENTS = ("reparameterized", "sticking-the-landing", "doubly-reparameterized")


def vae(objective=None, **options):
    keras.utils.set_random_seed(1)
    encoder = networks.MLP((6,), activation="tanh")
    return VAE((5,), 2, encoder=encoder, objective=objective, seed=1, **options)


def ladder():
    keras.utils.set_random_seed(1)
    upper, encoder = (networks.MLP((6,), activation="tanh") for _ in range(2))
    return TwoLevelLadder((5,), 2, 2, encoder=encoder, upper=upper, seed=1)


@pytest.fixture(scope="module")
def trained():
    model = vae()
    model.compile(keras.optimizers.Adam(0.02), jit_compile=False)
    x = (RNG.random((128, 5)) < RNG.random((128, 1))).astype("float32")
    model.fit(x, epochs=20, verbose=0)
    return model


def encoder_weights(model):
    parts = [model.encoder, *model.posterior_heads.values()]
    if isinstance(model, TwoLevelLadder):
        parts += [model.upper, model.bottom_posterior]
    return [weight for part in parts for weight in part.trainable_weights]


def gradient_of(model, objective, weights, x):
    """The mean loss of one step and its gradient, a vector, by `weights`."""
    if model.objective is not objective:
        model.objective = objective
    inputs = Inputs(tf.convert_to_tensor(x))
    with tf.GradientTape() as tape:
        step = Step(model, inputs, training=True)
        loss = tf.reduce_mean(objective.loss(step))
    parts = tape.gradient(loss, weights, unconnected_gradients="zero")
    flat = [tf.reshape(tf.convert_to_tensor(part), [-1]) for part in parts]
    return loss, tf.concat(flat, axis=0)


def sampled(model, objective, weights, count, x=MANY):
    """Gradients of `count` steps: [count, P]."""
    model.objective = objective

    @tf.function
    def one():
        return gradient_of(model, objective, weights, x)[1]

    return np.array([one() for _ in range(count)], "float64")


def with_the_same_draws(model, objective, weights=None):
    model.seed_generator.state.assign([7, 1])
    weights = model.trainable_weights if weights is None else weights
    return gradient_of(model, objective, weights, X)


def assert_equal_in_expectation(found, expected):
    means = [each.mean(axis=0) for each in (found, expected)]
    errors = [each.std(axis=0, ddof=1) / len(each) ** 0.5 for each in (found, expected)]
    difference = np.abs(np.subtract(*means))
    assert (difference < 5 * np.hypot(*errors) + 1e-6).all()
    return means, errors


def plain(num_bounds, num_samples, elbo_share=0.0):
    """The value of the bound, for TensorFlow to take the gradient of."""

    def loss(step):
        log_w = total(step.log_joint()) - total(step.log_q())
        by_bound = tf.reshape(log_w, [num_bounds, num_samples, -1])
        bounds = tf.reduce_logsumexp(by_bound, axis=1) - np.log(num_samples)
        bound = (1 - elbo_share) * tf.reduce_mean(bounds, axis=0)
        return -bound - elbo_share * tf.reduce_mean(log_w, axis=0)

    return loss


def gradient_of_plain(model, weights, *args):
    objective = ImportanceWeighted(num_samples=args[0] * args[1])
    objective.loss = plain(*args)
    return with_the_same_draws(model, objective, weights)


# Importance weights.


def test_one_weight_is_the_bound_of_estimator_a(trained):
    loss, gradient = with_the_same_draws(trained, Elbo(closed_form=False))
    for objective in (ImportanceWeighted(num_samples=1), Renyi(alpha=1, num_samples=1)):
        found = with_the_same_draws(trained, objective)
        assert_allclose(found[0], loss, rtol=1e-6)
        assert_allclose(found[1], gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("sizes", [(1, 4), (3, 2), (2, 3, 0.3)])
@pytest.mark.parametrize("make_model", [vae, ladder])
def test_the_plain_gradient_is_that_of_the_value(sizes, make_model):
    model = make_model()
    num_bounds, num_samples, *share = sizes
    expected = gradient_of_plain(model, model.trainable_weights, *sizes)
    objective = ImportanceWeighted(
        num_samples=num_samples,
        num_bounds=num_bounds,
        elbo_share=share[0] if share else 0.0,
    )
    found = with_the_same_draws(model, objective)
    assert_allclose(found[0], expected[0], rtol=1e-5)
    assert_allclose(found[1], expected[1], rtol=1e-3, atol=1e-5)


def test_two_bounds_for_two_networks():
    model = vae()

    def two_bounds():
        return ImportanceWeighted(num_samples=3, num_bounds=2, joint_decoder=True)

    decoder = [*model.decoder.trainable_weights, *model.likelihood_head.weights]
    for weights, sizes in ((decoder, (1, 6)), (encoder_weights(model), (2, 3))):
        expected = gradient_of_plain(model, weights, *sizes)
        found = with_the_same_draws(model, two_bounds(), weights)
        assert_allclose(found[1], expected[1], rtol=1e-3, atol=1e-5)
    # What is reported is the decoder's.
    expected = gradient_of_plain(model, decoder, 1, 6)
    found = with_the_same_draws(model, two_bounds(), decoder)
    assert_allclose(found[0], expected[0], rtol=1e-5)


def test_a_decoder_learns_the_same_whatever_the_encoder_does(trained):
    weights = trained.decoder.trainable_weights
    found = [
        with_the_same_draws(
            trained, ImportanceWeighted(num_samples=4, gradient=each), weights
        )
        for each in GRADIENTS
    ]
    for loss, gradient in found[1:]:
        assert_allclose(loss, found[0][0], rtol=1e-6)
        assert_allclose(gradient, found[0][1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("model", ["trained", "ladder"])
def test_a_doubly_reparameterized_gradient_has_no_bias(model, trained):
    model = trained if model == "trained" else ladder()
    weights = encoder_weights(model)
    own, doubly = (
        sampled(model, ImportanceWeighted(num_samples=4, gradient=each), weights, 250)
        for each in (GRADIENTS[0], GRADIENTS[2])
    )
    assert_equal_in_expectation(doubly, own)
    if model is trained:
        assert doubly.var(axis=0).sum() < 0.7 * own.var(axis=0).sum()


def test_sticking_the_landing_is_without_bias_for_one_weight_alone():
    model = vae()
    weights = encoder_weights(model)
    model.posterior_head.loc.dense.bias.assign([1.0, -1.0])
    for num_samples, has_bias in ((1, False), (8, True)):
        own, stuck = (
            sampled(
                model,
                ImportanceWeighted(num_samples=num_samples, gradient=each),
                weights,
                250,
            )
            for each in GRADIENTS[:2]
        )
        if not has_bias:
            assert_equal_in_expectation(stuck, own)
        else:
            difference = np.abs(stuck.mean(axis=0) - own.mean(axis=0))
            error = np.hypot(stuck.std(axis=0), own.std(axis=0)) / 250**0.5
            assert (difference > 8 * error).any()


def exact_linear_vae():
    """A linear VAE whose q(z|x) is the exact posterior."""
    model = VAE(
        (3,),
        2,
        encoder=keras.layers.Identity(),
        decoder=keras.layers.Identity(),
        likelihood=likelihoods.Normal(0.5),
        seed=1,
    )
    w = np.array([[1.0, 0.5, 0.0], [-0.5, 1.0, 0.0]], "float32")  # Orthogonal.
    offset = np.array([0.1, -0.2, 0.3], "float32")
    model.likelihood_head.loc.dense.kernel.assign(w)
    model.likelihood_head.loc.dense.bias.assign(offset)
    precision = 1 + (w**2).sum(axis=1) / 0.25
    gain = w.T / 0.25 / precision
    head = model.posterior_head
    head.loc.dense.kernel.assign(gain)
    head.loc.dense.bias.assign(-offset @ gain)
    head.raw_scale.dense.kernel.assign(np.zeros((3, 2)))
    scale = tfp.math.softplus_inverse(tf.constant(precision**-0.5 - 1e-5))
    head.raw_scale.dense.bias.assign(scale)
    return model


def test_at_the_exact_posterior_two_gradients_are_zero_draw_by_draw():
    model = exact_linear_vae()
    x = RNG.normal(size=(4, 3)).astype("float32")
    weights = model.posterior_head.trainable_weights
    largest = {}
    for each in GRADIENTS:
        objective = ImportanceWeighted(num_samples=3, gradient=each)
        model.objective = objective
        largest[each] = np.abs(gradient_of(model, objective, weights, x)[1]).max()
    assert largest["reparameterized"] > 0.05
    assert largest["sticking-the-landing"] < 1e-4
    assert largest["doubly-reparameterized"] < 1e-4


def test_the_signal_falls_below_the_noise_for_the_plain_gradient_alone():
    # Rainforth et al. 2018, theorem 1: the encoder's falls as 1 / sqrt(K).
    model = vae()
    model.posterior_head.loc.dense.bias.assign([0.5, -0.5])
    # Wider than the posterior, so that the weights have moments.
    model.posterior_head.raw_scale.dense.bias.assign([1.5, 1.5])
    weights = model.posterior_head.loc.trainable_weights
    ratios = {}
    for each in (GRADIENTS[0], GRADIENTS[2]):
        for count in (2, 128):
            objective = ImportanceWeighted(num_samples=count, gradient=each)
            found = sampled(model, objective, weights, 300, MANY[:40])
            signal = np.abs(found.mean(axis=0)) / found.std(axis=0)
            ratios[each, count] = np.median(signal[np.abs(found).sum(axis=0) > 0])
    assert ratios[GRADIENTS[0], 128] < 0.5 * ratios[GRADIENTS[0], 2]
    assert ratios[GRADIENTS[2], 128] > 0.8 * ratios[GRADIENTS[2], 2]


def test_the_bound_rises_with_the_number_of_weights(trained):
    bounds = {}
    for count in (1, 4, 32):
        trained.objective = objective = ImportanceWeighted(num_samples=count)

        @tf.function
        def one(objective=objective):
            return -objective.loss(Step(trained, Inputs(MANY), training=True))

        found = np.array([one() for _ in range(20)])
        bounds[count] = found.mean(), found.std() / found.size**0.5
    for less, more in ((1, 4), (4, 32)):
        error = np.hypot(bounds[less][1], bounds[more][1])
        assert bounds[more][0] > bounds[less][0] + 5 * error


def test_dropout_within_a_posterior_is_that_of_the_draw():
    # The density that the gradient sees has the value of the one that was drawn from.
    model = ladder()
    model.descent = networks.MLP((8,), dropout_rate=0.5)
    model.descent.build((None, 2))
    for training in (False, True):
        step = Step(model, Inputs(X), training=training)
        for name, log_q in step.log_q_along_draw.items():
            assert_allclose(log_q, step.log_q()[name], rtol=1e-5)


# Renyi's bounds.


def test_renyis_bound_falls_with_its_order(trained):
    losses = [
        with_the_same_draws(trained, Renyi(alpha=alpha, num_samples=6))
        for alpha in (-1.0, 0.0, 0.5, 0.999, 1.0, 1.001, 2.0)
    ]
    values = [float(loss) for loss, _ in losses]
    assert values == sorted(values)
    iwae = with_the_same_draws(trained, ImportanceWeighted(num_samples=6))
    assert_allclose(values[1], iwae[0], rtol=1e-6)
    assert_allclose(losses[1][1], iwae[1], rtol=1e-3, atol=1e-5)
    assert_allclose(values[3:6], values[4], rtol=1e-3)


def test_renyis_bound_is_the_integral_of_its_definition():
    # At the exact posterior it is log p(x) whatever the order.
    model = exact_linear_vae()
    x = RNG.normal(size=(4, 3)).astype("float32")
    exact = model.log_marginal_likelihood(x, 3)
    for alpha in (-2.0, 0.3, 3.0):
        model.objective = Renyi(alpha=alpha, num_samples=4)
        step = Step(model, Inputs(x), training=True)
        assert_allclose(-model.objective.loss(step), exact, rtol=1e-4)


# The score function.


def test_the_variances_of_both_gradients_are_those_of_theory():
    # Of E_q[z^2], q = N(theta, 1), by theta: 4 and theta^4 + 14 theta^2 + 15.
    theta, count = 0.7, 200_000
    noise = np.random.default_rng(3).normal(size=(count, 1)).astype("float32")
    scale = GradientScale()
    variances = {}
    for name in ("score", "reparameterized"):
        thetas = tf.fill([count, 1], theta)
        with tf.GradientTape() as tape:
            tape.watch(thetas)
            z = thetas + noise
            if name == "reparameterized":
                value = z**2
            else:
                scale.factor = 0.0
                z = scale(z)
                value = tf.stop_gradient(z**2) * (-((z - thetas) ** 2) / 2)
        variances[name] = np.var(tape.gradient(value, thetas))
    assert_allclose(variances["reparameterized"], 4.0, rtol=0.02)
    expected = theta**4 + 14 * theta**2 + 15
    assert_allclose(variances["score"], expected, rtol=0.05)


@pytest.mark.parametrize("make_model", [vae, ladder])
def test_the_score_function_is_without_bias(make_model):
    model = make_model()
    weights = encoder_weights(model)
    expected = sampled(model, Elbo(closed_form=False), weights, 150)
    # The signal is divided by the running deviation, which stays 1 here.
    objective = ScoreFunction(baseline_units=3, num_samples=2, decay=1 - 1e-7)
    found = sampled(model, objective, weights, 400)
    assert_allclose(objective.variance, 1.0, rtol=1e-3)
    assert_equal_in_expectation(found, expected)
    assert found.var(axis=0).sum() > expected.var(axis=0).sum()


def test_the_decoder_follows_the_bound_and_the_baseline_its_signal():
    model = vae()
    decoder = model.decoder.trainable_weights
    loss, expected = with_the_same_draws(model, Elbo(closed_form=False), decoder)
    objective = ScoreFunction()
    found = with_the_same_draws(model, objective, decoder)
    assert_allclose(found[0], loss, rtol=1e-6)
    assert_allclose(found[1], expected, rtol=1e-4, atol=1e-6)
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    model.fit(MANY, epochs=25, verbose=0)
    step = Step(model, Inputs(X[:1]), training=False)
    expected = float(step.elbo[0])
    baseline = objective.baseline(X[:1])[0, 0] + objective.mean
    assert abs(float(baseline) - expected) < 1.0


# Wake and sleep.


def tiny():
    """Two pixels and one latent: small enough to sum over x and integrate over z."""
    keras.utils.set_random_seed(2)
    model = VAE(
        (2,),
        1,
        encoder=networks.MLP((3,), activation="tanh"),
        decoder=networks.MLP((3,), activation="tanh"),
        seed=3,
    )
    model.posterior_head.loc.dense.bias.assign([0.5])
    model.likelihood_head.logits.dense.bias.assign([0.5, -0.5])
    return model


def exact_gradients_of_wake_and_sleep(model, x):
    every_x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
    grid = np.linspace(-8, 8, 1601, dtype="float32")
    width, z = grid[1] - grid[0], {"z": tf.constant(grid[:, None, None])}

    def at(rows):
        return {"z": tf.broadcast_to(z["z"], [len(grid), len(rows), 1])}

    with tf.GradientTape(persistent=True) as tape:
        log_q = model.infer(x, z=at(x)).log_q["z"]
        log_p = total(model.log_joint(at(x), x))
        density = tf.stop_gradient(tf.exp(log_q))
        awake = -tf.reduce_mean(tf.reduce_sum(density * log_p, axis=0)) * width
        log_p = total(model.log_joint(at(every_x), every_x))
        log_q = model.infer(every_x, z=at(every_x)).log_q["z"]
        density = tf.stop_gradient(tf.exp(log_p))
        asleep = -tf.reduce_sum(density * log_q) * width
    decoder = [*model.decoder.trainable_weights, *model.likelihood_head.weights]
    return {
        "awake": (decoder, tape.gradient(awake, decoder)),
        "asleep": (
            encoder_weights(model),
            tape.gradient(asleep, encoder_weights(model)),
        ),
    }


@pytest.mark.parametrize("part", ["awake", "asleep"])
def test_wake_and_sleep_follow_their_exact_gradients(part):
    model, x = tiny(), np.array([[1, 0]], "float32")
    weights, exact = exact_gradients_of_wake_and_sleep(model, x)[part]
    exact = np.concatenate([np.ravel(each) for each in exact])
    found = sampled(model, WakeSleep(), weights, 200, np.repeat(x, 200, axis=0))
    error = found.std(axis=0, ddof=1) / 200**0.5
    assert (np.abs(found.mean(axis=0) - exact) < 5 * error + 1e-5).all()
    assert np.abs(exact).max() > 0.05


def test_dreams_have_no_weights():
    model, x = tiny(), np.array([[1, 0], [0, 1], [1, 1]], "float32")
    model.objective = WakeSleep()
    weights = encoder_weights(model)
    found = []
    for sample_weight in (None, [1.0, 1.0, 1.0], [0.5, 4.0, 0.0]):
        model.seed_generator.state.assign([7, 1])
        with tf.GradientTape() as tape:
            loss = model.compute_loss(x, sample_weight=sample_weight)
        found.append(
            np.concatenate([np.ravel(g) for g in tape.gradient(loss, weights)])
        )
    assert np.abs(found[0]).max() > 1e-3
    for each in found[1:]:
        assert_allclose(each, found[0], rtol=1e-4, atol=1e-6)


# Every objective on every family.


def mixture():
    return GaussianMixtureVAE(
        (5,), 2, 3, encoder=networks.MLP((6,)), initialization=None, seed=1
    )


def hyperspherical():
    return HypersphericalVAE((5,), 3, encoder=networks.MLP((6,)), seed=1)


def conditional():
    return OnCondition((5,), 2, 2, encoder=networks.MLP((6,)), seed=1)


OBJECTIVES = {
    "importance_weighted": lambda: ImportanceWeighted(num_samples=2),
    "sticking": lambda: ImportanceWeighted(num_samples=2, gradient=GRADIENTS[1]),
    "doubly": lambda: ImportanceWeighted(num_samples=2, gradient=GRADIENTS[2]),
    "renyi": lambda: Renyi(num_samples=2),
    "score_function": lambda: ScoreFunction(baseline_units=2),
    "wake_sleep": WakeSleep,
}
FAMILIES = (mixture, hyperspherical, ladder, conditional)


@pytest.mark.parametrize("make_model", FAMILIES)
def test_every_objective_moves_all_weights_of_every_family(make_model):
    model = make_model()
    x = Inputs(tf.constant(X))
    if make_model is conditional:
        x = x._replace(condition=tf.constant(RNG.normal(size=(3, 2)), tf.float32))
    objectives = {name: make() for name, make in OBJECTIVES.items()}
    for objective in objectives.values():
        model.objective = objective
    weights = [each for each in model.trainable_weights if "baseline" not in each.path]

    @tf.function
    def gradients():
        found = {}
        for name, objective in objectives.items():
            model._objective = objective
            with tf.GradientTape() as tape:
                losses = objective.loss(Step(model, x, training=True))
            found[name] = losses, tape.gradient(losses, weights)
        return found

    for name, (losses, found) in gradients().items():
        assert losses.shape == (3,)
        assert np.isfinite(losses).all()
        for weight, gradient in zip(weights, found, strict=True):
            assert gradient is not None, (name, weight.path)
            assert np.isfinite(gradient).all(), (name, weight.path)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_config_makes_the_same_objective(name):
    objective = OBJECTIVES[name]()
    config = keras.saving.serialize_keras_object(objective)
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == objective.get_config()
    model = vae()
    weights = encoder_weights(model)
    found = [
        with_the_same_draws(model, each, weights)[0] for each in (objective, again)
    ]
    if name != "score_function":
        assert_array_equal(*found)


def test_weights_of_a_baseline_come_back_with_a_file(tmp_path):
    model = vae(ScoreFunction(baseline_units=3))
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    model.fit(MANY, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert float(loaded.objective.mean) == float(model.objective.mean) != 0
    histories = [
        each.fit(MANY, shuffle=False, verbose=0).history["loss"]
        for each in (model, loaded)
    ]
    assert_array_equal(*histories)


@pytest.mark.parametrize("name", ["doubly", "score_function", "wake_sleep"])
def test_training_under_xla_is_training_without(name):
    losses = []
    for jit_compile in (False, True):
        model = vae(OBJECTIVES[name]())
        model.compile(keras.optimizers.SGD(0.05), jit_compile=jit_compile)
        history = model.fit(MANY[:64], epochs=2, shuffle=False, verbose=0).history
        losses.append([*history["loss"], *history["elbo"]])
    assert_allclose(losses[0], losses[1], rtol=1e-4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ImportanceWeighted(num_samples=0), "`num_samples` must be an integer"),
        (lambda: ImportanceWeighted(num_bounds=0), "`num_bounds` must be an integer"),
        (lambda: ImportanceWeighted(gradient="stl"), "`gradient` must be .*'stl'"),
        (lambda: ImportanceWeighted(elbo_share=1.5), "`elbo_share` must be"),
        (lambda: ImportanceWeighted(joint_decoder=1), "`joint_decoder` must be True"),
        (lambda: Renyi(alpha=np.inf), "`alpha` must be"),
        (lambda: Renyi(alpha="1"), "`alpha` must be"),
        (lambda: Renyi(num_samples=0), "`num_samples` must be an integer"),
        (lambda: ScoreFunction(decay=1.0), r"`decay` must lie in \[0, 1\)"),
        (lambda: ScoreFunction(decay=-0.1), "`decay` must be"),
        (lambda: ScoreFunction(baseline_units=0), "`baseline_units` must be"),
        (lambda: ScoreFunction(num_samples=1.5), "`num_samples` must be an integer"),
    ],
)
def test_what_is_off_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
