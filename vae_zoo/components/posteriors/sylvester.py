"""Posteriors q(z|x) by Sylvester flows."""

from typing import Literal, Unpack

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from vae_zoo.arguments import Config, check_choice, check_count
from vae_zoo.components.heads import built_projection
from vae_zoo.components.posteriors.flow import FlowPosterior
from vae_zoo.tensors import BatchShape, LayerOptions

KINDS = ("orthogonal", "householder")
# So that the determinant, at least 1 less its square, is not 0 up to rounding.
MAX_DIAGONAL = 0.999


@keras.saving.register_keras_serializable("vae_zoo")
class Sylvester(FlowPosterior):
    """q(z|x) by steps z -> z + Q R tanh(S Q^T z + b), where x determines Q, R, S and b.

    Q has orthonormal columns. R and S are upper triangular, with diagonals between -1
    and 1. Q is a product of reflections ("householder"), or its first columns
    ("orthogonal"), so it is orthonormal and the density exact at any weights; the
    publication makes an orthogonal Q by iteration instead. With one vector this is
    nearly `Planar`.

    Args:
        num_flows: steps of the flow, >= 1.
        num_vectors: reflections of each Q, >= 1, also the columns of an orthogonal Q,
            which has at most latent_dim.
        kind: "orthogonal" for a Q with num_vectors columns, "householder" for a square
            one.
        name: the layer's name.
        **kwargs: what every Keras layer takes.

    Raises:
        ValueError: if a number is no integer >= 1, there are more orthogonal vectors
            than latents, or there is no such kind.

    Source: van den Berg et al. 2018, sections 3.1 and 3.2.
    """

    def __init__(
        self,
        num_flows: int = 4,
        num_vectors: int = 8,
        kind: Literal["orthogonal", "householder"] = "orthogonal",
        *,
        name: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.num_flows = check_count("num_flows", num_flows, 1, "the steps")
        self.num_vectors = check_count("num_vectors", num_vectors, 1, "of each Q")
        self.kind = check_choice("kind", kind, KINDS)

    def build_flow(self, features_shape: BatchShape, size: int) -> None:
        """See `FlowPosterior`."""
        is_square = self.kind == "householder"
        if not is_square and self.num_vectors > size:
            raise ValueError(
                f"`num_vectors` must be at most latent_dim={size}, the directions that "
                f"there are. Received: num_vectors={self.num_vectors}"
            )
        rank = size if is_square else self.num_vectors
        steps, triangle = self.num_flows, rank * (rank + 1) // 2
        for name, shape in (
            ("vectors", (steps, self.num_vectors, size)),
            ("outer", (steps, triangle)),
            ("inner", (steps, triangle)),
            ("shift", (steps, rank)),
        ):
            made = built_projection(features_shape, shape, name, name == "outer")
            setattr(self, name, made)
        # Vectors that are never all 0, and as far from each other as may be.
        start = keras.initializers.Orthogonal()((self.num_vectors, size))
        start = tf.repeat(start[None], steps, axis=0)
        self.vectors.dense.bias.assign(tf.reshape(start, [-1]))

    def flow_parameters(self, features: tf.Tensor) -> dict[str, tf.Tensor]:
        """For each step the unit vectors of Q's reflections, `vectors` [B, T, H, D],
        R and S, `outer` and `inner` [B, T, M, M], and b, `shift` [B, T, M].
        """
        return {
            "vectors": tf.math.l2_normalize(self.vectors(features), axis=-1),
            "outer": _triangular(self.outer(features)),
            "inner": _triangular(self.inner(features)),
            "shift": self.shift(features),
        }

    def flow(
        self,
        z: tf.Tensor,
        vectors: tf.Tensor,
        outer: tf.Tensor,
        inner: tf.Tensor,
        shift: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """See `FlowPosterior`."""
        log_det = tf.zeros_like(z[..., 0])
        eye = tf.eye(outer.shape[-1], dtype=z.dtype)
        diagonals = tf.reduce_sum(outer * inner * eye, axis=-1)
        for number in range(self.num_flows):
            units = tf.unstack(vectors[:, number], axis=-2)
            turned = _reflected(z, units)[..., : shift.shape[-1]]
            turned = tf.einsum("...m,...nm->...n", turned, inner[:, number])
            bent = tf.tanh(turned + shift[:, number])
            step = tf.einsum("...n,...mn->...m", bent, outer[:, number])
            rest = tf.zeros_like(z[..., shift.shape[-1] :])
            z += _reflected(tf.concat([step, rest], axis=-1), units[::-1])
            change = (1 - bent**2) * diagonals[:, number]
            log_det += tf.reduce_sum(tf.math.log1p(change), axis=-1)
        return z, log_det

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "num_flows": self.num_flows,
            "num_vectors": self.num_vectors,
            "kind": self.kind,
        }


def _reflected(z: tf.Tensor, units: list[tf.Tensor]) -> tf.Tensor:
    """z [..., D] after a reflection along each of the unit vectors [B, D], in turn."""
    for unit in units:
        z -= 2 * tf.reduce_sum(unit * z, axis=-1, keepdims=True) * unit
    return z


def _triangular(values: tf.Tensor) -> tf.Tensor:
    """Upper triangular matrices of values [..., M (M + 1) / 2], |diagonal| < 1."""
    matrix = tfp.math.fill_triangular(values, upper=True)
    # The gradient of `tf.linalg.set_diag` fails under XLA.
    is_diagonal = tf.eye(matrix.shape[-1]) > 0
    return tf.where(is_diagonal, MAX_DIAGONAL * tf.tanh(matrix), matrix)
