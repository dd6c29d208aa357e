import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.small_mixtures import SHAPE, groups_of_images
from vae_zoo import VAE
from vae_zoo.components import networks, optimizers


def bound(model, x):
    return np.mean(model.elbo(x))


def test_averages_of_a_short_run_are_near_its_weights():
    x, _ = groups_of_images(60)
    bounds = {}
    for kind in (optimizers.AveragedAdam, keras.optimizers.Adam):
        keras.utils.set_random_seed(0)
        model = VAE(SHAPE, 2, encoder=networks.MLP((16,)), seed=3)
        model.compile(kind(0.01, use_ema=True, ema_momentum=0.999), jit_compile=False)
        before = bound(model, x)
        seen = []
        keep = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs, model=model, seen=seen: seen.append(
                model.get_weights()
            )
        )
        model.fit(x, epochs=11, batch_size=18, verbose=0, callbacks=[keep])
        averaged = bound(model, x)
        model.set_weights(seen[-1])
        bounds[kind.__name__] = before, averaged, bound(model, x)
    before, averaged, raw = bounds["AveragedAdam"]
    assert raw - before > 2
    assert abs(averaged - raw) < 0.1 * (raw - before)
    before, averaged, raw = bounds["Adam"]
    # What Keras does: most of what was learned is not in the averages.
    assert raw - averaged > 0.3 * (raw - before)


def test_the_average_is_the_one_of_the_formula():
    variable = keras.Variable(np.float32([1.0, -2.0]))
    optimizer = optimizers.AveragedAdam(0.1, ema_momentum=0.5)
    optimizer.build([variable])
    expected = None
    for step in range(12):
        optimizer.apply([np.float32([1.0, step])])
        momentum = min(0.5, (1 + step) / (10 + step)) if step else 0.0
        last = variable.numpy()
        expected = last if expected is None else expected
        expected = momentum * expected + (1 - momentum) * last
    kept = last + 0.0
    optimizer.finalize_variable_values([variable])
    assert_allclose(variable, expected, rtol=1e-5)
    assert np.abs(variable - kept).max() > 0.01


def test_it_is_restored_with_a_model(tmp_path):
    model = VAE(SHAPE, 2, encoder=networks.MLP((4,)))
    model.compile(optimizers.AveragedAdam(0.01, ema_momentum=0.9, weight_decay=0.1))
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras").optimizer
    assert type(again) is optimizers.AveragedAdam
    assert again.get_config() == model.optimizer.get_config()


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="`ema_momentum` must be .*ema_momentum=nan"):
        optimizers.AveragedAdam(ema_momentum=float("nan"))
    with pytest.raises(ValueError, match="`use_ema` must be one of True"):
        optimizers.AveragedAdam(use_ema=False)
