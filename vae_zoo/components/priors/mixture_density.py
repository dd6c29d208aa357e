"""A mixture of normals as a flexible prior density, without clusters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

import keras

from vae_zoo.arguments import Config, check_count
from vae_zoo.components.heads import positive
from vae_zoo.components.priors.mixture import MIN_SCALE, raw_scale_of
from vae_zoo.components.priors.prior import Prior
from vae_zoo.distributions.mixture_of_normals import MixtureOfNormals
from vae_zoo.tensors import LayerOptions

if TYPE_CHECKING:
    from vae_zoo.models.vae import VAE


@keras.saving.register_keras_serializable("vae_zoo")
class MixtureDensity(Prior):
    """p(z) = sum_k p_k N(z; loc_k, diag(scale_k^2)), with learned p_k, loc, scale.

    Its normals are not clusters. For clusters, with a start from data, metrics and a
    signature, use `priors.MixtureOfNormals`.

    Args:
        num_normals: normals of the mixture, >= 1.
        name: the layer's name.
        **kwargs: what every Keras layer takes.

    Raises:
        ValueError: if `num_normals` is no integer >= 1.

    Source: Tomczak & Welling 2018, section 3 ("MoG").
    """

    def __init__(
        self,
        num_normals: int = 10,
        *,
        name: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.num_normals = check_count("num_normals", num_normals, 1, "of the mixture")

    def build(self, event_shape: Sequence[int]) -> None:
        """Creates the weights for latents of shape `event_shape`."""
        super().build(event_shape)
        shape = (self.num_normals, *event_shape)
        start = keras.initializers.Constant(float(raw_scale_of(1.0)))
        for name, initializer, own in (
            ("logits", "zeros", shape[:1]),
            ("loc", keras.initializers.RandomNormal(stddev=1.0), shape),
            ("raw_scale", start, shape),
        ):
            weight = self.add_weight(
                shape=own, initializer=initializer, autocast=False, name=name
            )
            setattr(self, name, weight)

    def distribution(self, model: VAE | None = None) -> MixtureOfNormals:
        """`distributions.MixtureOfNormals`, batch [], event [D]."""
        del model
        scale = positive(self.raw_scale, MIN_SCALE)
        return MixtureOfNormals(self.logits, self.loc.value, scale)

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {**super().get_config(), "num_normals": self.num_normals}
