"""What all mixtures that serve as priors have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self, Unpack

import keras
import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from vae_zoo.arguments import Config, check_count, check_flag, check_instance
from vae_zoo.components.cluster_initializers import DEFAULT, ClusterInitializer
from vae_zoo.components.priors import cluster_start, clusters
from vae_zoo.components.priors.prior import Prior
from vae_zoo.components.signature import Signature
from vae_zoo.distributions.mixture_of_normals import unmixed
from vae_zoo.tensors import Array, LayerOptions, TensorLike

if TYPE_CHECKING:
    from vae_zoo.fitting.training_data import TrainingData
    from vae_zoo.models.vae import VAE

MIN_SCALE = 1e-3


class MixtureOptions(LayerOptions, total=False):
    """What every mixture takes."""

    full_covariance: bool
    initialization: ClusterInitializer | None
    name: str | None


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

    num_components: int

    def __init__(
        self,
        num_components: int,
        *,
        full_covariance: bool = True,
        initialization: ClusterInitializer | None = DEFAULT,
        name: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.num_components = check_count(
            "num_components", num_components, 2, "the clusters"
        )
        self.full_covariance = check_flag("full_covariance", full_covariance)
        if initialization is not None:
            check_instance(
                "initialization",
                initialization,
                ClusterInitializer,
                "one of `components.cluster_initializers`, such as KMeans(10), or None",
            )
        self.initialization = initialization

    def build(self, event_shape: Sequence[int]) -> None:
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
    def awaits_data(self) -> bool:
        """Whether the components still have to be set from data."""
        return self.initialization is not None and not self.is_initialized.numpy()

    def log_joint(self, z: Mapping[str, Array]) -> tf.Tensor:
        """log p(z, c) less what no c changes: [..., K], nats.

        Args:
            z: all latents, name -> [..., *event].
        """
        raise NotImplementedError

    def part_probabilities(self, z: Mapping[str, Array]) -> tf.Tensor:
        """p(c|z): [..., K]; `z` as in `log_joint`."""
        clusters.warn_if_not_started(self)
        return tf.nn.softmax(self.log_joint(z))

    def part(self, index: int) -> tfd.Distribution:
        """p(z|c) of the cluster `index`, in 0..K-1."""
        return self.component(clusters.checked_index(self, index))

    def component(self, index: int) -> tfd.Distribution:
        """p(z|c) for the cluster `index`: a distribution to draw from, event [D]."""
        raise NotImplementedError

    def outputs(
        self,
        z: dict[str, tf.Tensor],
        locations: dict[str, tf.Tensor],
        conditionals: dict[str, tfd.Distribution],
    ) -> dict[str, tf.Tensor]:
        """`cluster_probabilities`, p(c|z) at the locations, and of the draws
        `cluster_log_probabilities`, the logarithm of its mean over them: [B, K].
        """
        log_p = conditionals["z"].log_probabilities(z["z"])
        count = tf.cast(tf.shape(log_p)[0], tf.float32)
        return {
            "cluster_probabilities": tf.nn.softmax(self.log_joint(locations)),
            "cluster_log_probabilities": tf.reduce_logsumexp(log_p, axis=0)
            - tf.math.log(count),
        }

    def make_metrics(self) -> list[keras.metrics.Metric]:
        """How many clusters are in use, and how often they are the labels."""
        return [
            clusters.ClustersInUse(self.num_components),
            clusters.LabelAccuracy(),
        ]

    def start(self, model: VAE, data: TrainingData) -> list[keras.callbacks.Callback]:
        """`cluster_start.StartClusters`, if there is something to start or finish."""
        return cluster_start.callbacks(model, data)

    def finish(self, model: VAE, data: TrainingData) -> None:
        """Fits the clusters to the codes of the examples, if any has a label."""
        cluster_start.finish_clusters(model, data)

    def signatures(self, model: VAE) -> dict[str, Signature]:
        """`cluster`: the probabilities of the clusters and the most probable one."""
        return clusters.signatures(model)

    def without_noise(self, z: Mapping[str, Array]) -> tf.Tensor:
        """z as each cluster would have it without the latents above: [..., K, D].

        Args:
            z: all latents, name -> [..., *event].
        """
        raise NotImplementedError

    def forget_noise(self) -> None:
        """Makes the clusters independent of the latents above z."""

    def unmixing(self) -> tf.Tensor | None:
        """U_c of every component: [K, D, D], or None for diagonal covariances."""
        if not self.full_covariance:
            return None
        below = tf.linalg.band_part(self.raw_unmixing, -1, 0)
        return tf.linalg.set_diag(below, tf.ones(tf.shape(below)[:-1]))

    def set_components(
        self, weights: TensorLike, loc: TensorLike, covariance: TensorLike
    ) -> None:
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
        self._set_normals(loc, raw_scale_of(scale))
        self.is_initialized.assign(1.0)

    def _set_normals(self, loc: TensorLike, raw_scale: tf.Tensor) -> None:
        raise NotImplementedError

    def get_config(self) -> Config:
        """The constructor's arguments."""
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "num_components": self.num_components,
            "full_covariance": self.full_covariance,
            "initialization": serialize(self.initialization),
        }

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The prior with these constructor arguments."""
        deserialize = keras.saving.deserialize_keras_object
        return cls(**{key: deserialize(value) for key, value in config.items()})


def raw_scale_of(scale: float | tf.Tensor) -> tf.Tensor:
    """What `positive` makes `scale` of."""
    return tfp.math.softplus_inverse(tf.maximum(scale - MIN_SCALE, MIN_SCALE))
