"""Normal posteriors q(z|x)."""

from collections.abc import Sequence

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from vae_zoo.components.heads import built_projection, positive
from vae_zoo.components.posteriors.posterior import Posterior
from vae_zoo.distributions.multivariate_normal import (
    MultivariateNormalDiag,
    MultivariateNormalTriL,
)
from vae_zoo.tensors import BatchShape

MIN_SCALE = 1e-5


@keras.saving.register_keras_serializable("vae_zoo")
class DiagonalNormal(Posterior):
    """q(z|x) = N(loc(x), diag(scale_diag(x)^2)).

    Source: Kingma & Welling 2014, equation 9.
    """

    def build(self, features_shape: BatchShape, event_shape: Sequence[int]) -> None:
        """Features [B, ...] to events [D]."""
        self.loc = built_projection(features_shape, event_shape, "loc")
        self.raw_scale = built_projection(features_shape, event_shape, "raw_scale")

    def call(self, features: tf.Tensor) -> dict[str, tf.Tensor]:
        """`loc` and `scale_diag`, each [B, D]."""
        return {
            "loc": self.loc(features),
            "scale_diag": positive(self.raw_scale(features), MIN_SCALE),
        }

    def distribution(
        self, loc: tf.Tensor, scale_diag: tf.Tensor
    ) -> MultivariateNormalDiag:
        """`tfd.MultivariateNormalDiag`, batch [B], event [D]."""
        return MultivariateNormalDiag(loc, scale_diag)


@keras.saving.register_keras_serializable("vae_zoo")
class FullCovarianceNormal(Posterior):
    """q(z|x) = N(loc(x), L(x) L(x)^T), L lower triangular with positive diagonal.

    L is a diagonal matrix times a unit triangular one, which starts as the identity:
    as the diagonal one shrinks in training, the correlations stay.

    Source: Kingma & Welling 2019, section 2.5.1.
    """

    def build(self, features_shape: BatchShape, event_shape: Sequence[int]) -> None:
        """Features [B, ...] to events [D]."""
        (dim,) = event_shape
        self.loc = built_projection(features_shape, event_shape, "loc")
        self.raw_diagonal = built_projection(features_shape, event_shape, "diagonal")
        if dim > 1:
            below = (dim * (dim - 1) // 2,)
            self.below_diagonal = built_projection(
                features_shape, below, "below", starts_at_zero=True
            )

    def call(self, features: tf.Tensor) -> dict[str, tf.Tensor]:
        """`loc` [B, D] and `scale_tril` [B, D, D]."""
        loc = self.loc(features)
        diagonal = positive(self.raw_diagonal(features), MIN_SCALE)
        scale = tf.linalg.diag(diagonal)
        if loc.shape[1] > 1:
            # TFP's FillScaleTriL does the same, but its gradient fails under XLA.
            below = tfp.math.fill_triangular(self.below_diagonal(features))
            scale += diagonal[..., None] * tf.pad(below, [[0, 0], [1, 0], [0, 1]])
        return {"loc": loc, "scale_tril": scale}

    def distribution(
        self, loc: tf.Tensor, scale_tril: tf.Tensor
    ) -> MultivariateNormalTriL:
        """`tfd.MultivariateNormalTriL`, batch [B], event [D]."""
        return MultivariateNormalTriL(loc, scale_tril)
