"""Priors that are mixtures, whose components are clusters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Unpack

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from vae_zoo.arguments import Config, check_count
from vae_zoo.components.foreign import build_network, check_network
from vae_zoo.components.heads import built_projection, positive
from vae_zoo.components.networks import MLP
from vae_zoo.components.priors.mixture import (
    MIN_SCALE,
    MixtureOptions,
    MixturePrior,
    raw_scale_of,
)
from vae_zoo.components.rows import over_rows
from vae_zoo.distributions.marginal import Marginal
from vae_zoo.distributions.mixture_of_normals import MixtureOfNormals as Mixture
from vae_zoo.distributions.multivariate_normal import (
    MultivariateNormalDiag,
    MultivariateNormalTriL,
)
from vae_zoo.tensors import Array, TensorLike

if TYPE_CHECKING:
    from vae_zoo.models.vae import VAE


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

    def build(self, event_shape: Sequence[int]) -> None:
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

    def distribution(self, model: VAE | None = None) -> Mixture:
        """`distributions.MixtureOfNormals`, batch [], event [D]."""
        scale = positive(self.raw_scale, MIN_SCALE)
        loc = tf.convert_to_tensor(self.loc)
        return Mixture(self.logits, loc, scale, self.unmixing())

    def log_joint(self, z: Mapping[str, Array]) -> tf.Tensor:
        """log p(c) p(z|c): [..., K], nats."""
        return self.distribution().log_joint(z["z"])

    def component(self, index: int) -> MultivariateNormalTriL:
        """`tfd.MultivariateNormalTriL`, batch [], event [D]."""
        return self.distribution().component(index)

    def without_noise(self, z: Mapping[str, Array]) -> tf.Tensor:
        """z, of all clusters the same: there are no latents above."""
        return tf.repeat(z["z"][..., None, :], self.num_components, axis=-2)

    def _set_normals(self, loc: TensorLike, raw_scale: tf.Tensor) -> None:
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

    def __init__(
        self,
        num_components: int,
        noise_dim: int,
        *,
        network: keras.Layer | None = None,
        **kwargs: Unpack[MixtureOptions],
    ) -> None:
        super().__init__(num_components, **kwargs)
        self.noise_dim = check_count("noise_dim", noise_dim, 1, "the length of w")
        default = MLP((128,), activation="tanh", dtype="float32")
        self.network = default if network is None else network
        check_network("network", self.network)

    def build(self, event_shape: Sequence[int]) -> None:
        """Creates the weights for latents z of shape `event_shape`."""
        super().build(event_shape)
        w_shape = (None, self.noise_dim)
        features_shape = build_network("network", self.network, w_shape)
        shape = (self.num_components, *self.event_shape)
        self.loc = built_projection(features_shape, shape, "loc")
        self.raw_scale = built_projection(features_shape, shape, "raw_scale")
        start = "zeros" if self.initialization else "random_normal"
        loc = keras.initializers.get(start)(shape)
        self._set_normals(loc, raw_scale_of(tf.ones(shape)))
        if self.initialization:
            # Near the groups of the data, but not where w has no gradient.
            for projection in (self.loc, self.raw_scale):
                projection.dense.kernel.assign(0.1 * projection.dense.kernel)

    @property
    def latent_shapes(self) -> dict[str, tuple[int, ...]]:
        """The event shapes of z and of w."""
        return {"z": self.event_shape, "w": (self.noise_dim,)}

    def conditionals(
        self, model: VAE | None, z: dict[str, tf.Tensor]
    ) -> Iterator[tuple[str, tfd.Distribution]]:
        """p(w) and p(z|w)."""
        yield "w", self.noise()
        yield "z", self.given(z["w"])

    def distribution(self, model: VAE | None = None) -> Marginal:
        """p(z), batch [], event [D]: to draw from, without a density."""
        return Marginal(self.noise(), self.given, self.event_shape)

    def noise(self) -> MultivariateNormalDiag:
        """p(w), batch [], event [W]."""
        return MultivariateNormalDiag(tf.zeros(self.noise_dim), tf.ones(self.noise_dim))

    def given(self, w: Array) -> Mixture:
        """p(z|w) for w [..., W]: `distributions.MixtureOfNormals`, batch [...]."""

        def parameters(w: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            # While all components are alike, w has nothing to say.
            features = self.network(w) * self.is_initialized
            return self.loc(features), positive(self.raw_scale(features), MIN_SCALE)

        return Mixture(self.logits, *over_rows(parameters, w), self.unmixing())

    def log_joint(self, z: Mapping[str, Array]) -> tf.Tensor:
        """log p(c) p(z|w, c): [..., K], nats."""
        return self.given(z["w"]).log_joint(z["z"])

    def component(self, index: int) -> Marginal:
        """p(z|c), batch [], event [D]: to draw from, without a density."""

        def given(w: tf.Tensor) -> MultivariateNormalTriL:
            return self.given(w).component(index)

        return Marginal(self.noise(), given, self.event_shape)

    def without_noise(self, z: Mapping[str, Array]) -> tf.Tensor:
        """z minus the shift that w gives each cluster."""
        loc = over_rows(lambda w: self.loc(self.network(w)), z["w"])
        start = tf.reshape(self.loc.dense.bias, loc.shape[-2:])
        return z["z"][..., None, :] - (loc - start)

    def forget_noise(self) -> None:
        """See `MixturePrior`; the kernels can still learn from where they are then."""
        for projection in (self.loc, self.raw_scale):
            projection.dense.kernel.assign(0 * projection.dense.kernel)

    def _set_normals(self, loc: TensorLike, raw_scale: tf.Tensor) -> None:
        self.loc.dense.bias.assign(tf.reshape(loc, [-1]))
        self.raw_scale.dense.bias.assign(tf.reshape(raw_scale, [-1]))

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "noise_dim": self.noise_dim,
            "network": keras.saving.serialize_keras_object(self.network),
        }


def _raw_scale_one(
    shape: Sequence[int], dtype: tf.DType | str | None = None
) -> tf.Tensor:
    return tf.fill(shape, tf.cast(raw_scale_of(1.0), dtype))
