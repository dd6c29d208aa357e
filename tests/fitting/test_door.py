"""Whatever Keras takes as data is brought into one form, or refused by name."""

import inspect

import keras
import numpy as np
import pytest
import scipy.sparse
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from vae_zoo import VAE
from vae_zoo.components import likelihoods, networks


@pytest.fixture(autouse=True)
def _quickly(without_xla):
    pass


@pytest.fixture(scope="module")
def model():
    model = VAE((3,), 2, encoder=networks.MLP((4,)), seed=0)
    model.compile("sgd")
    return model


@pytest.fixture(scope="module")
def image_model():
    model = VAE((6, 5, 1), 2, encoder=networks.MLP((4,)), seed=0)
    model.compile("sgd")
    return model


ROWS = np.array([[0, 1, 0], [1, 1, 0], [0, 0, 1], [1, 0, 1]])


def frame(values):
    return pytest.importorskip("pandas").DataFrame(values)


FORMS = {
    "integers": lambda x: x.astype("int64"),
    "booleans": lambda x: x.astype(bool),
    "doubles": lambda x: x.astype("float64"),
    "halves": lambda x: x.astype("float16"),
    "objects": lambda x: x.astype(object),
    "lists": lambda x: x.tolist(),
    "tensor": lambda x: tf.constant(x),
    "sparse matrix": lambda x: scipy.sparse.csr_matrix(x),
    "sparse tensor": lambda x: tf.sparse.from_dense(x),
    "frame": frame,
    "frame of several types": lambda x: frame({0: x[:, 0] > 0, 1: x[:, 1], 2: x[:, 2]}),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_an_array_is_the_same_data(model, form):
    x = FORMS[form](ROWS)
    assert_allclose(model.encode(x), model.encode(ROWS.astype("float32")))
    for size in (1, 4):
        latents = model.predict(x, batch_size=size, verbose=0)["latents"]
        assert_allclose(latents, model.encode(ROWS), rtol=1e-5)
    model.fit(x, validation_data=x, verbose=0)
    model.evaluate(x, verbose=0)
    model.train_on_batch(x)
    model.test_on_batch(x)
    model.predict_on_batch(x)


def calls(model, x):
    """Every method that takes data, given `x`."""
    good = np.zeros((4, *model.input_shape), "float32")
    return [
        lambda: model.fit(x, verbose=0),
        lambda: model.fit(good, validation_data=(x,), verbose=0),
        lambda: model.evaluate(x, verbose=0),
        lambda: model.predict(x, verbose=0),
        lambda: model.train_on_batch(x),
        lambda: model.test_on_batch(x),
        lambda: model.predict_on_batch(x),
        lambda: model.encode(x),
        lambda: model.elbo(x),
    ]


BAD = {
    "none": (lambda: None, "`x` must be an array or tensor.*Received: None"),
    "nothing": (list, r"`x` must (have shape|be an array).*Received"),
    "text": (lambda: "digits", "`x` must be an array or tensor.*'digits'"),
    "texts": (lambda: np.full((4, 3), "1"), "`x` must be an array.*<U1|str"),
    "objects": (
        lambda: np.array([["a", 1, 2]], object),
        "`x` must be an array.*object",
    ),
    "dict": (lambda: {"a": ROWS}, "`a` must be left out: the inputs .* are x"),
    "number": (lambda: 3.0, "`x` must be an array.*Received: 3.0"),
    "lists of two lengths": (lambda: [[0, 1], [0]], "`x` must be an array.*list"),
    "complex": (lambda: ROWS * 1j, "`x` must be an array.*complex"),
    "dates": (lambda: ROWS.astype("M8[s]"), "`x` must be an array.*datetime"),
    "class": (lambda: np.ndarray, "`x` must be an array.*the class ndarray"),
    "ragged": (
        lambda: tf.ragged.constant([[0.0], [0.0, 1.0]]),
        "`x` must be an array.*Ragged",
    ),
    "string tensor": (
        lambda: tf.constant([["a", "b", "c"]]),
        "`x` must be an array.*string",
    ),
    "data loader": (lambda: iter([ROWS]), "`x` must be an array.*iterator"),
    "other shape": (
        lambda: np.zeros((4, 2)),
        r"`x` must have shape \[B, 3\].*\(4, 2\)",
    ),
    "grey values": (lambda: ROWS * 255, r"lie in \[0, 1\].*to 255.*divide.* by 255"),
    "frame with a hole": (
        lambda: frame(np.where(ROWS > 0, np.nan, ROWS)),
        "must be finite.* of them NaN",
    ),
    "frame of grey values": (lambda: frame(ROWS * 255), "must be finite.*to 255"),
    "overflow": (lambda: ROWS * 1e300, "must be finite.*inf"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_data_are_refused_by_every_method(model, kind):
    make, message = BAD[kind]
    for call in calls(model, make()):
        with pytest.raises(ValueError, match=message):
            call()


def test_no_rows_are_refused(model):
    for call in calls(model, np.zeros((0, 3)))[:-2]:
        with pytest.raises(ValueError, match="`x` must have at least one example"):
            call()


ELEMENTS = {
    "dict": (lambda: {"a": tf.zeros([4, 3])}, "`a` must be left out.*inputs.* x"),
    "text": (lambda: tf.constant([["a"] * 3] * 4), "`x` must be an array.*string"),
    "ragged": (
        lambda: tf.ragged.constant([[0.0], [0.0, 1.0]]),
        "`x` must be an array.*Ragged",
    ),
    "too many": (lambda: (tf.zeros([4, 3]),) * 4, "x, .x, y. or .x, y, sample w.*4"),
    "shape": (lambda: tf.zeros([4, 2]), r"must have shape \[B, 3\].*\(4, 2\)"),
}


@pytest.mark.parametrize("kind", ELEMENTS)
def test_bad_elements_of_a_data_set_are_named(model, kind):
    make, message = ELEMENTS[kind]
    data = tf.data.Dataset.from_tensors(make())
    for call in (
        lambda: model.fit(data, verbose=0),
        lambda: model.evaluate(data, verbose=0),
        lambda: model.fit(ROWS, validation_data=data, verbose=0),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_a_shape_that_shows_only_in_the_batch_is_named(model):
    def batches():
        yield np.zeros((4, 2), "float32")

    for spec in (tf.TensorSpec(None), tf.TensorSpec([None, None])):
        data = tf.data.Dataset.from_generator(batches, output_signature=spec)
        with pytest.raises(ValueError, match=r"shape \[B, 3\]. Received: shape \[4 2"):
            model.fit(data, verbose=0)


def test_a_sparse_data_set_is_read(model):
    data = tf.data.Dataset.from_tensors(tf.sparse.from_dense(ROWS))
    dense = tf.data.Dataset.from_tensors(ROWS)
    assert_array_equal(
        model.predict(data, verbose=0)["latents"],
        model.predict(dense, verbose=0)["latents"],
    )
    model.fit(data, verbose=0)


def test_images_may_lack_their_channel(image_model, binary_images):
    flat = binary_images[..., 0]
    expected = image_model.encode(binary_images)
    assert_array_equal(image_model.encode(flat), expected)
    data = tf.data.Dataset.from_tensor_slices(flat).batch(8)
    for x in (flat, data):
        latents = image_model.predict(x, verbose=0)["latents"]
        assert_allclose(latents, expected, rtol=1e-5, atol=1e-6)
    image_model.fit(flat, validation_data=data, verbose=0)
    assert image_model.reconstruct(flat).shape == (32, 6, 5, 1)
    with pytest.raises(ValueError, match=r"`x` must have shape \[B, 6, 5, 1\]"):
        image_model.fit(flat[:, :, :4], verbose=0)


SETTINGS = [
    ({"batch_size": np.nan}, "`batch_size` must be an integer >= 1.*nan"),
    ({"batch_size": "32"}, "`batch_size` must be an integer >= 1.*'32'"),
    ({"batch_size": 0}, "`batch_size` must be an integer >= 1.*0"),
    ({"epochs": 2.5}, "`epochs` must be an integer.*2.5"),
    ({"epochs": None, "steps_per_epoch": "2"}, "`steps_per_epoch` must be an int.*'2'"),
    ({"verbose": "loud"}, "`verbose` must be one of.*'loud'"),
    ({"shuffle": "yes"}, "`shuffle` must be True or False.*'yes'"),
    ({"validation_split": 1.5}, "`validation_split` must .*1.5"),
    ({"validation_split": 0.9}, "`validation_split` must leave examples.*0.9, 4"),
    ({"callbacks": ["csv"]}, "`callbacks` must be instances of.*'csv'"),
    ({"callbacks": keras.callbacks.History}, "`callbacks` must be inst.*class History"),
    ({"y": [1, 2]}, r"`y` must have one label for each of the 4.*\[1, 2\]"),
    ({"y": 3}, "`y` must have one label for each of the 4 examples. Received: 3"),
]


@pytest.mark.parametrize(("given", "message"), SETTINGS)
def test_bad_settings_are_named(model, given, message):
    with pytest.raises(ValueError, match=message):
        model.fit(ROWS, **{"verbose": 0, **given})


def test_what_a_data_set_has_in_it_is_not_given_beside_it(model):
    data = tf.data.Dataset.from_tensors(ROWS)
    for name, value in (
        ("y", np.zeros(4)),
        ("sample_weight", np.ones(4)),
        ("validation_split", 0.5),
    ):
        with pytest.raises(ValueError, match=f"`{name}` must be left out where `x`"):
            model.fit(data, verbose=0, **{name: value})


@pytest.mark.parametrize(
    "given",
    [{"loss": "mse"}, {"metrics": ["mse"]}, {"weighted_metrics": ["mse"]}],
)
def test_a_loss_or_metrics_are_refused(given):
    (name,) = given
    with pytest.raises(ValueError, match=f"`{name}` must be left out: the model max"):
        VAE((3,), 2).compile("adam", **given)


@pytest.mark.parametrize(
    "name", ["fit", "evaluate", "predict", "train_on_batch", "test_on_batch"]
)
def test_methods_show_the_arguments_of_keras(name):
    of_keras = inspect.signature(getattr(keras.Model, name))
    assert inspect.signature(getattr(VAE, name)) == of_keras


def test_a_loss_that_is_not_finite_is_told_of_once(recwarn):
    model = VAE((3,), 2, encoder=networks.MLP((4,)), likelihood=likelihoods.Normal())
    model.compile(keras.optimizers.SGD(1e30))
    model.fit(ROWS, epochs=4, verbose=0)
    told = [each for each in recwarn if "The loss is" in str(each.message)]
    assert len(told) == 1
    assert "lower learning rate" in str(told[0].message)


def test_keras_export_names_ours_and_parts_have_their_names(model):
    with pytest.raises(ValueError, match=r"vae_zoo.export\(model, directory\).*'here'"):
        model.export("here")
    own = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)], name="mine")
    other = VAE((3,), 2, encoder=own)
    assert other.get_layer("encoder") is own
    assert other.get_layer("decoder") is other.decoder
    assert other.get_layer("mine") is own
