"""What users bring: layers of their own, and arguments that are no components."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from numpy.testing import assert_array_equal

from vae_zoo import VAE, GaussianMixtureVAE
from vae_zoo.components import (
    distortions,
    likelihoods,
    networks,
    posteriors,
    priors,
    products,
)

SHAPE = (6, 5, 1)


class OnlyCall(keras.layers.Layer):
    """A layer with `call` and sublayers, as most that are published are."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.flatten = keras.layers.Flatten()
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return tf.nn.relu(self.dense(self.flatten(x)))


class OwnModel(keras.Model):
    """The same as a model."""

    def __init__(self):
        super().__init__()
        self.inner = OnlyCall(4)

    def call(self, x, training=False):
        return self.inner(x)


def functional(num_outputs=1):
    inputs = keras.Input(SHAPE)
    hidden = keras.layers.Dense(4, activation="relu")(keras.layers.Flatten()(inputs))
    outputs = [keras.layers.Dense(2)(hidden) for _ in range(num_outputs)]
    return keras.Model(inputs, outputs[0] if num_outputs == 1 else outputs)


@pytest.mark.parametrize(
    "make",
    [
        lambda: OnlyCall(4),
        OwnModel,
        functional,
        lambda: keras.Sequential([keras.Input(SHAPE), OnlyCall(4)]),
        lambda: keras.layers.Flatten(),
        lambda: distortions.Distorted(OnlyCall(4), rotation=5.0, seed=0),
    ],
)
def test_any_layer_is_an_encoder(make, binary_images):
    encoder = make()
    model = VAE(SHAPE, 2, encoder=encoder, decoder=OnlyCall(3))
    assert model.encoder is encoder
    assert model.encode(binary_images).shape == (32, 2)
    assert model.sample(2, seed=0).shape == (2, *SHAPE)
    # All weights are made by the constructor, as loading needs.
    num_weights = len(model.weights)
    model.elbo_terms(binary_images, training=True)
    assert len(model.weights) == num_weights


def test_what_only_has_call_trains(binary_images):
    model = VAE(SHAPE, 2, encoder=OwnModel(), decoder=OnlyCall(3))
    model.compile("adam", jit_compile=False)
    before = model.get_weights()
    model.train_on_batch(binary_images)
    for weight, value in zip(model.weights, before, strict=True):
        assert np.any(weight.numpy() != value), weight.path


def test_a_decoder_may_give_the_shape_of_the_data():
    decoder = keras.Sequential([keras.layers.Dense(30), keras.layers.Reshape(SHAPE)])
    model = VAE(SHAPE, 2, encoder=functional(), decoder=decoder)
    assert model.decode(np.zeros((3, 2), "float32")).shape == (3, *SHAPE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"encoder": functional(3)},
            "`encoder` must return one tensor of features.*posterior makes.*3 outputs",
        ),
        (
            {"encoder": keras.layers.Dense(3, name="d"), "decoder": OnlyCall(3)},
            None,
        ),
        (
            {"encoder": keras.Sequential([keras.Input((7,)), keras.layers.Dense(3)])},
            r"`encoder` must take inputs of shape \[B, 6, 5, 1\].*fails on them",
        ),
        (
            {"decoder": keras.layers.Lambda(lambda z: (z, z))},
            "`decoder` must return one tensor.*the likelihood makes.*2 outputs",
        ),
        (
            {"decoder": keras.layers.Lambda(lambda z: z[:, 0])},
            "`decoder` must return one tensor.*an output of shape",
        ),
    ],
)
def test_what_networks_must_return(arguments, message):
    if message is None:
        VAE(SHAPE, 2, **arguments)
        return
    with pytest.raises(ValueError, match=message):
        VAE(SHAPE, 2, **arguments)


KERAS_2 = tf_keras.Sequential([tf_keras.layers.Dense(3)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"encoder": networks.MLP}, "`encoder` must be a Keras layer.*the class MLP"),
        ({"encoder": "mlp"}, "`encoder` must be a Keras layer.*encoder='mlp'"),
        ({"encoder": np.tanh}, "`encoder` must be a Keras layer"),
        ({"encoder": KERAS_2}, "`encoder` must be of Keras 3.*`tf_keras`, which is"),
        ({"decoder": KERAS_2.layers[0]}, "`decoder` must be of Keras 3"),
        ({"decoder": networks.Conv}, "`decoder` must be a Keras layer"),
        ({"decoder": len}, "`decoder` must be a Keras layer.*the function len"),
        ({"posterior": posteriors.DiagonalNormal}, "`posterior` must be an instance"),
        ({"posterior": "normal"}, "`posterior` must be.*posterior='normal'"),
        ({"posterior": likelihoods.Normal()}, "`posterior` must be an instance"),
        ({"posterior": keras.layers.Dense(2)}, "`posterior` must be an instance"),
        ({"prior": priors.StandardNormal}, "`prior` must be an instance"),
        ({"prior": posteriors.DiagonalNormal()}, "`prior` must be an instance"),
        ({"likelihood": likelihoods.Bernoulli}, "`likelihood` must be an instance"),
        ({"likelihood": "bernoulli"}, "`likelihood` must be.*='bernoulli'"),
        ({"likelihood": posteriors.DiagonalNormal()}, "`likelihood` must be an inst"),
        ({"seed": "1"}, "`seed` must be an integer or None.*seed='1'"),
        ({"seed": 1.5}, "`seed` must be an integer or None.*seed=1.5"),
    ],
)
def test_what_is_no_component_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        VAE(SHAPE, 2, **arguments)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: GaussianMixtureVAE(SHAPE, 2, cluster_network="mlp"),
            "`cluster_network` must be a Keras layer.*'mlp'",
        ),
        (
            lambda: GaussianMixtureVAE(SHAPE, 2, noise_posterior=len),
            "`noise_posterior` must be one of.*the function len",
        ),
        (
            lambda: distortions.Distorted(networks.MLP),
            "`network` must be a Keras layer.*the class MLP",
        ),
        (
            lambda: products.ProductPosterior([posteriors.DiagonalNormal], (2,)),
            r"`factors\[0\]` must be an instance.*the class DiagonalNormal",
        ),
        (
            lambda: products.ProductPrior([priors.StandardNormal(), "x"], (2, 2)),
            r"`factors\[1\]` must be an instance.*'x'",
        ),
        (lambda: products.ProductPrior(3, (2,)), "`factors` must be a list"),
        (
            lambda: products.ProductPrior([priors.StandardNormal()], 2),
            "`sizes` must be a sequence of positive integers",
        ),
    ],
)
def test_nor_within_other_components(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def component_pairs():
    for name, make in (
        ("encoder", lambda: networks.MLP((4,))),
        ("decoder", lambda: networks.MLP((4,))),
        ("posterior", posteriors.DiagonalNormal),
        ("prior", priors.StandardNormal),
        ("likelihood", likelihoods.Bernoulli),
    ):
        yield pytest.param(name, make, id=name)


@pytest.mark.parametrize(("name", "make"), component_pairs())
def test_a_component_is_part_of_one_model(name, make):
    component = make()
    with pytest.raises(ValueError, match="`latent_dim`"):
        VAE(SHAPE, 0, **{name: component})
    VAE(SHAPE, 2, **{name: component})
    # It is no matter whether the first model is still in use.
    with pytest.raises(ValueError, match=f"`{name}` already belongs to a model"):
        VAE(SHAPE, 2, **{name: component})
    copy = type(component).from_config(component.get_config())
    VAE(SHAPE, 2, **{name: copy})


def test_nor_is_a_part_of_a_component_shared():
    shared = networks.MLP((4,))
    VAE(SHAPE, 2, encoder=shared)
    with pytest.raises(ValueError, match="`encoder` already belongs to a model, or a"):
        VAE(SHAPE, 2, encoder=distortions.Distorted(shared, rotation=5.0))
    # Frozen weights bring no training along.
    backbone = OnlyCall(4)
    backbone.trainable = False
    first, second = (
        VAE(SHAPE, 2, encoder=keras.Sequential([backbone])) for _ in range(2)
    )
    assert_array_equal(*(each.encoder.get_weights()[0] for each in (first, second)))


def test_two_arguments_are_two_objects():
    both = networks.MLP((4,))
    with pytest.raises(ValueError, match="`encoder` and `decoder` must be two objects"):
        VAE((2,), 2, encoder=both, decoder=both)
    head = posteriors.DiagonalNormal()
    with pytest.raises(ValueError, match="`posterior` and `noise_posterior` must be"):
        GaussianMixtureVAE(SHAPE, 2, posterior=head, noise_posterior=head)


def test_models_from_one_config_share_nothing():
    model = VAE(SHAPE, 2, encoder=networks.MLP((4,)))
    one, other = (VAE.from_config(model.get_config()) for _ in range(2))
    assert not {id(w) for w in one.weights} & {id(w) for w in other.weights}
