"""A prior p(z) that transforms a normal by couplings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

import keras
import tensorflow as tf

from vae_zoo.arguments import Config, check_count
from vae_zoo.components.coupling import Coupling
from vae_zoo.components.network import check_sizes
from vae_zoo.components.priors.prior import Prior
from vae_zoo.distributions.flowed import Flowed
from vae_zoo.distributions.multivariate_normal import MultivariateNormalDiag
from vae_zoo.tensors import LayerOptions

if TYPE_CHECKING:
    from vae_zoo.models.vae import VAE


@keras.saving.register_keras_serializable("vae_zoo")
class Flow(Prior):
    """p(z): N(0, I) transformed by couplings, each of which moves one half of z.

    The other half stays as it is and determines the move; the halves take turns. A new
    flow is the identity, so p(z) starts as N(0, I). Its density is available anywhere.

    Args:
        num_couplings: couplings of the flow, >= 1; with one, half of z stays normal.
        hidden_units: units of each hidden layer of a coupling's network.
        name: the layer's name.
        **kwargs: what every Keras layer takes.

    Raises:
        ValueError: if a size is not a positive integer, or the model's `latent_dim`
            is 1.

    Source: Dinh et al. 2017 (RealNVP), section 3.2.
    """

    def __init__(
        self,
        num_couplings: int = 6,
        hidden_units: tuple[int, ...] = (128, 128),
        *,
        name: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.num_couplings = check_count("num_couplings", num_couplings, 1, "of halves")
        self.hidden_units = check_sizes("hidden_units", hidden_units, 1)

    def build(self, event_shape: Sequence[int]) -> None:
        """Creates the weights for latents of shape `event_shape`."""
        super().build(event_shape)
        (size,) = event_shape
        if size < 2:
            raise ValueError(
                "`latent_dim` must be at least 2 for a Flow, whose couplings move one "
                f"half of z by what the other is. Received: latent_dim={size}"
            )
        self.couplings = []
        for number in range(self.num_couplings):
            coupling = Coupling(self.hidden_units, moves_first=number % 2 == 1)
            coupling.build((None, size))
            self.couplings.append(coupling)

    def distribution(self, model: VAE | None = None) -> Flowed:
        """`distributions.Flowed`, batch [], event [D]."""
        del model
        base = MultivariateNormalDiag(
            tf.zeros(self.event_shape), tf.ones(self.event_shape)
        )
        return Flowed(base, self._forward, self._inverse, owner=type(self).__name__)

    def _forward(self, z: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        log_det = tf.zeros_like(z[..., 0])
        for coupling in self.couplings:
            z, own = coupling.forward(z)
            log_det += own
        return z, log_det

    def _inverse(self, z: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        log_det = tf.zeros_like(z[..., 0])
        for coupling in reversed(self.couplings):
            z, own = coupling.inverse(z)
            log_det += own
        return z, log_det

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "num_couplings": self.num_couplings,
            "hidden_units": self.hidden_units,
        }
