"""What must hold for every model of the package when it trains."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from tests.zoo_of_models import ALL, every_posterior, vae
from vae_zoo import VAE
from vae_zoo.components import networks
from vae_zoo.fitting import compilation


@every_posterior
def test_training_under_xla_is_training_without(make_model, binary_images):
    histories = []
    for jit_compile in (False, True):
        keras.utils.set_random_seed(1)
        model = make_model()
        model.compile("adam", jit_compile=jit_compile)
        # XLA compiles for each size of a batch; a last one that is smaller is tried
        # in `test_equivalences`.
        data = tf.data.Dataset.from_tensor_slices(binary_images[:24]).batch(12)
        histories.append(model.fit(data, epochs=2, shuffle=False, verbose=0).history)
    for name, values in histories[0].items():
        assert_allclose(values, histories[1][name], rtol=1e-3, err_msg=name)


slow = pytest.mark.slow
FLAT = [keras.layers.Flatten(), keras.layers.Dense(8)]


@pytest.mark.parametrize(
    ("encoder", "pays"),
    [
        (networks.MLP((8,)), True),
        (networks.MLP((8,), dropout_rate=0.5), True),
        (keras.Sequential([*FLAT, keras.layers.Dropout(0.5)]), False),
        (networks.Conv((4,)), False),
    ],
)
def test_xla_is_the_default_where_it_pays_on_a_cpu(encoder, pays):
    model = VAE((6, 5, 1), 2, encoder=encoder)
    model.compile("adam")
    if not tf.config.list_physical_devices("GPU"):
        assert bool(model.jit_compile) == pays


def test_xla_is_chosen_anew_where_a_model_is_loaded(tmp_path):
    """It fails under a distribution strategy; what a user said stays."""
    for jit_compile in ("auto", True):
        model = VAE((6, 5, 1), 2, encoder=networks.MLP((8,)))
        model.compile("adam", jit_compile=jit_compile)
        model.save(tmp_path / "model.keras")
        assert keras.models.load_model(tmp_path / "model.keras").jit_compile
        with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
            loaded = keras.models.load_model(tmp_path / "model.keras")
        assert bool(loaded.jit_compile) == (jit_compile is True)


@pytest.mark.parametrize(
    ("make_model", "policy"),
    [
        *(
            pytest.param(*each.values, "mixed_bfloat16", marks=each.marks)
            for each in ALL
        ),
        # The loss is scaled whatever the model.
        (vae, "mixed_float16"),
        *(pytest.param(*each.values, "mixed_float16", marks=slow) for each in ALL[1:]),
    ],
)
def test_mixed_precision_keeps_distributions_in_float32(
    make_model, policy, binary_images
):
    exact = make_model()
    keras.config.set_dtype_policy(policy)
    model = make_model()
    for a, b in zip(model.weights, exact.weights, strict=True):
        a.assign(b)
    assert model.encoder.compute_dtype == policy.removeprefix("mixed_")
    parameters = model.posterior_parameters(binary_images)
    for name, expected in exact.posterior_parameters(binary_images).items():
        assert parameters[name].dtype == tf.float32
        assert_allclose(parameters[name], expected, atol=0.05)
    elbo, expected = (
        model.elbo(binary_images, seed=1),
        exact.elbo(binary_images, seed=1),
    )
    assert elbo.dtype == tf.float32
    assert_allclose(elbo, expected, rtol=0.03, atol=0.3)
    model.compile("adam", jit_compile=False)
    history = model.fit(binary_images, epochs=3, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_xla_is_used_where_a_training_is_long_enough_to_win_it_back(binary_images):
    model = VAE((6, 5, 1), 2, encoder=networks.MLP((8,)))
    model.compile("adam")
    model.evaluate(binary_images, verbose=0)
    assert not model.jit_compile
    model.fit(binary_images, verbose=0, epochs=2)
    assert not model.jit_compile
    # One epoch of many, as one that resumes: all of them count.
    long = {"epochs": compilation.STEPS_TO_WIN_BACK, "initial_epoch": 4_999}
    if not tf.config.list_physical_devices("GPU"):
        model.fit(binary_images, batch_size=32, verbose=0, **long)
        assert model.jit_compile
        # What it has compiled serves as well.
        model.evaluate(binary_images, verbose=0)
        assert model.jit_compile
    model.compile("adam", jit_compile=True)
    model.fit(binary_images, verbose=0)
    assert model.jit_compile
