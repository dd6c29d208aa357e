"""Models whose bound depends on no draw, so that its value is known."""

import keras
import numpy as np
import tensorflow as tf

from vae_zoo import VAE
from vae_zoo.components import networks

SHAPE = (6, 5, 1)


def blind(model_class=VAE, **options):
    """A model whose decoder ignores z, so that no term depends on the draw."""
    model = model_class(SHAPE, 2, encoder=networks.MLP((8,)), seed=0, **options)
    for variable in model.decoder.weights:
        variable.assign(tf.zeros_like(variable))
    return model


def compiled(model, optimizer=None):
    model.compile(optimizer or keras.optimizers.SGD(0.0))
    return model


def of_data_set(x, weights, size):
    pairs = tf.data.Dataset.from_tensor_slices((x, np.zeros(len(x)), weights))
    return {"x": pairs.batch(size)}
