"""Priors p(z)."""

import keras
import tensorflow as tf

from vae_zoo.distributions.multivariate_normal import MultivariateNormalDiag


class Prior(keras.layers.Layer):
    """A distribution over latents that depends on no input; may own weights."""

    def __init__(self, *, name=None, **kwargs):
        super().__init__(name=name, **{**kwargs, "dtype": "float32"})

    def build(self, event_shape):
        """Creates the weights, if any, for latents of shape `event_shape`."""
        self.event_shape = tuple(event_shape)

    def distribution(self):
        """The `tfd.Distribution`, batch [], event [D]."""
        raise NotImplementedError


@keras.saving.register_keras_serializable("vae_zoo")
class StandardNormal(Prior):
    """p(z) = N(0, I).

    Source: Kingma & Welling 2014, section 3.
    """

    def distribution(self):
        """`tfd.MultivariateNormalDiag`, batch [], event [D]."""
        return MultivariateNormalDiag(
            tf.zeros(self.event_shape), tf.ones(self.event_shape)
        )
