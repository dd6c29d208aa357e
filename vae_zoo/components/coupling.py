"""Couplings, flow steps whose inverse is as fast as the step."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from vae_zoo.components.heads import bounded, built_projection
from vae_zoo.components.networks import MLP
from vae_zoo.components.rows import over_rows
from vae_zoo.tensors import BatchShape


class Coupling(keras.layers.Layer):
    """A layer z_b -> z_b exp(s(z_a)) + t(z_a), z_a and z_b being the halves of z.

    Args:
        hidden_units: units of each hidden layer of the network of z_a.
        moves_first: whether z_b is the first half.

    Source: Dinh et al. 2017, section 3.2.
    """

    def __init__(self, hidden_units: Sequence[int], moves_first: bool) -> None:
        super().__init__(dtype="float32")
        self.hidden_units, self.moves_first = hidden_units, moves_first

    def build(self, z_shape: BatchShape) -> None:
        """Creates the network for z [..., D]."""
        size = tf.TensorShape(z_shape)[-1]
        first, second = size // 2, size - size // 2
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
