"""What is called again and again traces once, and follows what the model becomes."""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from vae_zoo import VAE, evaluation, tasks
from vae_zoo.components import likelihoods, networks, priors
from vae_zoo.evaluation import annealed, hamiltonian
from vae_zoo.models import traced

SHAPE = (2, 2, 1)

# XLA compiles what is traced, and no more often.
pytestmark = pytest.mark.usefixtures("without_xla")


def small_vae(**options):
    return VAE(SHAPE, 2, encoder=networks.MLP((4,)), seed=0, **options)


@pytest.fixture
def x():
    return (np.random.default_rng(0).random((6, *SHAPE)) < 0.5).astype("float32")


@pytest.fixture
def graphs(monkeypatch):
    """What TensorFlow has built graphs for, of functions, loops and data sets."""
    built, make = [], tf.__internal__.FuncGraph.__init__

    def count(graph, name, *arguments, **options):
        built.append(name)
        make(graph, name, *arguments, **options)

    monkeypatch.setattr(tf.__internal__.FuncGraph, "__init__", count)
    return built


def data_of(x, y):
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(4)


CALLS = {
    "log_marginal_likelihood": lambda m, x, k: m.log_marginal_likelihood(
        x, 500, seed=k
    ),
    "impute": lambda m, x, k: m.impute(x, 1 - x, 2 + k, seed=k),
    "denoise": lambda m, x, k: tasks.denoise(m, x, 0.1, 2 + k, seed=k),
    "super_resolve": lambda m, x, k: tasks.super_resolve(
        m, x[:, :1, :1], 2 + k, seed=k
    ),
    "anomaly_scores": lambda m, x, k: tasks.anomaly_scores(m, x, 2, seed=k),
    "marginal_likelihood": lambda m, x, k: evaluation.marginal_likelihood(
        m, x, 2, seed=k
    ),
    "latent_usage": lambda m, x, k: evaluation.latent_usage(m, x, seed=k),
    "evaluate_clusters": lambda m, x, k: evaluation.evaluate_clusters(
        m, data_of(x, np.arange(6) % 2)
    ),
}


@pytest.mark.filterwarnings("ignore:The effective sample size")
@pytest.mark.filterwarnings("ignore:The posterior has collapsed")
@pytest.mark.parametrize("name", CALLS)
def test_a_second_call_builds_no_graph(name, x, graphs):
    prior = priors.MixtureOfNormals(2, initialization=None)
    model, call = small_vae(prior=prior), CALLS[name]
    call(model, x, 0)
    assert graphs
    graphs.clear()
    call(model, x, 1)
    assert graphs == []


def test_slow_estimates_are_traced_once(x, monkeypatch):
    calls, model = [], small_vae()

    def per_example(model, x, *arguments):
        calls.append("log_likelihood")
        return tf.zeros(tf.shape(x)[0]), tf.zeros(tf.shape(x)[0])

    monkeypatch.setattr(annealed, "log_likelihood", per_example)
    monkeypatch.setattr(annealed, "LatentTarget", lambda *arguments: None)
    monkeypatch.setattr(annealed, "_sides", lambda m, n, c, s, x, k: per_example(m, x))

    def states(model, count, x, key):
        calls.append("draw")
        drawn = tf.random.stateless_normal([count, 40, tf.shape(x)[0], 2], key)
        return drawn, -tf.reduce_sum(drawn**2, axis=-1)

    def log_joint(model, x, states, key):
        calls.append("log_joint")
        return -tf.reduce_sum(states**2, axis=-1)

    monkeypatch.setattr(hamiltonian, "_draw", states)
    monkeypatch.setattr(hamiltonian, "_log_joint", log_joint)
    for _ in range(2):
        evaluation.annealed_marginal_likelihood(model, x, 2)
        evaluation.bidirectional(model, 6, 2)
        evaluation.hamiltonian_marginal_likelihood(model, x, 40)
    assert calls == ["log_likelihood", "log_likelihood", "draw", "log_joint"]


def scale(model):
    return model.likelihood(tf.zeros([1, 2])).stddev()


def test_a_traced_function_follows_weights_dtypes_and_numbers():
    model = small_vae(likelihood=likelihoods.Normal(0.5))
    z = tf.ones([3, 2])

    def compare(rtol=1e-6):
        function = traced.traced(decoded, model)
        assert_allclose(function(z), decoded(model, z), rtol=rtol)
        return function

    first = compare()
    assert compare() is first
    model.set_weights([weight + 0.5 for weight in model.get_weights()])
    assert compare() is first
    model.likelihood_head.scale = 2.0
    assert compare() is not first
    assert traced.traced(scale, model)()[0, 0, 0, 0] == 2
    for layer in model.decoder._flatten_layers():
        layer.dtype_policy = "mixed_bfloat16"
    before = first(z)
    assert np.abs(compare(1e-2)(z) - before).max() > 0


def decoded(model, z):
    return model.decode(z)


def test_functions_go_with_their_model_and_are_no_part_of_it(x):
    model = small_vae()
    attributes, config = set(vars(model)), model.get_config()
    model.impute(x, 1 - x, 2, seed=0)
    function = weakref.ref(next(iter(traced._FUNCTIONS[model].values())))
    assert (set(vars(model)), model.get_config()) == (attributes, config)
    reference = weakref.ref(model)
    del model
    gc.collect()
    assert reference() is None
    assert function() is None


def nothing(model, number):
    return tf.constant(number)


def test_old_functions_make_room():
    model = small_vae()
    for number in range(traced.MOST_FUNCTIONS + 5):
        traced.traced(nothing, model, number)
    assert len(traced._FUNCTIONS[model]) == traced.MOST_FUNCTIONS


class Flipped(keras.layers.Layer):
    """A decoder whose Python code asks for a flag and a function."""

    def __init__(self):
        super().__init__()
        self.flip, self.bend = False, tf.identity

    def call(self, z):
        z = self.bend(tf.concat([z, 2 * z], axis=-1))
        return z[:, ::-1] if self.flip else z


@pytest.mark.parametrize(("name", "value"), [("flip", True), ("bend", tf.math.square)])
def test_a_traced_function_follows_flags_and_functions(x, name, value):
    model = small_vae(decoder=Flipped())
    before = model.log_marginal_likelihood(x, 600, seed=1)
    setattr(model.decoder, name, value)
    found = model.log_marginal_likelihood(x, 600, seed=1)
    assert np.abs(found - before).max() > 0.01
