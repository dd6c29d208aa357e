"""A prior p(z) by a flow of couplings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

import keras
import tensorflow as tf

from vae_zoo.arguments import Config, check_count
from vae_zoo.components.heads import bounded, built_projection
from vae_zoo.components.network import check_sizes
from vae_zoo.components.networks import MLP
from vae_zoo.components.priors.prior import Prior
from vae_zoo.components.rows import over_rows
from vae_zoo.distributions.flowed import Flowed
from vae_zoo.distributions.multivariate_normal import MultivariateNormalDiag
from vae_zoo.tensors import LayerOptions

if TYPE_CHECKING:
    from vae_zoo.models.vae import VAE


@keras.saving.register_keras_serializable("vae_zoo")
class Flow(Prior):
    """p(z) by couplings u -> z: one half of u stays, and says how the other half moves.

    The first half stays in every other one. p(z) is N(0, I) until training changes
    that, and has a density everywhere.

    Args:
        num_couplings: couplings of the flow, >= 1; with one, a half of z stays normal.
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
            coupling = _Coupling(self.hidden_units, moves_first=number % 2 == 1)
            coupling.build((size,))
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


class _Coupling(keras.layers.Layer):
    """z_b -> z_b exp(s(z_a)) + t(z_a), z_a and z_b being the halves of z."""

    def __init__(self, hidden_units: Sequence[int], moves_first: bool) -> None:
        super().__init__(dtype="float32")
        self.hidden_units, self.moves_first = hidden_units, moves_first

    def build(self, z_shape: Sequence[int]) -> None:
        """Creates the network for z of shape `z_shape`, [D]."""
        first, second = z_shape[-1] // 2, z_shape[-1] - z_shape[-1] // 2
        self.sizes = (first, second)
        kept, moved = (second, first) if self.moves_first else (first, second)
        self.network = MLP(self.hidden_units, dtype="float32", name="network")
        self.network.build((None, kept))
        features_shape = (None, self.hidden_units[-1])
        self.projection = built_projection(
            features_shape, (2 * moved,), "projection", starts_at_zero=True
        )

    def call(self, kept: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """s and t, each [..., D_b], of z_a [..., D_a]."""
        found = over_rows(lambda rows: self.projection(self.network(rows)), kept)
        raw, shift = tf.split(found, 2, axis=-1)
        return bounded(raw), shift

    def forward(self, z: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """What becomes of z [..., D], and the log-determinant of that [...]."""
        kept, moved = self._halves(z)
        log_scale, shift = self(kept)
        log_det = tf.reduce_sum(log_scale, axis=-1)
        return self._whole(kept, moved * tf.exp(log_scale) + shift), log_det

    def inverse(self, z: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """What becomes z, and the log-determinant of `forward` there."""
        kept, moved = self._halves(z)
        log_scale, shift = self(kept)
        log_det = tf.reduce_sum(log_scale, axis=-1)
        return self._whole(kept, (moved - shift) * tf.exp(-log_scale)), log_det

    def _halves(self, z: tf.Tensor) -> list[tf.Tensor]:
        halves = tf.split(z, self.sizes, axis=-1)
        return halves[::-1] if self.moves_first else halves

    def _whole(self, kept: tf.Tensor, moved: tf.Tensor) -> tf.Tensor:
        halves = (moved, kept) if self.moves_first else (kept, moved)
        return tf.concat(halves, axis=-1)
