"""A model with a condition, written outside of the package."""

import math

import keras
import tensorflow as tf

from vae_zoo import VAE
from vae_zoo.components.likelihoods.value_rule import ValueRule
from vae_zoo.components.rows import over_rows
from vae_zoo.fitting.examples import ExampleRule


@keras.saving.register_keras_serializable("tests")
class OnCondition(VAE):
    """p(z) p(x|z, c), q(z|x, c) with c a vector: of vectors x alone.

    Source: Sohn et al. 2015.
    """

    def __init__(self, input_shape, latent_dim, condition_dim, **kwargs):
        self.condition_dim = condition_dim
        self.of_x = keras.layers.Dense(8, activation="tanh")
        self.of_z = keras.layers.Dense(8, activation="tanh")
        super().__init__(input_shape, latent_dim, **kwargs)

    def input_rules(self):
        finite = ValueRule(-math.inf, math.inf, "Conditional", "condition")
        rule = ExampleRule((self.condition_dim,), finite)
        return {**super().input_rules(), "condition": rule}

    def components(self):
        return {**super().components(), "of_x": self.of_x, "of_z": self.of_z}

    def build_components(self):
        super().build_components()
        self.of_x.build((None, self.input_shape[0] + self.condition_dim))
        self.of_z.build((None, self.latent_dim + self.condition_dim))
        self.mix_x = keras.layers.Dense(self.input_shape[0], name="mix_x")
        self.mix_z = keras.layers.Dense(self.latent_dim, name="mix_z")
        self.mix_x.build((None, 8))
        self.mix_z.build((None, 8))

    def features(self, inputs, *, training=False):
        inputs = self.as_inputs(inputs)
        pair = tf.concat([inputs.x, inputs.condition], axis=-1)
        return self.encoder(self.mix_x(self.of_x(pair)), training=training)

    def likelihood_parameters(self, z, inputs=None, *, training=False):
        def parameters(z, condition):
            mixed = self.mix_z(self.of_z(tf.concat([z, condition], axis=-1)))
            return self.likelihood_head(self.decoder(mixed, training=training))

        return over_rows(parameters, self._latents_of_decoder(z), inputs.condition)

    def get_config(self):
        return {**super().get_config(), "condition_dim": self.condition_dim}
