"""A prior written outside of the package, made of the model's own posteriors."""

import keras
import tensorflow as tf

from vae_zoo.arguments import check_count
from vae_zoo.components.priors import Prior
from vae_zoo.distributions import MixtureOfNormals


@keras.saving.register_keras_serializable("tests")
class VampPrior(Prior):
    """p(z) = 1/P sum_p q(z|u_p), with learned pseudo-inputs u_p in [0, 1].

    The model must have a `DiagonalNormal` posterior.

    Source: Tomczak & Welling 2018, equation 9.
    """

    def __init__(self, num_pseudo_inputs, **kwargs):
        super().__init__(**kwargs)
        self.num_pseudo_inputs = check_count(
            "num_pseudo_inputs", num_pseudo_inputs, 1, "P"
        )

    def build_for(self, model):
        """The pseudo-inputs have the shape of the data."""
        self.raw_pseudo_inputs = self.add_weight(
            shape=(self.num_pseudo_inputs, *model.input_shape),
            initializer="random_normal",
            name="raw_pseudo_inputs",
        )

    def distribution(self, model):
        """See `Prior`."""
        features = model.encoder(tf.sigmoid(self.raw_pseudo_inputs))
        q = model.posterior_head(features)
        weights = tf.zeros(self.num_pseudo_inputs)
        return MixtureOfNormals(weights, q["loc"], q["scale_diag"])

    def get_config(self):
        """The constructor's arguments."""
        config = super().get_config()
        return {**config, "num_pseudo_inputs": self.num_pseudo_inputs}
