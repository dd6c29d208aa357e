"""Distributions that are transformed by a flow."""

from collections.abc import Callable
from typing import TypeAlias

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from vae_zoo.tensors import Seed, TensorLike

Flow: TypeAlias = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


class Flowed(tfd.Distribution):
    """The distribution of z = f(u) for u from a base distribution and an invertible f.

    TFP's `TransformedDistribution` does the same with bijectors. Those cache their
    inputs, and in a graph the whole graph, for as long as the process lives.

    Args:
        base: the distribution of u, batch [...] and event [D].
        forward: function of u [..., D] to z and log |det dz/du| [...].
        inverse: function of z to u and log |det dz/du|; None if there is no fast one.
            `log_prob` then accepts only the latest draw.
        owner: name of what the distribution belongs to, for the error message.
    """

    def __init__(
        self,
        base: tfd.Distribution,
        forward: Flow,
        inverse: Flow | None = None,
        owner: str = "flow",
        name: str = "Flowed",
    ) -> None:
        parameters = dict(locals())
        self.base, self.forward, self.inverse = base, forward, inverse
        self.owner = owner
        self._latest: tf.Tensor | None = None
        self._log_q: tf.Tensor | None = None
        super().__init__(
            dtype=base.dtype,
            reparameterization_type=base.reparameterization_type,
            validate_args=False,
            allow_nan_stats=False,
            parameters=parameters,
            name=name,
        )

    def _call_sample_n(self, sample_shape: TensorLike, seed: Seed | None) -> tf.Tensor:
        u = self.base.sample(sample_shape, seed=seed)
        z, log_det = self.forward(u)
        self._latest, self._log_q = z, self.base.log_prob(u) - log_det
        return z

    def _log_prob(self, z: tf.Tensor) -> tf.Tensor:
        if self.inverse is not None:
            u, log_det = self.inverse(z)
            return self.base.log_prob(u) - log_det
        if z is self._latest:
            return self._log_q
        raise ValueError(
            f"`value` must be the latest draw of this {self.owner}, which has no fast "
            "inverse: DiagonalNormal() and FullCovarianceNormal() have a density at "
            "any point. Received: another tensor"
        )

    def _event_shape(self) -> tf.TensorShape:
        return self.base.event_shape

    def _event_shape_tensor(self) -> tf.Tensor:
        return self.base.event_shape_tensor()

    def _batch_shape(self) -> tf.TensorShape:
        return self.base.batch_shape

    def _batch_shape_tensor(self) -> tf.Tensor:
        return self.base.batch_shape_tensor()
