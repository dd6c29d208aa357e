import functools
import sys
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests import zoo_of_models
from tests.small_runs import draw_little
from tests.zoo_of_models import SHAPE, set_state, state
from vae_zoo import VAE, plotting
from vae_zoo.callbacks import TensorBoardPictures
from vae_zoo.components import networks
from vae_zoo.evaluation import latent_usage
from vae_zoo.runs import pictures

SCALARS = ("active_units", "mutual_information", "aggregate_gap")


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch):
    draw_little(monkeypatch)


def compiled(model, learning_rate=0.01):
    model.compile(keras.optimizers.Adam(learning_rate), jit_compile=False)
    return model


@functools.cache
def traced_vae(latent_dim):
    model = compiled(VAE(SHAPE, latent_dim, encoder=networks.MLP((16,)), seed=1))
    model.optimizer.build(model.trainable_variables)
    return model, state(model)


def small_vae(latent_dim=3, learning_rate=0.01):
    """A model as it was made; what it has traced for other tests serves again."""
    model, made = traced_vae(latent_dim)
    set_state(model, made)
    model.optimizer.learning_rate = learning_rate
    model.stop_training = False
    return model


def fit(model, x, callbacks, epochs=2):
    return model.fit(
        x, epochs=epochs, batch_size=8, verbose=0, callbacks=callbacks
    ).history


def written(folder):
    """What TensorBoard reads: dict tag -> dict step -> array or list of PNG bytes."""
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0}).Reload()
    return {
        tag: {
            event.step: tf.make_ndarray(event.tensor_proto)
            for event in events.Tensors(tag)
        }
        for tag in events.Tags()["tensors"]
    }


def steps(folder, tag="samples"):
    return list(written(folder)[tag])


def pixels(png):
    return tf.io.decode_png(png, channels=3).numpy()


def spoil(model):
    model.set_weights([np.nan * weight for weight in model.get_weights()])


class StopAndSpoil(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch == 3

    def on_train_end(self, logs=None):
        spoil(self.model)


@pytest.mark.parametrize(
    "make",
    [
        zoo_of_models.dropout_vae,
        pytest.param(zoo_of_models.mixture_prior_vae, marks=pytest.mark.slow),
        zoo_of_models.gaussian_mixture_vae,
        pytest.param(zoo_of_models.hyperspherical_vae, marks=pytest.mark.slow),
    ],
)
def test_training_goes_on_as_if_nobody_looked(make, binary_images, tmp_path):
    states, histories = [], []
    for is_watched in (True, False):
        # TensorFlow orders a graph by its names, and rounds accordingly.
        keras.backend.clear_session()
        keras.utils.set_random_seed(3)
        model = compiled(make())
        watch = TensorBoardPictures(tmp_path, binary_images, num_images=2, seed=5)
        # The second training shuffles with what the first left of the generators.
        histories.append(
            [
                fit(model, binary_images, [watch] if is_watched else [], epochs)
                for epochs in (2, 1)
            ]
        )
        states.append([*state(model), model.sample(2).numpy()])
    assert histories[0] == histories[1]
    for watched, alone in zip(*states, strict=True):
        assert_array_equal(watched, alone)
    assert steps(tmp_path) == [0, 1]


def test_the_numbers_are_those_of_latent_usage(binary_images, tmp_path):
    # The last of three latents says nothing.
    model = small_vae()
    fit(model, binary_images, [], epochs=30)
    head = model.posterior_head.loc.dense
    head.kernel.assign(head.kernel * [1.0, 1.0, 0.0])
    model.optimizer.learning_rate = 0.0
    fit(model, binary_images, [TensorBoardPictures(tmp_path, binary_images, seed=4)])
    data = tf.data.Dataset.from_tensors(binary_images)
    usage = latent_usage(model, data, seed=4)
    assert usage.num_active == 2
    found = written(tmp_path)
    assert found["latent/active_units"] == {0: 2, 1: 2}
    for name in SCALARS[1:]:
        expected = getattr(usage, name).mean
        assert_allclose(list(found[f"latent/{name}"].values()), expected, rtol=1e-4)
    kl = usage.kl_per_dimension
    for dimension, expected in enumerate(kl):
        values = found[f"latent_kl/dimension_{dimension:02}"]
        assert_allclose(list(values.values()), expected, rtol=1e-4)
    histogram = found["latent/kl_per_dimension"][1]
    assert histogram[:, 2].sum() == 3
    assert_allclose((histogram[0, 0], histogram[-1, 1]), (min(kl), max(kl)), rtol=1e-4)


def test_the_images_are_the_figures_at_the_end_of_the_epoch(tmp_path):
    keras.utils.set_random_seed(0)
    model = compiled(zoo_of_models.gaussian_mixture_vae(), learning_rate=0.1)
    x = np.random.default_rng(0).integers(0, 2, (20, *SHAPE)).astype("float32")
    y = np.arange(20) % 4
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(6)
    fit(model, x, [TensorBoardPictures(tmp_path, data, num_images=9, seed=2)])
    figures = pictures.figures(model, x, y, 2, num_samples=9)
    assert set(figures) == {"samples", "reconstructions", "latent", "clusters"}
    found = written(tmp_path)
    for name, figure in figures.items():
        expected = pixels(plotting.png(figure))
        width, height, first = found[name][0]
        assert (int(height), int(width)) == expected.shape[:2]
        assert_array_equal(pixels(found[name][1][2]), expected)
        # The same draws: what differs is what the model has learned.
        assert (pixels(first) != expected).any()


def test_classes_colour_the_latents(binary_images, tmp_path):
    model = small_vae(learning_rate=0.0)
    y = np.arange(32) % 2
    images = []
    for name, element in {"x": binary_images, "x, y": (binary_images, y)}.items():
        data = tf.data.Dataset.from_tensor_slices(element).batch(32)
        watch = TensorBoardPictures(tmp_path / name, data)
        fit(model, binary_images, [watch], epochs=1)
        images.append(pixels(written(tmp_path / name)["latent"][0][2]))
    assert images[0].shape != images[1].shape or (images[0] != images[1]).any()
    figure = plotting.latent(model.encode(binary_images), y)
    assert_array_equal(images[1], pixels(plotting.png(figure)))


def test_the_first_the_last_and_every_third_epoch(binary_images, tmp_path):
    def watch(name):
        return TensorBoardPictures(
            tmp_path / name, binary_images, every=3, num_images=1
        )

    fit(small_vae(), binary_images, [watch("all")], epochs=7)
    assert steps(tmp_path / "all") == [0, 2, 5, 6]
    # Also where training stops before its time, and then gets other weights.
    fit(small_vae(), binary_images, [watch("before"), StopAndSpoil()], epochs=9)
    fit(small_vae(), binary_images, [StopAndSpoil(), watch("after")], epochs=9)
    for name in ("before", "after"):
        for tag in ("samples", "latent/active_units"):
            assert steps(tmp_path / name, tag) == [0, 2, 3]


def test_it_writes_beside_the_callback_of_keras(binary_images, tmp_path):
    # Which for the batches' sake lets nobody write but now and then.
    others = keras.callbacks.TensorBoard(tmp_path, update_freq=1000)
    watch = TensorBoardPictures(tmp_path, binary_images, num_images=1)
    fit(small_vae(), binary_images, [others, watch], epochs=3)
    assert steps(tmp_path) == [0, 1, 2]


def test_of_many_latents_the_histogram_alone(binary_images, tmp_path):
    for latent_dim in (64, 65):
        folder = tmp_path / str(latent_dim)
        watch = TensorBoardPictures(folder, binary_images, num_images=1)
        fit(small_vae(latent_dim), binary_images, [watch], epochs=1)
        found = written(folder)
        assert found["latent/kl_per_dimension"][0][:, 2].sum() == latent_dim
        scalars = [tag for tag in found if tag.startswith("latent_kl/")]
        assert len(scalars) == (64 if latent_dim == 64 else 0)


def test_a_sphere_has_no_kl_of_a_dimension(binary_images, tmp_path):
    watch = TensorBoardPictures(tmp_path, binary_images, num_images=1)
    fit(compiled(zoo_of_models.hyperspherical_vae()), binary_images, [watch])
    tags = set(written(tmp_path))
    assert {f"latent/{name}" for name in SCALARS} <= tags
    assert not any("kl" in tag for tag in tags)


def test_a_collapse_is_told_by_the_number_alone(binary_images, tmp_path):
    model = small_vae(learning_rate=0.0)
    for weight in model.posterior_head.weights:
        weight.assign(0 * weight)
    watch = TensorBoardPictures(tmp_path, binary_images, num_images=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(model, binary_images, [watch])
    assert written(tmp_path)["latent/active_units"] == {0: 0, 1: 0}


def test_a_run_that_diverged_ends_as_it_would_have(binary_images, tmp_path):
    watch = TensorBoardPictures(tmp_path, binary_images, num_images=1)
    model = small_vae()
    spoil_now = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: spoil(model)
    )
    losses = fit(model, binary_images, [watch, spoil_now], epochs=2)["loss"]
    assert np.isfinite(losses).tolist() == [True, False]
    assert steps(tmp_path) == [0]


def test_without_the_package_the_extra_is_named(tmp_path, monkeypatch, binary_images):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ImportError, match=r'pip install "vae_zoo\[tensorboard\]"'):
        TensorBoardPictures(tmp_path, binary_images)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"every": 0}, "`every` must be an integer >= 1.*every=0"),
        (
            {"num_images": 0},
            "`num_images` must be an integer >= 1.*num_images=0",
        ),
        ({"every": "3"}, "`every` must be an integer >= 1.*every='3'"),
        ({"x": [[0.0]]}, "`x` must be an array.*Received: .*list"),
        ({"x": None}, "`x` must be an array.*Received: .*None"),
        ({"log_dir": ""}, "`log_dir` must be a path.*log_dir=''"),
        ({"log_dir": None}, "`log_dir` must be a path.*log_dir=None"),
        ({"seed": None}, "`seed` must be an integer.*seed=None"),
        ({"seed": "0"}, "`seed` must be an integer.*seed='0'"),
    ],
)
def test_bad_arguments(arguments, message, tmp_path, binary_images):
    with pytest.raises(ValueError, match=message):
        TensorBoardPictures(**{"log_dir": tmp_path, "x": binary_images, **arguments})


@pytest.mark.parametrize("kind", ["array", "dataset"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[:, 1:], r"`x` must have shape \[B, 6, 5, 1\].*5, 5, 1"),
        (lambda x: x + 2, "`x` must be finite and lie in"),
        (lambda x: x[:1], "`x` must have at least 2 examples.*Received: 1"),
    ],
)
def test_examples_that_do_not_fit_the_model(
    change, message, kind, tmp_path, binary_images
):
    x = change(binary_images)
    if kind == "dataset":
        x = tf.data.Dataset.from_tensor_slices(x).batch(8)
    model = small_vae()
    with pytest.raises(ValueError, match=message):
        fit(model, binary_images, [TensorBoardPictures(tmp_path, x)])
    # Before anything was trained or written.
    assert int(model.optimizer.iterations) == 0
    assert not list(tmp_path.iterdir())
