"""Dropout with its own noise for each row, also under a distribution strategy."""

import keras
import tensorflow as tf

from vae_zoo.components.randomness import row_seeds
from vae_zoo.distributions.noise import uniform


@keras.saving.register_keras_serializable("vae_zoo")
class Dropout(keras.layers.Dropout):
    """`keras.layers.Dropout`, with a seed for each row of the batch; see `row_seeds`.

    Keras' own drops the same units on all replicas of a distribution strategy.
    """

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """`x` [B, ...]; in training, elements become 0 or are divided by 1 - rate."""
        if not training or not self.rate:
            return x
        shape = tf.shape(x)
        seeds = row_seeds(self.seed_generator, shape[0])
        noise = uniform(shape, seeds, event_rank=x.shape.rank - 1)
        return tf.where(noise >= self.rate, x / (1 - self.rate), tf.zeros_like(x))
