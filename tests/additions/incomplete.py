"""A model that learns from data with holes, written outside of the package."""

import keras
import tensorflow_probability as tfp

from vae_zoo import VAE
from vae_zoo.components.likelihoods.value_rule import ValueRule
from vae_zoo.fitting.examples import ExampleRule

tfd = tfp.distributions


@keras.saving.register_keras_serializable("tests")
class WithHoles(VAE):
    """p(x_observed, z), q(z|x_observed): elements that are missing are not read.

    Source: Mattei & Frellsen 2019, with one sample.
    """

    def input_rules(self):
        mask = ValueRule(0.0, 1.0, "Bernoulli", "observed")
        rule = ExampleRule(self.input_shape, mask)
        return {**super().input_rules(), "observed": rule}

    def features(self, inputs, *, training=False):
        inputs = self.as_inputs(inputs)
        seen = inputs.x if inputs.observed is None else inputs.x * inputs.observed
        return super().features(inputs._replace(x=seen), training=training)

    def story(self, z, inputs, *, training=False):
        for name, p in super().story(z, inputs, training=training):
            if name == "x" and inputs.observed is not None:
                seen = tfd.Masked(p.distribution, inputs.observed > 0)
                p = tfd.Independent(seen, p.reinterpreted_batch_ndims)
            yield name, p
