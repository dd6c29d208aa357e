"""What every prior is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Unpack

import keras
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from vae_zoo.components.geometry import EUCLIDEAN, Space
from vae_zoo.components.signature import Signature
from vae_zoo.tensors import Array, LayerOptions

if TYPE_CHECKING:
    from vae_zoo.fitting.training_data import TrainingData
    from vae_zoo.models.vae import VAE


class Prior(keras.layers.Layer):
    """A distribution over latents that depends on no input; may own weights.

    A subclass says what p(z) is (`distribution`); one with more latents than z says
    what they are (`latent_shapes`, `conditionals`). A family of priors may also add
    outputs, metrics, a start from data or signatures. The model asks for them by the
    methods below.

    `geometry` says where z lives, None: wherever the posterior does; `num_components`
    how many parts a mixture has, None for all that are none. `event_shape` is that of
    z, None until the prior is built.
    """

    geometry: Space | None = EUCLIDEAN
    num_components: int | None = None
    # No method is of use before it is built.
    event_shape: tuple[int, ...] = None  # type: ignore[assignment]

    def __init__(
        self, *, name: str | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(name=name, **{**kwargs, "dtype": "float32"})

    def build(self, event_shape: Sequence[int]) -> None:
        """Creates the weights, if any, for latents z of shape `event_shape`."""
        self.event_shape = tuple(event_shape)

    def build_for(self, model: VAE) -> None:
        """Creates the weights whose shapes depend on other parts, before `build`.

        Args:
            model: the one whose prior it is; its other parts are built.
        """

    def get_build_config(self) -> None:
        """Returns None: the model's constructor builds the prior, also on loading."""

    def distribution(self, model: VAE) -> tfd.Distribution:
        """p(z), batch [], event [D].

        Args:
            model: the one whose prior it is, for priors made of its parts. It is handed
                over at each call, and no prior keeps it.
        """
        raise NotImplementedError

    @property
    def latent_shapes(self) -> dict[str, tuple[int, ...]]:
        """The event shape of each latent, by name."""
        return {"z": self.event_shape}

    def conditionals(
        self, model: VAE, z: dict[str, tf.Tensor]
    ) -> Iterator[tuple[str, tfd.Distribution]]:
        """The name and the distribution of each latent given those before it.

        Args:
            model: as in `distribution`.
            z: the latents by name, [..., *event]. Each is looked up only after its
                distribution was yielded, so a sampler can add it in between.
        """
        del z
        yield "z", self.distribution(model)

    # What a family of priors may add.

    @property
    def awaits_data(self) -> bool:
        """Whether training still has to start the prior from data."""
        return False

    def outputs(
        self,
        z: dict[str, tf.Tensor],
        locations: dict[str, tf.Tensor],
        conditionals: dict[str, tfd.Distribution],
    ) -> dict[str, tf.Tensor]:
        """Further outputs of the model, beside the bound and the latents: [B, ...].

        Args:
            z: draws of the latents, name -> [K, B, *event].
            locations: the posteriors' locations, name -> [B, *event].
            conditionals: what the model's `conditionals` returned at `z`.
        """
        del z, locations, conditionals
        return {}

    def make_metrics(self) -> list[keras.metrics.Metric]:
        """New metrics of training, whose `update_state(outputs, y, sample_weight)`
        takes the model's `outputs`, the labels [B] or None, and weights [B] or None.
        """
        return []

    def start(self, model: VAE, data: TrainingData) -> list[keras.callbacks.Callback]:
        """Callbacks that training on `data`, a `fitting.TrainingData`, needs."""
        del model, data
        return []

    def finish(self, model: VAE, data: TrainingData) -> None:
        """Does what the callbacks of `start` do when training ends."""

    def part(self, index: int) -> tfd.Distribution:
        """The part of p(z) of that number, to draw from; of mixtures only."""
        raise self.not_a_mixture()

    def part_probabilities(self, z: Mapping[str, Array]) -> tf.Tensor:
        """The probability of each part given the latents: [..., K]; of mixtures only.

        Args:
            z: name -> [..., *event].
        """
        raise self.not_a_mixture()

    def signatures(self, model: VAE) -> dict[str, Signature]:
        """The signatures that an export has for this prior alone, by name."""
        del model
        return {}

    def not_a_mixture(self) -> ValueError:
        """The error of a method that mixtures alone have."""
        return ValueError(
            "Clusters must be those of a mixture, such as "
            "`prior=MixtureOfNormals(10)`. Received: "
            f"prior={type(self).__name__}"
        )


def build_prior(prior: Prior, event_shape: Sequence[int]) -> None:
    """Builds `prior` unless loading has done so; refuses one of another size."""
    event_shape = tuple(event_shape)
    if not prior.built:
        prior.build(event_shape)
    elif prior.event_shape != event_shape:
        raise ValueError(
            f"`{prior.name}` already belongs to a model with latents of shape "
            f"{prior.event_shape}; make a new one. Received: shape {event_shape}"
        )
