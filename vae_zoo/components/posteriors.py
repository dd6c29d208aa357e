"""Approximate posteriors q(z|x)."""

import keras
import tensorflow_probability as tfp

from vae_zoo.components.heads import Head, built_projection, positive
from vae_zoo.distributions.multivariate_normal import (
    MultivariateNormalDiag,
    MultivariateNormalTriL,
)

tfb = tfp.bijectors

MIN_SCALE = 1e-5


@keras.saving.register_keras_serializable("vae_zoo")
class DiagonalNormal(Head):
    """q(z|x) = N(loc(x), diag(scale_diag(x)^2)).

    Source: Kingma & Welling 2014, equation 9.
    """

    def build(self, features_shape, event_shape):
        """Features [B, ...] to events [D]."""
        self.loc = built_projection(features_shape, event_shape, "loc")
        self.raw_scale = built_projection(features_shape, event_shape, "raw_scale")

    def call(self, features):
        """`loc` and `scale_diag`, each [B, D]."""
        return {
            "loc": self.loc(features),
            "scale_diag": positive(self.raw_scale(features), MIN_SCALE),
        }

    def distribution(self, loc, scale_diag):
        """`tfd.MultivariateNormalDiag`, batch [B], event [D]."""
        return MultivariateNormalDiag(loc, scale_diag)


@keras.saving.register_keras_serializable("vae_zoo")
class FullCovarianceNormal(Head):
    """q(z|x) = N(loc(x), L(x) L(x)^T), L lower triangular with positive diagonal.

    Source: Kingma & Welling 2019, section 2.5.1.
    """

    def build(self, features_shape, event_shape):
        """Features [B, ...] to events [D]."""
        (dim,) = event_shape
        self.loc = built_projection(features_shape, event_shape, "loc")
        self.raw_scale = built_projection(
            features_shape, (dim * (dim + 1) // 2,), "raw_scale"
        )

    def call(self, features):
        """`loc` [B, D] and `scale_tril` [B, D, D]."""
        to_triangle = tfb.FillScaleTriL(diag_shift=MIN_SCALE)
        return {
            "loc": self.loc(features),
            "scale_tril": to_triangle.forward(self.raw_scale(features)),
        }

    def distribution(self, loc, scale_tril):
        """`tfd.MultivariateNormalTriL`, batch [B], event [D]."""
        return MultivariateNormalTriL(loc, scale_tril)
