"""Latents made of independent parts, each on its own space.

    posterior = ProductPosterior([VonMisesFisher(), VonMisesFisher()], sizes=(3, 3))
    prior = ProductPrior([SphericalUniform(), SphericalUniform()], sizes=(3, 3))
    HypersphericalVAE(input_shape, 6, posterior=posterior, prior=prior)

is a VAE on a product of two spheres, each with its own concentration, while a single
sphere of as many dimensions has only one. Source: Davidson et al. 2019, section 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Self, Unpack

import keras
import tensorflow as tf

from vae_zoo.arguments import Config, KindT, shown
from vae_zoo.components import product_geometry
from vae_zoo.components.foreign import check_component
from vae_zoo.components.heads import build_head
from vae_zoo.components.network import check_sizes
from vae_zoo.components.parts import POSTERIOR, PRIOR
from vae_zoo.components.posteriors.posterior import Posterior
from vae_zoo.components.priors.prior import Prior, build_prior
from vae_zoo.distributions.product import Product
from vae_zoo.tensors import BatchShape, LayerOptions

if TYPE_CHECKING:
    from vae_zoo.models.vae import VAE


@keras.saving.register_keras_serializable("vae_zoo")
class ProductPosterior(Posterior):
    """q(z|x) = the product of q_i(z_i|x), z = (z_1, z_2, …).

    Args:
        factors: posteriors, one for each part.
        sizes: D_i, the length of each part; their sum is the model's `latent_dim`.
        name: the layer's name.
        **kwargs: what every Keras layer takes.

    Raises:
        ValueError: if there are not as many sizes as factors, a size is no positive
            integer, a factor occurs twice, or the sizes do not add up.
    """

    def __init__(
        self,
        factors: Iterable[Posterior],
        sizes: Sequence[int],
        *,
        name: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.factors, self.sizes = _checked(factors, sizes, *POSTERIOR)
        self.geometry = _geometry(self)

    def build(self, features_shape: BatchShape, event_shape: Sequence[int]) -> None:
        """Features [B, ...] to events [D]."""
        _check_sum(self.sizes, event_shape)
        for factor, size in zip(self.factors, self.sizes, strict=True):
            build_head(factor, features_shape, (size,))

    def call(self, features: tf.Tensor) -> dict[str, tf.Tensor]:
        """Each factor's parameters, their names followed by its number from 0."""
        return {
            f"{name}_{number}": value
            for number, factor in enumerate(self.factors)
            for name, value in factor(features).items()
        }

    def distribution(self, **parameters: tf.Tensor) -> Product:
        """`distributions.Product`, batch [B], event [D]."""
        grouped: list[dict[str, tf.Tensor]] = [{} for _ in self.factors]
        for key, value in parameters.items():
            name, _, number = key.rpartition("_")
            grouped[int(number)][name] = value
        return Product(
            [
                factor.distribution(**own)
                for factor, own in zip(self.factors, grouped, strict=True)
            ]
        )

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {**super().get_config(), **_config(self)}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The posterior with these constructor arguments."""
        return cls(**_from_config(config))


@keras.saving.register_keras_serializable("vae_zoo")
class ProductPrior(Prior):
    """p(z) = the product of p_i(z_i), z = (z_1, z_2, …).

    Args:
        factors: priors, one for each part.
        sizes: D_i, the length of each part; their sum is the model's `latent_dim`.
        name: the layer's name.
        **kwargs: what every Keras layer takes.

    Raises:
        ValueError: if there are not as many sizes as factors, a size is no positive
            integer, a factor occurs twice, or the sizes do not add up.
    """

    def __init__(
        self,
        factors: Iterable[Prior],
        sizes: Sequence[int],
        *,
        name: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.factors, self.sizes = _checked(factors, sizes, *PRIOR)
        self.geometry = _geometry(self)

    def build(self, event_shape: Sequence[int]) -> None:
        """Events [D]."""
        _check_sum(self.sizes, event_shape)
        super().build(event_shape)
        for factor, size in zip(self.factors, self.sizes, strict=True):
            build_prior(factor, (size,))

    def distribution(self, model: VAE | None = None) -> Product:
        """`distributions.Product`, batch [], event [D]."""
        return Product(
            # A factor that needs the model gets it.
            [factor.distribution(model) for factor in self.factors]  # type: ignore[arg-type]
        )

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {**super().get_config(), **_config(self)}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The prior with these constructor arguments."""
        return cls(**_from_config(config))


def _checked(
    factors: Iterable[KindT], sizes: Sequence[int], kind: type[KindT], example: str
) -> tuple[list[KindT], tuple[int, ...]]:
    try:
        factors = list(factors)
    except TypeError:
        raise ValueError(
            "`factors` must be a list, one for each part. Received: "
            f"factors={shown(factors)}"
        ) from None
    sizes = check_sizes("sizes", sizes)
    if not sizes or len(sizes) != len(factors):
        raise ValueError(
            "`sizes` must have one length for each of one or more factors. Received: "
            f"sizes={sizes}, {len(factors)} factors"
        )
    for number, factor in enumerate(factors):
        check_component(f"factors[{number}]", factor, kind, example)
        if isinstance(factor, Posterior):
            factor.check_density("a ProductPosterior")
    if len({id(factor) for factor in factors}) < len(factors):
        raise ValueError(
            "`factors` must be as many objects, each with weights of its own. "
            "Received: one of them twice"
        )
    if any(getattr(factor, "num_components", None) for factor in factors):
        raise ValueError(
            "`factors` must not be mixtures, whose clusters a product does not start. "
            f"Received: {[type(factor).__name__ for factor in factors]}"
        )
    return factors, sizes


def _check_sum(sizes: Sequence[int], event_shape: Sequence[int]) -> None:
    if (sum(sizes),) != tuple(event_shape):
        raise ValueError(
            f"`sizes` must add up to latent_dim={event_shape[0]}. Received: "
            f"sizes={sizes}"
        )


def _geometry(product: ProductPosterior | ProductPrior) -> product_geometry.Product:
    parts = []
    for factor in product.factors:
        if factor.geometry is None:
            raise ValueError(
                "`factors` must be priors on a space of their own, which those made "
                f"of the model's posterior are not. Received: {type(factor).__name__}"
            )
        parts.append(factor.geometry)
    return product_geometry.Product(tuple(parts), product.sizes)


def _config(product: ProductPosterior | ProductPrior) -> Config:
    serialize = keras.saving.serialize_keras_object
    factors = [serialize(factor) for factor in product.factors]
    return {"factors": factors, "sizes": product.sizes}


def _from_config(config: Config) -> Config:
    deserialize = keras.saving.deserialize_keras_object
    return {**config, "factors": [deserialize(each) for each in config["factors"]]}
