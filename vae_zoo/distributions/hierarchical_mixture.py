"""Mixtures of normals whose components depend on another latent vector."""

import tensorflow as tf
import tensorflow_probability as tfp

from vae_zoo.arguments import check_count, check_instance, shown
from vae_zoo.distributions.multivariate_normal import MultivariateNormalDiag
from vae_zoo.distributions.noise import fold_in

tfd = tfp.distributions


class HierarchicalMixture(tfd.Distribution):
    """p(z, w) = p(w) p(z|w), p(w) = N(0, I), p(z|w) a mixture of normals.

    Events are z and w in a row, [D + W].

    Args:
        given: function of w [B, W] to p(z|w), a `MixtureOfNormals` with batch [B]
            and event [D].
        latent_dim: D.
        noise_dim: W.

    Raises:
        ValueError: if `given` is no function or a length no integer >= 1.

    Source: Dilokthanakul et al. 2016, section 3.1.
    """

    def __init__(self, given, latent_dim, noise_dim, name="HierarchicalMixture"):
        parameters = dict(locals())
        if not callable(given):
            raise ValueError(
                "`given` must be a function of w to p(z|w). Received: "
                f"given={shown(given)}"
            )
        latent_dim = check_count("latent_dim", latent_dim, 1, "the length of z")
        noise_dim = check_count("noise_dim", noise_dim, 1, "the length of w")
        self.given, self.latent_dim, self.noise_dim = given, latent_dim, noise_dim
        super().__init__(
            dtype=tf.float32,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=False,
            parameters=parameters,
            name=name,
        )

    def noise(self):
        """p(w): batch [], event [W]."""
        return MultivariateNormalDiag(tf.zeros(self.noise_dim), tf.ones(self.noise_dim))

    def _event_shape(self):
        return tf.TensorShape([self.latent_dim + self.noise_dim])

    def _event_shape_tensor(self):
        return tf.constant([self.latent_dim + self.noise_dim])

    def _batch_shape(self):
        return tf.TensorShape([])

    def _batch_shape_tensor(self):
        return tf.constant([], tf.int32)

    def _log_prob(self, event):
        batch = tf.shape(event)[:-1]
        rows = tf.reshape(event, [-1, self.latent_dim + self.noise_dim])
        z, w = tf.split(rows, [self.latent_dim, self.noise_dim], axis=-1)
        log_prob = self.noise().log_prob(w) + self.given(w).log_prob(z)
        return tf.reshape(log_prob, batch)

    def _sample_n(self, n, seed=None):
        seed = tfp.random.sanitize_seed(seed)
        w = self.noise().sample(n, seed=fold_in(seed, 0))
        z = self.given(w).sample(seed=fold_in(seed, 1))
        return tf.concat([z, w], axis=-1)


class Marginal(tfd.Distribution):
    """p(z) of a `HierarchicalMixture`, to draw from.

    It has no closed-form density: `log_prob` raises NotImplementedError, and
    `joint.log_prob` of z and w has to do.

    Args:
        joint: p(z, w).

    Raises:
        ValueError: if `joint` is no `HierarchicalMixture`.
    """

    def __init__(self, joint, name="Marginal"):
        parameters = dict(locals())
        self.joint = check_instance(
            "joint", joint, HierarchicalMixture, "a HierarchicalMixture"
        )
        super().__init__(
            dtype=joint.dtype,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=False,
            parameters=parameters,
            name=name,
        )

    def _event_shape(self):
        return tf.TensorShape([self.joint.latent_dim])

    def _event_shape_tensor(self):
        return tf.constant([self.joint.latent_dim])

    def _batch_shape(self):
        return self.joint.batch_shape

    def _batch_shape_tensor(self):
        return self.joint.batch_shape_tensor()

    def _sample_n(self, n, seed=None):
        return self.joint.sample(n, seed=seed)[..., : self.joint.latent_dim]
