import keras
import pytest
from numpy.testing import assert_array_equal

from tests.small_mixtures import groups_of_images, small
from tests.zoo_of_models import SHAPE, set_state, state
from vae_zoo import VAE, BetaVAE
from vae_zoo.callbacks import EarlyStoppingAfterWarmup
from vae_zoo.components import cluster_initializers, networks
from vae_zoo.components.schedules import Linear

BATCH_SIZE = 8  # Four steps an epoch on the thirty-two images.


def make(beta=1.0, learning_rate=0.1):
    """A model whose rate is so high that its validation loss goes up and down."""
    keras.utils.set_random_seed(0)
    model = BetaVAE(SHAPE, 2, beta=beta, encoder=networks.MLP((8,)), seed=1)
    model.compile(keras.optimizers.Adam(learning_rate), jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    return model


def fit(model, x, *callbacks, epochs=30, **options):
    history = model.fit(
        x,
        validation_data=(x, None),
        epochs=epochs,
        batch_size=BATCH_SIZE,
        shuffle=False,
        verbose=0,
        callbacks=list(callbacks),
        **options,
    )
    return history.history["val_loss"]


def told(callback, model, losses, steps_per_epoch=4):
    """The epochs run, if epochs end with these losses and the callback decides."""
    callback.set_model(model)
    model.stop_training = False
    callback.on_train_begin()
    for epoch, loss in enumerate(losses):
        model.optimizer.iterations.assign_add(steps_per_epoch)
        callback.on_epoch_end(epoch, {"val_loss": loss})
        if model.stop_training:
            break
    callback.on_train_end()
    return epoch + 1


def test_epochs_of_the_warm_up_do_not_count():
    # Eight steps are two epochs, of which the losses are the least of all.
    losses = [1.0, 0.5, 9.0, 8.0, 8.5, 8.0, 7.9, 8.0, 8.0, 8.0, 7.0]
    callback = EarlyStoppingAfterWarmup(patience=3)
    assert told(callback, make(Linear(0, 1, 8)), losses) == 10
    assert (callback.best_epoch, callback.best) == (6, 7.9)
    # Seven end in the middle of the second epoch, which then has a step that counts.
    callback = EarlyStoppingAfterWarmup(patience=3)
    assert told(callback, make(Linear(0, 1, 7)), losses) == 5
    assert (callback.best_epoch, callback.best) == (1, 0.5)


def test_the_same_object_serves_another_training():
    model, callback = make(Linear(0, 1, 8)), EarlyStoppingAfterWarmup(patience=2)
    assert told(callback, model, [1.0, 1.0, 5.0, 6.0, 7.0, 8.0]) == 5
    # The optimizer is past the warm-up, so the first epoch counts now.
    assert told(callback, model, [1.0, 2.0, 3.0, 0.0]) == 3
    assert callback.best_epoch == 0


@pytest.mark.parametrize("warmup_epochs", [0, 3])
def test_it_is_that_of_keras_but_for_when_it_starts(warmup_epochs, binary_images):
    beta = Linear(0, 1, 4 * warmup_epochs) if warmup_epochs else 1.0
    options = {"patience": 2, "restore_best_weights": True, "min_delta": 0.01}
    model = make(beta)
    start = state(model)
    callback = EarlyStoppingAfterWarmup(**options)
    losses, found = fit(model, binary_images, callback), state(model)
    keras_callback = keras.callbacks.EarlyStopping(
        **options, start_from_epoch=warmup_epochs
    )
    set_state(model, start)
    assert losses == fit(model, binary_images, keras_callback)
    assert warmup_epochs + 2 < len(losses) < 30
    assert callback.best_epoch == keras_callback.best_epoch >= warmup_epochs
    for a, b in zip(found, state(model), strict=True):
        assert_array_equal(a, b)


def test_no_epoch_of_the_warm_up_is_restored(binary_images):
    beta = Linear(0, 1, 1000)
    model = make(beta)
    start = state(model)
    callback = EarlyStoppingAfterWarmup(patience=1, restore_best_weights=True)
    losses, found = fit(model, binary_images, callback, epochs=5), state(model)
    set_state(model, start)
    assert losses == fit(model, binary_images, epochs=5)
    assert min(losses) < losses[-1]
    for a, b in zip(found, state(model), strict=True):
        assert_array_equal(a, b)


def test_a_resumed_training_is_not_back_in_the_warm_up(binary_images, tmp_path):
    model = make(Linear(0, 1, 12))
    fit(model, binary_images, epochs=2)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    callback = EarlyStoppingAfterWarmup(patience=50)
    losses = fit(loaded, binary_images, callback, epochs=9, initial_epoch=2)
    # The third epoch is the last of the warm-up.
    assert callback.best == min(losses[1:])
    assert callback.best_epoch == 3 + losses[1:].index(callback.best)


def test_clusters_have_to_have_started():
    x, _ = groups_of_images(20)
    start = cluster_initializers.KMeans(3, num_restarts=1)
    model = small(initialization=start, beta=Linear(0, 1, 1))
    model.compile(keras.optimizers.Adam(0.01), jit_compile=False)
    # Worse epoch by epoch, as a rate of learning that leads nowhere.
    worse = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: logs.update(val_loss=float(epoch))
    )
    callback = EarlyStoppingAfterWarmup(patience=2, restore_best_weights=True)
    losses = fit(model, x, worse, callback)
    assert callback.best_epoch == 3
    assert len(losses) == 6
    assert model.prior_layer.is_initialized.numpy() == 1


def test_a_function_of_the_users_own_needs_the_steps(binary_images):
    def beta(step):
        return 0.5

    message = "`warmup_steps` must be given.*`beta`.*warmup_steps=None"
    with pytest.raises(ValueError, match=message):
        fit(make(beta), binary_images, EarlyStoppingAfterWarmup(), epochs=1)
    callback = EarlyStoppingAfterWarmup(patience=2, warmup_steps=8)
    assert told(callback, make(beta), [1.0, 1.0, 5.0, 6.0, 7.0, 8.0]) == 5
    # What is given counts, whatever the model's own schedule.
    callback = EarlyStoppingAfterWarmup(patience=2, warmup_steps=0)
    assert told(callback, make(Linear(0, 1, 8)), [1.0, 2.0, 3.0, 4.0]) == 3


def test_what_grows_is_monitored_with_the_mode_that_says_so(binary_images):
    model = VAE(SHAPE, 2, encoder=networks.MLP((8,)), seed=1)
    model.compile(keras.optimizers.Adam(0.1), jit_compile=False)
    with pytest.raises(ValueError, match="val_elbo.*mode='max'"):
        fit(model, binary_images, EarlyStoppingAfterWarmup("val_elbo"), epochs=1)
    callback = EarlyStoppingAfterWarmup("val_elbo", mode="max", patience=50)
    losses = fit(model, binary_images, callback, epochs=8)
    assert callback.best == pytest.approx(-min(losses), rel=1e-5)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("monitor", [None, 3, max]),
        ("min_delta", [None, -1, "0", float("nan")]),
        ("patience", [None, -1, 1.5, "3", True]),
        ("verbose", [None, -1, "1"]),
        ("mode", [None, "least", 1]),
        ("baseline", ["3", float("nan"), True]),
        ("restore_best_weights", [None, 1]),
        ("warmup_steps", [-1, 2.5, "3", True]),
    ],
)
def test_bad_arguments(name, values):
    for value in values:
        with pytest.raises(ValueError, match=f"`{name}` must .*Received"):
            EarlyStoppingAfterWarmup(**{name: value})


def test_a_negative_end_of_the_warm_up_is_named():
    with pytest.raises(ValueError, match="`warmup_steps` must be an integer >= 0.*=-1"):
        EarlyStoppingAfterWarmup(warmup_steps=-1)
