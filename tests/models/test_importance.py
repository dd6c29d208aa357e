"""However many rows, samples and elements, few of them are in memory at a time."""

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from vae_zoo import VAE
from vae_zoo.components import networks
from vae_zoo.models import importance

SHAPE = (6, 5, 1)


@pytest.fixture
def rows_at_a_time(monkeypatch):
    """Sets how many rows the decoder takes, and gives what it took."""
    taken, log_joint = [], VAE.log_joint

    def record(model, z, inputs, **options):
        count, rows = z["z"].shape[:2]
        taken.append(None if rows is None else count * rows)
        return log_joint(model, z, inputs, **options)

    monkeypatch.setattr(VAE, "log_joint", record)

    def limit(count):
        taken.clear()
        monkeypatch.setattr(importance, "ELEMENTS_AT_A_TIME", 30 * count)
        return taken

    return limit


@pytest.mark.parametrize(
    ("way", "most"), [("eager", 1), ("eager", 7), ("graph", 7), ("xla", 7)]
)
def test_parts_of_rows_change_nothing(way, most, binary_images, rows_at_a_time):
    model = VAE(SHAPE, 2, encoder=networks.MLP((8,)), seed=0)
    x = binary_images[:3]
    expected = model.log_marginal_likelihood(x, 20, seed=1)
    taken = rows_at_a_time(most)

    def call(x):
        return model.log_marginal_likelihood(x, 20, seed=1)

    if way != "eager":
        # The number of rows is known to XLA alone.
        spec = [tf.TensorSpec((None, *SHAPE))]
        call = tf.function(call, spec, jit_compile=way == "xla")
    assert_allclose(call(x), expected, rtol=1e-5)
    if way == "eager":
        assert sum(taken) >= 60
        assert max(taken) <= most
    else:
        assert set(taken) == {None}
        assert call(x[:0]).shape == (0,)
    assert_allclose(call(x[:1]), model.log_marginal_likelihood(x[:1], 20, seed=1), 1e-5)


def test_every_draw_is_another_one(monkeypatch, binary_images):
    model, drawn = VAE(SHAPE, 2, encoder=networks.MLP((8,)), seed=0), []
    log_weights = importance.log_weights

    def record(proposal, draw):
        drawn.append(draw.z["z"].numpy())
        return log_weights(proposal, draw)

    monkeypatch.setattr(importance, "log_weights", record)
    # In three steps.
    model.log_marginal_likelihood(binary_images[:3], 70, seed=1)
    z = np.concatenate(drawn)
    assert z.shape == (70, 3, 2)
    assert len(np.unique(z.reshape(-1, 2), axis=0)) == 70 * 3


def test_a_wide_decoder_takes_fewer_rows(rows_at_a_time, binary_images):
    model = VAE(SHAPE, 2, decoder=networks.MLP((90,)), seed=0)
    taken = rows_at_a_time(60)
    model.log_marginal_likelihood(binary_images[:3], 20, seed=1)
    assert taken == [20] * 3


def test_a_chain_of_many_rows_changes_nothing(rows_at_a_time, binary_images):
    model = VAE(SHAPE, 2, encoder=networks.MLP((8,)), seed=0)
    x = binary_images[:6]

    def imputed():
        impute = tf.function(model.impute)
        return impute(x, np.zeros_like(x), 4, seed=tf.constant([1, 2]))

    expected = imputed()
    rows_at_a_time(5)
    assert_allclose(imputed(), expected)
