"""Priors that are mixtures, whose components are clusters."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from vae_zoo.arguments import check_count, check_flag, check_instance
from vae_zoo.components.cluster_initializers import DEFAULT, ClusterInitializer
from vae_zoo.components.heads import built_projection, positive
from vae_zoo.components.networks import MLP
from vae_zoo.components.prior import Prior
from vae_zoo.distributions.hierarchical_mixture import HierarchicalMixture, Marginal
from vae_zoo.distributions.mixture_of_normals import MixtureOfNormals as Mixture
from vae_zoo.distributions.mixture_of_normals import unmixed

MIN_SCALE = 1e-3


class MixturePrior(Prior):
    """A mixture over z; its component c is a cluster, and p(c|z) Bayes' rule.

    All components are alike, one normal that is N(0, I) at first and learned, until
    `initialization` sets them to groups of encoded data in the course of `fit`; without
    one they start at random.

    Args:
        num_components: K >= 2.
        full_covariance: whether the components' covariances are full.
        initialization: one of `cluster_initializers`, or None.
        name: the layer's name.
        **kwargs: what every Keras layer takes.

    Raises:
        ValueError: if `num_components` is below 2 or no integer, or another argument
            is of a wrong type.
    """

    def __init__(
        self,
        num_components,
        *,
        full_covariance=True,
        initialization=DEFAULT,
        name=None,
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.num_components = check_count(
            "num_components", num_components, 2, "the clusters"
        )
        self.full_covariance = check_flag("full_covariance", full_covariance)
        self.initialization = check_instance(
            "initialization",
            initialization,
            (ClusterInitializer, type(None)),
            "one of `components.cluster_initializers`, such as KMeans(10), or None",
        )

    def build(self, event_shape):
        """Creates the weights for latents of shape `event_shape`."""
        super().build(event_shape)
        self.logits = self.add_weight(
            shape=(self.num_components,),
            initializer="zeros",
            autocast=False,
            name="logits",
        )
        if self.full_covariance:
            self.raw_unmixing = self.add_weight(
                shape=(self.num_components, *self.event_shape, *self.event_shape),
                initializer="zeros",
                autocast=False,
                name="raw_unmixing",
            )
        self.is_initialized = self.add_weight(
            shape=(),
            initializer="zeros" if self.initialization else "ones",
            trainable=False,
            autocast=False,
            name="is_initialized",
        )

    @property
    def awaits_data(self):
        """Whether the components still have to be set from data."""
        return self.initialization is not None and not self.is_initialized.numpy()

    def log_joint(self, u):
        """log p(z, c) less what no c changes: u [B, U], returns [B, K], nats.

        Args:
            u: all latent variables, as the model's `joint_posterior` draws them.
        """
        raise NotImplementedError

    def component(self, index):
        """p(z|c) for the cluster `index`: a distribution to draw from, event [D]."""
        raise NotImplementedError

    def without_noise(self, u):
        """z as each cluster would have it if w were 0: u [B, U], returns [B, K, D]."""
        raise NotImplementedError

    def forget_noise(self):
        """Makes the clusters independent of w."""

    def unmixing(self):
        """U_c of every component: [K, D, D], or None for diagonal covariances."""
        if not self.full_covariance:
            return None
        below = tf.linalg.band_part(self.raw_unmixing, -1, 0)
        return tf.linalg.set_diag(below, tf.ones(tf.shape(below)[:-1]))

    def set_components(self, weights, loc, covariance):
        """Starts the clusters.

        Args:
            weights: float [K], positive, p(c).
            loc: float [K, D].
            covariance: float [K, D, D].
        """
        scale = tf.sqrt(tf.linalg.diag_part(covariance))
        if self.full_covariance:
            scale, unmixing = unmixed(tf.linalg.cholesky(covariance))
            self.raw_unmixing.assign(unmixing)
        self.logits.assign(tf.math.log(weights))
        self._set_normals(loc, _raw(scale))
        self.is_initialized.assign(1.0)

    def _set_normals(self, loc, raw_scale):
        raise NotImplementedError

    def get_config(self):
        """The constructor's arguments."""
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "num_components": self.num_components,
            "full_covariance": self.full_covariance,
            "initialization": serialize(self.initialization),
        }

    @classmethod
    def from_config(cls, config):
        """The prior with these constructor arguments."""
        deserialize = keras.saving.deserialize_keras_object
        return cls(**{key: deserialize(value) for key, value in config.items()})


@keras.saving.register_keras_serializable("vae_zoo")
class MixtureOfNormals(MixturePrior):
    """p(z) = sum_c p(c) N(z; loc_c, covariance_c), all of them learned.

    A VAE with this prior is VaDE; its `cluster_probabilities` are p(c|z) at the mean of
    q(z|x).

    Args:
        num_components: K >= 2.
        full_covariance: False: diagonal ones, as in VaDE.
        initialization: one of `cluster_initializers`, or None: at random.
        name: the layer's name.
        **kwargs: what every Keras layer takes.

    Raises:
        ValueError: if `num_components` is below 2 or no integer, or another argument
            is of a wrong type.

    Source: Jiang et al. 2017, section 3.1.
    """

    def build(self, event_shape):
        """Creates the weights for latents of shape `event_shape`."""
        super().build(event_shape)
        shape = (self.num_components, *self.event_shape)
        start = "zeros" if self.initialization else "random_normal"
        self.loc = self.add_weight(
            shape=shape, initializer=start, autocast=False, name="loc"
        )
        self.raw_scale = self.add_weight(
            shape=shape, initializer=_raw_scale_one, autocast=False, name="raw_scale"
        )

    def distribution(self):
        """`distributions.MixtureOfNormals`, batch [], event [D]."""
        scale = positive(self.raw_scale, MIN_SCALE)
        loc = tf.convert_to_tensor(self.loc)
        return Mixture(self.logits, loc, scale, self.unmixing())

    def log_joint(self, u):
        """log p(c) p(z|c): u = z [B, D], returns [B, K], nats."""
        return self.distribution().log_joint(u)

    def component(self, index):
        """`tfd.MultivariateNormalTriL`, batch [], event [D]."""
        return self.distribution().component(index)

    def without_noise(self, u):
        """z, of all clusters the same: there is no w."""
        return tf.repeat(u[:, None], self.num_components, axis=1)

    def _set_normals(self, loc, raw_scale):
        self.loc.assign(loc)
        self.raw_scale.assign(raw_scale)


@keras.saving.register_keras_serializable("vae_zoo")
class HierarchicalMixtureOfNormals(MixturePrior):
    """p(z|w) = sum_c p(c) N(z; loc_c(w), covariance_c(w)), p(w) = N(0, I).

    Each cluster is a normal that a network of w moves and stretches: marginally it may
    have any shape. What correlates the elements, `unmixing`, does not depend on w. The
    model must have a q(w|x), as the `GaussianMixtureVAE` has.

    Args:
        num_components: K >= 2.
        noise_dim: length W of w.
        network: layer w [B, W] -> features, on which locations and scales depend
            linearly. Default `MLP((128,), activation="tanh")`.
        full_covariance: False: p(z|w, c) has a diagonal covariance.
        initialization: one of `cluster_initializers`, or None: at random.
        name: the layer's name.
        **kwargs: what every Keras layer takes.

    Raises:
        ValueError: if `num_components` is below 2 or `noise_dim` below 1, or another
            argument is of a wrong type.

    Source: Dilokthanakul et al. 2016, section 3.1.
    """

    def __init__(self, num_components, noise_dim, *, network=None, **kwargs):
        super().__init__(num_components, **kwargs)
        self.noise_dim = check_count("noise_dim", noise_dim, 1, "the length of w")
        default = MLP((128,), activation="tanh", dtype="float32")
        self.network = default if network is None else network
        check_instance(
            "network",
            self.network,
            keras.layers.Layer,
            'a Keras layer, such as networks.MLP((128,), activation="tanh"), or None',
        )

    def build(self, event_shape):
        """Creates the weights for latents z of shape `event_shape`."""
        super().build(event_shape)
        w_shape = (None, self.noise_dim)
        if not self.network.built:
            self.network.build(w_shape)
        features_shape = self.network.compute_output_shape(w_shape)
        shape = (self.num_components, *self.event_shape)
        self.loc = built_projection(features_shape, shape, "loc")
        self.raw_scale = built_projection(features_shape, shape, "raw_scale")
        start = "zeros" if self.initialization else "random_normal"
        loc = keras.initializers.get(start)(shape)
        self._set_normals(loc, _raw(tf.ones(shape)))
        if self.initialization:
            # Near the groups of the data, but not where w has no gradient.
            for projection in (self.loc, self.raw_scale):
                projection.dense.kernel.assign(0.1 * projection.dense.kernel)

    def distribution(self):
        """p(z), batch [], event [D]: to draw from, without a density."""
        return Marginal(self.joint())

    def joint(self):
        """p(z, w): `distributions.HierarchicalMixture`, event [D + W]."""
        return HierarchicalMixture(self.given, *self.event_shape, self.noise_dim)

    def given(self, w):
        """p(z|w) for w [B, W]: `distributions.MixtureOfNormals`, batch [B]."""
        # While all components are alike, w has nothing to say.
        features = self.network(w) * self.is_initialized
        scale = positive(self.raw_scale(features), MIN_SCALE)
        return Mixture(self.logits, self.loc(features), scale, self.unmixing())

    def log_joint(self, u):
        """log p(c) p(z|w, c): u = (z, w) [B, D + W], returns [B, K], nats."""
        z, w = tf.split(u, [*self.event_shape, self.noise_dim], axis=-1)
        return self.given(w).log_joint(z)

    def component(self, index):
        """p(z|c), batch [], event [D]: to draw from, without a density."""
        sizes = (*self.event_shape, self.noise_dim)
        component = HierarchicalMixture(
            lambda w: self.given(w).component(index), *sizes
        )
        return Marginal(component)

    def without_noise(self, u):
        """z less how far w moves each cluster: u = (z, w) [B, D + W]."""
        z, w = tf.split(u, [*self.event_shape, self.noise_dim], axis=-1)
        loc = self.loc(self.network(w))
        return z[:, None] - (loc - tf.reshape(self.loc.dense.bias, loc.shape[1:]))

    def forget_noise(self):
        """See `MixturePrior`; the kernels can still learn from where they are then."""
        for projection in (self.loc, self.raw_scale):
            projection.dense.kernel.assign(0 * projection.dense.kernel)

    def _set_normals(self, loc, raw_scale):
        self.loc.dense.bias.assign(tf.reshape(loc, [-1]))
        self.raw_scale.dense.bias.assign(tf.reshape(raw_scale, [-1]))

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "noise_dim": self.noise_dim,
            "network": keras.saving.serialize_keras_object(self.network),
        }


def _raw(scale):
    """What `positive` makes `scale` of."""
    return tfp.math.softplus_inverse(tf.maximum(scale - MIN_SCALE, MIN_SCALE))


def _raw_scale_one(shape, dtype=None):
    return tf.fill(shape, tf.cast(_raw(1.0), dtype))
