"""Several latent spaces side by side."""

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from vae_zoo.components.geometry import Space, check_has_grid
from vae_zoo.distributions.noise import fold_in
from vae_zoo.tensors import Array


@dataclasses.dataclass(frozen=True)
class Product:
    """Several spaces side by side, z = (z_1, z_2, …).

    Attributes:
        parts: the spaces.
        sizes: the lengths of z_1, z_2, ….
    """

    parts: tuple[Space, ...]
    sizes: tuple[int, ...]

    @property
    def name(self) -> str:
        """The name of the space, for errors."""
        named = (f"{part.name} (D={size})" for part, size in self._with_sizes())
        return " x ".join(named)

    @property
    def is_spherical(self) -> bool:
        """Whether every part is a sphere."""
        return all(part.is_spherical for part in self.parts)

    def variances(self, size: int) -> npt.NDArray[np.float64]:
        """As in `Euclidean`, for each part separately."""
        del size
        own = [part.variances(part_size) for part, part_size in self._with_sizes()]
        return np.concatenate(own)

    def location(self, q: tfd.Distribution) -> tf.Tensor:
        """The parts' locations; `q` is a `distributions.Product`."""
        pairs = zip(self.parts, q.distributions, strict=True)
        return tf.concat([part.location(own) for part, own in pairs], axis=-1)

    def lift(self, z: Array, seed: tf.Tensor) -> tf.Tensor:
        """As in `Euclidean`."""
        return self._join(
            part.lift(own, fold_in(seed, number))
            for number, (part, own) in enumerate(self._with_own(z))
        )

    def project(self, v: Array) -> tf.Tensor:
        """As in `Euclidean`."""
        return self._join(part.project(own) for part, own in self._with_own(v))

    def log_volume(self, v: Array) -> tf.Tensor:
        """As in `Euclidean`."""
        return sum(part.log_volume(own) for part, own in self._with_own(v))

    def mean(self, points: Array) -> tf.Tensor:
        """As in `Euclidean`, each part separately."""
        return self._join(part.mean(own) for part, own in self._with_own(points))

    def move(self, z: Array, start: Array, end: Array, amount: Array) -> tf.Tensor:
        """As in `Euclidean`, with each part moved separately."""
        three = zip(*(self._split(each) for each in (z, start, end)), strict=True)
        return self._join(
            part.move(own, own_start, own_end, amount)
            for part, (own, own_start, own_end) in zip(self.parts, three, strict=True)
        )

    def interpolate(self, start: Array, end: Array, num_steps: int) -> tf.Tensor:
        """As in `Euclidean`, in every part at the same pace."""
        ends = zip(self.parts, self._split(start), self._split(end), strict=True)
        paths = [part.interpolate(a, b, num_steps) for part, a, b in ends]
        return tf.concat(paths, axis=-1)

    def traverse(self, z: Array, dimension: int, num_steps: int) -> tf.Tensor:
        """As in the part that `dimension` belongs to; the others stay."""
        paths = []
        for (part, size), own in zip(self._with_sizes(), self._split(z), strict=True):
            if 0 <= dimension < size:
                paths.append(part.traverse(own, dimension, num_steps))
            else:
                paths.append(tf.repeat(own[None], num_steps, axis=0))
            dimension -= size
        return tf.concat(paths, axis=-1)

    def grid_axes(self, size: int) -> None:
        """As in `Euclidean`: None, since several spaces make no flat picture."""
        del size

    def quantile_grid(self, p: tfd.Distribution, num_steps: int) -> tf.Tensor:
        """As in `Euclidean`: always raises ValueError."""
        del num_steps
        check_has_grid(self, p.event_shape[0])

    def _with_sizes(self) -> Iterator[tuple[Space, int]]:
        return zip(self.parts, self.sizes, strict=True)

    def _split(self, z: Array) -> list[tf.Tensor]:
        return tf.split(z, self.sizes, axis=-1)

    def _with_own(self, z: Array) -> Iterator[tuple[Space, tf.Tensor]]:
        return zip(self.parts, self._split(z), strict=True)

    def _join(self, own: Iterable[tf.Tensor]) -> tf.Tensor:
        return tf.concat(list(own), axis=-1)
