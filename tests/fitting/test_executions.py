import keras
import pytest
import tensorflow as tf
from numpy.testing import assert_array_equal

from tests.zoo_of_models import IMAGES, set_state, state
from vae_zoo import VAE
from vae_zoo.callbacks import EarlyStoppingAfterWarmup, RunCheckpoint
from vae_zoo.components import networks
from vae_zoo.fitting.executions import MOST_STEPS, most_steps


class Batches(keras.callbacks.Callback):
    """Counts the batches that it is told of."""

    seen = 0

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1


class CountingCheckpoint(keras.callbacks.ModelCheckpoint, Batches):
    """Saves by epochs, but counts batches."""

    on_train_batch_end = Batches.on_train_batch_end


class CountingRun(RunCheckpoint):
    """Made from a class that does without seeing each batch."""

    on_train_batch_end = Batches.on_train_batch_end


def made(steps_per_execution):
    model = VAE((6, 5, 1), 2, encoder=networks.MLP((8,)), seed=0)
    # With momentum each step depends on those before.
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9)
    model.compile(optimizer, steps_per_execution=steps_per_execution, jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    return model


def fit(model, binary_images, **arguments):
    keras.utils.set_random_seed(0)
    arguments = {"x": binary_images, "batch_size": 3, "verbose": 0, **arguments}
    return model.fit(epochs=3, **arguments).history


def fitted(binary_images, steps_per_execution, **arguments):
    keras.utils.set_random_seed(0)
    model = made(steps_per_execution)
    return model, fit(model, binary_images, **arguments)


@pytest.fixture(scope="module")
def one_and_many():
    """Two models that take one step at a time and many, and how they were made."""
    keras.utils.set_random_seed(0)
    one, many = made(1), made("auto")
    set_state(many, state(one))
    return one, many, state(one)


@pytest.fixture(scope="module")
def at_once():
    """Trained many steps at once, for what leaves its settings as they are."""
    return fitted(IMAGES, "auto")[0]


def as_dataset(images, endless=False):
    batches = tf.data.Dataset.from_tensor_slices(images).batch(3)
    return batches.repeat() if endless else batches


@pytest.mark.parametrize(
    "arguments",
    [
        # Of 32 images 11 batches, the last one of two.
        lambda x: {"validation_data": x[:7]},
        lambda x: {"x": as_dataset(x), "batch_size": None},
        lambda x: {
            "x": as_dataset(x, endless=True),
            "batch_size": None,
            "steps_per_epoch": 8,
            "validation_data": as_dataset(x, endless=True),
            "validation_steps": 6,
        },
        lambda x: {
            "x": ((x[i % 32 : i % 32 + 4],) for i in range(0, 96, 4)),
            "batch_size": None,
            "steps_per_epoch": 8,
        },
    ],
)
def test_many_steps_at_once_train_as_one_at_a_time(
    one_and_many, binary_images, arguments
):
    *models, start = one_and_many
    histories = []
    for model in models:
        set_state(model, start)
        histories.append(fit(model, binary_images, **arguments(binary_images)))
    assert histories[0] == histories[1]
    one, many = models
    assert_array_equal(one.optimizer.iterations, many.optimizer.iterations)
    for a, b in zip(one.weights, many.weights, strict=True):
        assert_array_equal(a, b)


def test_fit_and_evaluate_take_turns_without_tracing_again(binary_images):
    traces, at_once = [], []

    class Traced(VAE):
        def call(self, x, training=False):
            traces.append(training)
            return super().call(x, training=training)

    class Steps(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            at_once.append(self.model.steps_per_execution)

    model = Traced((6, 5, 1), 2, encoder=networks.MLP((4,)), seed=0)
    model.compile("sgd", jit_compile=False)

    def turn():
        model.fit(binary_images, batch_size=4, verbose=0, callbacks=[Steps()])
        model.evaluate(as_dataset(binary_images), verbose=0)
        model.train_on_batch(binary_images[:4])
        model.predict(binary_images, verbose=0)
        assert model.steps_per_execution == 1
        return len(traces)

    model.fit(binary_images, validation_data=binary_images, batch_size=4, verbose=0)
    validated = len(traces)
    model.evaluate(as_dataset(binary_images), verbose=0)
    assert len(traces) == validated
    turn()
    once = turn()
    assert turn() == once
    assert at_once == [8] * 3


def test_a_callback_may_predict_and_evaluate(at_once, binary_images):
    model = at_once
    endless = as_dataset(binary_images, endless=True)
    found = []

    class Look(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            latents = model.predict(binary_images, batch_size=2, verbose=0)["latents"]
            before = model.seed_generator.state.numpy()
            model.evaluate(endless, steps=7, verbose=0)
            drawn = (model.seed_generator.state.numpy() - before).max()
            found.append((len(latents), drawn, model.steps_per_execution))

    model.fit(binary_images, batch_size=2, epochs=2, callbacks=[Look()], verbose=0)
    assert found == [(len(binary_images), 7, 16)] * 2


def test_functions_are_made_anew_when_asked(binary_images):
    model, _ = fitted(binary_images, "auto")
    before = model.encoder.get_weights()
    model.encoder.trainable = False
    model.make_train_function(force=True)
    model.fit(binary_images, batch_size=3, verbose=0)
    for a, b in zip(model.encoder.get_weights(), before, strict=True):
        assert_array_equal(a, b)


def test_a_number_set_by_hand_stays(binary_images):
    model, _ = fitted(binary_images, "auto")
    model.steps_per_execution = 2
    found = []
    look = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: found.append(model.steps_per_execution)
    )
    model.fit(as_dataset(binary_images).take(10), callbacks=[look], verbose=0)
    assert found == [2]
    assert model.steps_per_execution == 2


def test_keras_limit_of_steps_is_kept(binary_images):
    model = VAE((6, 5, 1), 2, encoder=networks.MLP((4,)))
    model.compile("sgd", jit_compile=False)
    keras.config.set_max_steps_per_epoch(3)
    try:
        model.fit(binary_images, batch_size=2, verbose=0)
        assert model.optimizer.iterations == 3
        keras.config.set_max_steps_per_epoch(None)
        # Whose traced functions `evaluate` would take.
        model.fit(binary_images, batch_size=2, verbose=0)
        keras.config.set_max_steps_per_epoch(4)
        before = model.seed_generator.state.numpy()
        model.evaluate(binary_images, batch_size=2, verbose=0)
        assert (model.seed_generator.state.numpy() - before).max() == 4
    finally:
        keras.config.set_max_steps_per_epoch(None)


def test_a_model_without_an_optimizer_loads(binary_images, tmp_path):
    model = VAE((6, 5, 1), 2, encoder=networks.MLP((4,)))
    model.compile(optimizer=None, jit_compile=False)
    model.evaluate(binary_images, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    loaded.evaluate(binary_images, verbose=0)


def test_evaluate_stops_where_it_is_told(at_once, binary_images):
    model = at_once
    endless = as_dataset(binary_images, endless=True)
    two = model.evaluate(endless, steps=2, verbose=0, return_dict=True)
    assert two.keys() == {"loss", "elbo", "kl", "log_likelihood"}
    seeds = model.seed_generator.state.numpy()
    model.evaluate(endless, steps=7, verbose=0)
    drawn = model.seed_generator.state.numpy() - seeds
    assert drawn.max() == 7


def test_a_callback_sees_each_batch(binary_images):
    counter = Batches()
    fitted(binary_images, "auto", callbacks=[counter])
    assert counter.seen == 3 * 11


def test_a_loaded_model_chooses_again(at_once, binary_images, tmp_path):
    model = at_once
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert_array_equal(loaded.optimizer.iterations, model.optimizer.iterations)
    counter = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(loaded.steps_per_execution)
    )
    seen = []
    loaded.fit(binary_images, batch_size=3, callbacks=[counter], verbose=0)
    assert seen == [11]


def test_steps_per_execution_as_told(binary_images, tmp_path):
    model, _ = fitted(binary_images, 4)
    assert model.steps_per_execution == 4
    model.save(tmp_path / "model.keras")
    assert keras.models.load_model(tmp_path / "model.keras").steps_per_execution == 4


def test_fit_says_what_it_chose(binary_images, capsys):
    fitted(binary_images, "auto", verbose=2)
    line = "Training without XLA, steps at once: 11\n"
    assert capsys.readouterr().out.startswith(line)
    fitted(binary_images, "auto", verbose=0)
    assert not capsys.readouterr().out


def test_convolutions_take_fewer_steps_at_once_on_a_cpu(binary_images, capsys):
    model = VAE((6, 5, 1), 2, encoder=networks.Conv((2,)))
    model.compile("adam")
    model.fit(binary_images, batch_size=3, verbose=2)
    if not tf.config.list_physical_devices("GPU"):
        # Of 11 batches.
        assert "steps at once: 4\n" in capsys.readouterr().out
    assert most_steps(None, 400, most=5) == most_steps(None, most=5) == 5


@pytest.mark.parametrize(
    ("callbacks", "counts", "expected"),
    [
        (None, (), MOST_STEPS),
        ([], (None, None), MOST_STEPS),
        (None, (469, None), 7),
        (None, (400, 47), 1),
        (None, (400, 40), 20),
        ([keras.callbacks.ProgbarLogger(), keras.callbacks.History()], (), MOST_STEPS),
        ([EarlyStoppingAfterWarmup()], (), MOST_STEPS),
        ([RunCheckpoint("folder", 1)], (), MOST_STEPS),
        ([keras.callbacks.ModelCheckpoint("a.keras")], (), MOST_STEPS),
        ([keras.callbacks.ModelCheckpoint("a.keras", save_freq=5)], (), 1),
        ([keras.callbacks.TerminateOnNaN()], (), 1),
        (Batches(), (), 1),
        ([CountingCheckpoint("a.keras")], (), 1),
        ([CountingRun("folder", 1)], (), 1),
        (keras.callbacks.LambdaCallback(on_epoch_end=print), (), MOST_STEPS),
        (keras.callbacks.LambdaCallback(on_train_batch_end=print), (), 1),
        (keras.callbacks.CallbackList([Batches()]), (), 1),
    ],
)
def test_most_steps(callbacks, counts, expected):
    assert most_steps(callbacks, *counts) == expected


@pytest.mark.parametrize(
    ("num_batches", "expected"), [(None, 20), (11, 11), (30, 15), (469, 20), (41, 14)]
)
def test_the_steps_of_an_epoch_are_split_evenly(num_batches, expected):
    assert most_steps(None, num_batches=num_batches) == expected
