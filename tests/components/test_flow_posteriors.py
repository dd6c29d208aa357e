"""Flows as posteriors: their start, their densities, and their arguments."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from tests.components.flows import KINDS, every_flow, values
from tests.zoo_of_models import IMAGES, SHAPE
from vae_zoo import VAE
from vae_zoo.components import networks, posteriors, priors
from vae_zoo.components.draw import total
from vae_zoo.components.heads import build_head

NUM_FEATURES, SIZE = 5, 4


def head_of(kind, size=SIZE):
    """One as it is at first."""
    head = KINDS[kind]()
    build_head(head, (None, NUM_FEATURES), (size,))
    return head


@functools.cache
def bent(kind, size=SIZE):
    """One whose weights are far from the start."""
    head = head_of(kind, size)
    # So far that an autoregressive flow, in float32, can still be inverted.
    size_of_change = 0.35 if kind == "autoregressive" else 0.7
    for number, weight in enumerate(head.weights):
        change = values(*weight.shape, seed=number)
        weight.assign(weight + size_of_change * change)
    return head


def flow_of(head, features):
    """The function of z [..., B, D] to f(z) and the log-determinant."""
    parameters = head(features)
    del parameters["loc"], parameters["scale_diag"]
    return functools.partial(head.flow, **parameters)


@every_flow
def test_a_flow_is_its_base_at_first(kind):
    head, features = head_of(kind), values(3, NUM_FEATURES)
    seeds = tf.constant([[1, 2], [3, 4], [5, 6]])
    draw, expected = (each.infer(features, 2, seeds) for each in (head, head.base))
    same = assert_array_equal
    if kind == "planar":
        same = functools.partial(assert_allclose, rtol=1e-6, atol=1e-6)
    same(draw.z, expected.z)
    same(draw.log_q, expected.log_q)
    same(head.location(features), head.base.location(features))


def test_the_bound_of_a_flow_is_that_of_its_base_at_first():
    options = {"encoder": networks.MLP((8,)), "seed": 1}
    model = VAE(SHAPE, 2, posterior=KINDS["orthogonal"](), **options)
    other = VAE(SHAPE, 2, **options | {"encoder": networks.MLP((8,))})
    for name in ("encoder", "decoder", "likelihood_head"):
        weights = getattr(model, name).get_weights()
        getattr(other, name).set_weights(weights)
    other.posterior_head.set_weights(model.posterior_head.base.get_weights())
    draw = other.infer(IMAGES, seed=2)
    expected = total(other.log_joint(draw.z, IMAGES)) - total(draw.log_q)
    assert_allclose(model.elbo(IMAGES, seed=2), expected[0], rtol=1e-6)


@every_flow
def test_log_determinants_are_those_of_the_jacobians(kind):
    head, z = bent(kind), values(3, SIZE, seed=1)
    flow = flow_of(head, values(3, NUM_FEATURES))
    if kind != "autoregressive":  # Whose own weights are in float32.
        parameters = {k: tf.cast(v, tf.float64) for k, v in flow.keywords.items()}
        flow, z = functools.partial(head.flow, **parameters), tf.cast(z, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(z)
        moved, log_det = flow(z)
    jacobian = tape.batch_jacobian(moved, z).numpy().astype("float64")
    assert np.abs(jacobian - np.eye(SIZE)).max() > 0.1
    assert np.linalg.det(jacobian).min() > 0
    assert_allclose(log_det, np.linalg.slogdet(jacobian)[1], rtol=1e-4, atol=1e-5)


@every_flow
def test_a_draw_has_the_density_of_its_base_less_the_log_determinant(kind):
    head, features = bent(kind), values(3, NUM_FEATURES)
    seeds = tf.constant([[1, 2], [3, 4], [5, 6]])
    draw = head.infer(features, 2, seeds)
    base = head.base.infer(features, 2, seeds)
    moved, log_det = flow_of(head, features)(base.z)
    assert_array_equal(draw.z, moved)
    assert_array_equal(draw.log_q, base.log_q - log_det)
    assert draw.q is None
    location = flow_of(head, features)(head.base.location(features))[0]
    assert_array_equal(head.location(features), location)


@every_flow
def test_a_density_on_the_plane_integrates_to_one(kind):
    """Over the images of small squares: only if no two of them overlap."""
    head, features = bent(kind, 2), values(1, NUM_FEATURES)
    base = head.base.distribution(**head.base(features))
    ticks = np.linspace(-6, 6, 301)
    grid = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1)
    u = base.loc + base.scale.matvec(tf.constant(grid[:, :, None], tf.float32))
    z, log_det = flow_of(head, features)(u)
    z, density = z[:, :, 0], np.exp(base.log_prob(u) - log_det)[..., 0]
    one, other = z[1:, 1:] - z[:-1, :-1], z[1:, :-1] - z[:-1, 1:]
    area = (other[..., 0] * one[..., 1] - other[..., 1] * one[..., 0]) / 2
    assert np.min(area) > 0
    corners = (density[a, b] for a in (H, T) for b in (H, T))
    assert_allclose(np.sum(sum(corners) / 4 * area), 1, rtol=2e-3)


H, T = slice(None, -1), slice(1, None)


def test_an_autoregressive_flow_is_inverted_one_element_at_a_time():
    head, features = bent("autoregressive"), values(3, NUM_FEATURES)
    u = values(3, SIZE, seed=1)
    z = flow_of(head, features)(u)[0].numpy()
    for number in reversed(range(head.num_flows)):
        step, found = head.steps[number], np.zeros_like(z)
        order = range(SIZE)[::-1] if number % 2 else range(SIZE)
        for i in order:
            shift, raw = step(tf.constant(found), context=head.context(features))
            log_scale = 3 * np.tanh(raw / 3)
            found[:, i] = ((z - shift) * np.exp(-log_scale))[:, i]
        z = found
    assert_allclose(z, u, rtol=1e-3, atol=1e-4)


def test_planar_steps_stay_invertible_at_any_weights():
    head = head_of("planar")
    for scale in (0.0, 1.0, 30.0, 1000.0):
        for number, weight in enumerate(head.weights):
            weight.assign(scale * values(*weight.shape, seed=number))
        found = head(values(50, NUM_FEATURES, seed=3))
        products = tf.reduce_sum(found["direction"] * found["normal"], axis=-1)
        # Up to the rounding of a product of large numbers.
        largest = np.abs(found["direction"] * found["normal"]).max()
        assert np.min(products) >= -1 - 1e-5 * (1 + largest)
        draw = head.infer(values(50, NUM_FEATURES, seed=3), seed=tf.constant([1, 2]))
        assert np.isfinite(draw.log_q).all()


@pytest.mark.parametrize("kind", ["orthogonal", "householder"])
def test_a_sylvester_step_is_the_one_of_the_publication(kind):
    """By matrices, and with reflections along vectors that are nearly parallel."""
    head, z = bent(kind), values(3, SIZE, seed=1)
    found = {k: v.numpy() for k, v in head(values(3, NUM_FEATURES)).items()}
    vectors = found["vectors"].copy()
    vectors[:, :, 1] = vectors[:, :, 0] + 1e-3 * vectors[:, :, 1]
    found["vectors"] = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    del found["loc"], found["scale_diag"]
    moved, log_det = head.flow(z, **{k: tf.constant(v) for k, v in found.items()})
    rank = {"orthogonal": 2, "householder": SIZE}[kind]
    for row in range(3):
        expected, total_log_det = z[row].numpy(), 0.0
        for step in range(head.num_flows):
            basis = np.eye(SIZE)
            for v in found["vectors"][row, step]:
                basis = basis @ (np.eye(SIZE) - 2 * np.outer(v, v))
            basis = basis[:, :rank]
            assert_allclose(basis.T @ basis, np.eye(rank), atol=1e-5)
            outer, inner = (found[name][row, step] for name in ("outer", "inner"))
            assert_array_equal(np.tril(outer, -1) + np.tril(inner, -1), 0.0)
            bent_row = np.tanh(inner @ basis.T @ expected + found["shift"][row, step])
            product = np.diag(1 - bent_row**2) @ inner @ outer
            total_log_det += np.linalg.slogdet(np.eye(rank) + product)[1]
            expected = expected + basis @ outer @ bent_row
        assert_allclose(moved[row], expected, rtol=1e-3, atol=1e-4)
        assert_allclose(log_det[row], total_log_det, rtol=1e-3, atol=1e-4)


@every_flow
def test_a_draw_depends_on_its_own_row_alone(kind):
    head, features = bent(kind), values(3, NUM_FEATURES)
    seeds = tf.constant([[1, 2], [3, 4], [5, 6]])
    together = head.infer(features, 2, seeds)
    for row in range(3):
        own = slice(row, row + 1)
        alone = head.infer(features[own], 2, seeds[own])
        assert_allclose(alone.z[:, 0], together.z[:, row], rtol=1e-5, atol=1e-5)
        assert_allclose(alone.log_q[:, 0], together.log_q[:, row], rtol=1e-5)


@pytest.mark.parametrize(
    "kind",
    # Compiling takes seconds. Householder's have all that XLA may choke on.
    [
        each if each == "householder" else pytest.param(each, marks=pytest.mark.slow)
        for each in KINDS
    ],
)
def test_gradients_are_finite_and_the_same_under_xla(kind):
    head, features = bent(kind), values(3, NUM_FEATURES)

    def gradients(features):
        with tf.GradientTape() as tape:
            draw = head.infer(features, 2, tf.constant([1, 2]))
            loss = tf.reduce_sum(draw.log_q) + tf.reduce_sum(draw.z**2)
        return tape.gradient(loss, head.trainable_weights)

    expected = gradients(features)
    found = tf.function(gradients, jit_compile=True)(features)
    for a, b in zip(expected, found, strict=True):
        assert np.isfinite(a).all()
        assert np.abs(a).max() > 0
        assert_allclose(a, b, rtol=1e-2, atol=1e-2 * np.abs(a).max())


@every_flow
def test_a_config_makes_the_same_function(kind):
    head, features = bent(kind), values(2, NUM_FEATURES)
    other = type(head).from_config(head.get_config())
    assert other.get_config() == head.get_config()
    build_head(other, (None, NUM_FEATURES), (SIZE,))
    other.set_weights(head.get_weights())
    draws = (each.infer(features, seed=tf.constant([1, 2])) for each in (head, other))
    assert_array_equal(*(draw.log_q for draw in draws))


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("num_flows", lambda: posteriors.InverseAutoregressiveFlow(0)),
        ("hidden_units", lambda: posteriors.InverseAutoregressiveFlow(2, ())),
        ("num_flows", lambda: posteriors.Planar(0)),
        ("num_flows", lambda: posteriors.Sylvester(-1)),
        ("num_vectors", lambda: posteriors.Sylvester(2, 0)),
        ("num_vectors", lambda: VAE(SHAPE, 3, posterior=posteriors.Sylvester(2, 4))),
        ("kind", lambda: posteriors.Sylvester(kind="triangular")),
        (
            "posterior",
            lambda: VAE(
                SHAPE,
                3,
                posterior=posteriors.Planar(),
                prior=priors.SphericalUniform(),
            ),
        ),
    ],
)
def test_bad_arguments_are_named(name, make):
    with pytest.raises(ValueError, match=f"`{name}`.* must .*Received"):
        make()
