import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from vae_zoo.components.made import MADE

SIZE, CONTEXT = 5, 3


def made(size=SIZE, context=None, **options):
    """One with weights of any size, none of which is 0, in float64."""
    network = MADE((20, 15), 2, dtype="float64", **options)
    network.build((None, size), None if context is None else (None, context))
    rng = np.random.default_rng(1)
    for weight in network.weights:
        weight.assign(rng.normal(size=weight.shape))
    return network


def values(*shape):
    return tf.constant(np.random.default_rng(0).normal(size=shape))


def jacobians(network, z, **context):
    """Of each output, [P, D, D], at one z."""
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(z)
        outputs = network(z, **context)
    return [tape.batch_jacobian(each, z)[0].numpy() for each in outputs]


@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize("context", [None, CONTEXT])
def test_an_output_depends_on_all_inputs_before_it_and_no_other(is_reversed, context):
    network = made(context=context, is_reversed=is_reversed)
    given = {} if context is None else {"context": values(1, context)}
    for jacobian in jacobians(network, values(1, SIZE), **given):
        if is_reversed:
            jacobian = jacobian[::-1, ::-1]
        below = np.tril(np.ones_like(jacobian), -1) > 0
        assert_array_equal(jacobian[~below], 0.0)
        assert np.abs(jacobian[below]).min() > 1e-6


@pytest.mark.parametrize("size", [1, SIZE])
def test_every_output_depends_on_the_context(size):
    network = made(size, CONTEXT)
    context = values(1, CONTEXT)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(context)
        outputs = network(values(1, size), context=context)
    for each in outputs:
        assert np.abs(tape.batch_jacobian(each, context)).min() > 1e-6


def test_the_outputs_are_zero_at_first():
    network = MADE((8,), 3)
    network.build((None, SIZE), (None, CONTEXT))
    z, context = (tf.cast(values(4, each), tf.float32) for each in (SIZE, CONTEXT))
    outputs = network(z, context=context)
    assert len(outputs) == 3
    for each in outputs:
        assert_array_equal(each, np.zeros((4, SIZE)))


def test_draws_share_the_context_of_their_row():
    network = made(context=CONTEXT)
    z, context = values(6, 4, SIZE), values(4, CONTEXT)
    for found, *rows in zip(
        network(z, context=context),
        *(network(each, context=context) for each in z),
        strict=True,
    ):
        assert_allclose(found, rows, rtol=1e-10)


def test_with_few_units_it_stays_autoregressive():
    network = MADE((2,), dtype="float64")
    network.build((None, SIZE))
    for weight in network.weights:
        weight.assign(np.random.default_rng(1).normal(size=weight.shape))
    (jacobian,) = jacobians(network, values(1, SIZE))
    assert_array_equal(np.triu(jacobian), 0.0)
    assert np.abs(jacobian).max() > 0


def test_its_config_makes_the_same_function():
    network = made(context=CONTEXT, activation="tanh", is_reversed=True)
    other = MADE.from_config(network.get_config())
    assert other.get_config() == network.get_config()
    other.build((None, SIZE), (None, CONTEXT))
    other.set_weights(network.get_weights())
    given = values(2, SIZE), values(2, CONTEXT)
    found = [each(given[0], context=given[1]) for each in (network, other)]
    assert_array_equal(*found)
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(network)
    )
    assert type(again) is MADE


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("hidden_units", {"hidden_units": ()}),
        ("hidden_units", {"hidden_units": (4, 0)}),
        ("num_outputs", {"num_outputs": 0}),
        ("activation", {"activation": "unknown"}),
        ("is_reversed", {"is_reversed": 1}),
    ],
)
def test_bad_arguments_are_named(name, options):
    with pytest.raises(ValueError, match=f"`{name}` must .*Received"):
        MADE(**{"hidden_units": (4,), **options})
