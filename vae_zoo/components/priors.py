"""Priors p(z)."""

import keras
import tensorflow as tf

from vae_zoo.components.geometry import EUCLIDEAN, SPHERE
from vae_zoo.distributions import sphere
from vae_zoo.distributions.multivariate_normal import MultivariateNormalDiag


class Prior(keras.layers.Layer):
    """A distribution over latents that depends on no input; may own weights.

    `geometry` says where the latents live.
    """

    geometry = EUCLIDEAN

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


@keras.saving.register_keras_serializable("vae_zoo")
class SphericalUniform(Prior):
    """p(z) uniform on the unit sphere of R^D, D >= 2.

    Source: Davidson et al. 2018, section 3.
    """

    geometry = SPHERE

    def distribution(self):
        """`tfd.SphericalUniform`, batch [], event [D]."""
        return sphere.SphericalUniform(self.event_shape[0])
