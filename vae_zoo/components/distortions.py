"""Random distortions of an encoder's input in training."""

from typing import Self, Unpack

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from scipy.interpolate import BSpline

from vae_zoo.arguments import Config, check_number, check_seed
from vae_zoo.components.convolutional import as_image
from vae_zoo.components.foreign import build_network, check_network
from vae_zoo.components.randomness import row_seeds
from vae_zoo.distributions.noise import fold_in, uniform
from vae_zoo.tensors import BatchShape, LayerOptions, TensorLike

# The intervals between knots of the cubic spline of an elastic distortion.
ELASTIC_INTERVALS = 4

# The candidates of `evaluation.compare_distortions`. How much an image may change
# without leaving its class depends on the data, and too much is worse than nothing.
CANDIDATES = {
    "none": {},
    "gentle": {"rotation": 5.0, "zoom": 0.05, "translation": 0.03},
    "medium": {"rotation": 15.0, "shear": 0.3, "zoom": 0.15, "translation": 0.08},
    "strong": {"rotation": 25.0, "shear": 0.5, "zoom": 0.25, "translation": 0.14},
}


@keras.saving.register_keras_serializable("vae_zoo")
class Distorted(keras.layers.Layer):
    """A network that sees rotated, sheared, shifted and bent images in training.

    As an encoder it makes latents forget what the distortions change, while the decoder
    still has to return the original image. The bound stays a bound, with the mixture of
    q(z|x') over distorted x' as the posterior. Outside of training nothing is
    distorted.

    Each amount is drawn for every image, uniformly up to its largest value in both
    directions; pixels from outside the image are 0. All amounts are 0 by default, since
    distortions that help with handwriting can hurt elsewhere;
    `evaluation.compare_distortions` compares them on validation data.

    Args:
        network: the layer to call, for images [B, H, W] or [B, H, W, C].
        rotation: largest rotation, in degrees, >= 0.
        shear: largest horizontal shift of a row as a share of its distance from the
            centre, >= 0.
        zoom: largest logarithm of the factors by which height and width, independently,
            grow or shrink, >= 0.
        translation: largest shift, as a share of the height and of the width, >= 0.
        elastic: largest shift of the knots of a cubic spline that bends the image, as a
            share of height and width, >= 0. There are four intervals between knots from
            edge to edge in both directions.
        seed: integer that fixes the distortions.
        name: the layer's name.
        **kwargs: what every Keras layer takes.

    Raises:
        ValueError: if `network` is no Keras layer, an amount is negative or not
            finite, or the inputs are no images.

    Source: Im et al. 2017 (the denoising criterion for VAEs); Simard et al. 2003
    (elastic distortions), here with the splines of Rueckert et al. 1999.
    """

    def __init__(
        self,
        network: keras.Layer,
        *,
        rotation: float = 0.0,
        shear: float = 0.0,
        zoom: float = 0.0,
        translation: float = 0.0,
        elastic: float = 0.0,
        seed: int | None = None,
        name: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        amounts = {
            "rotation": rotation,
            "shear": shear,
            "zoom": zoom,
            "translation": translation,
            "elastic": elastic,
        }
        self.amounts = {
            key: check_number(key, value, "the largest amount", minimum=0)
            for key, value in amounts.items()
        }
        check_network("network", network)
        self.network = network
        self.seed = check_seed("seed", seed)
        # Not Keras' name `seed_generator`, which marks layers whose noise is slow under
        # XLA.
        self.distortion_seeds = keras.random.SeedGenerator(seed)

    def build(self, input_shape: BatchShape) -> None:
        """Builds the network."""
        if not 3 <= len(input_shape) <= 4:
            raise ValueError(
                "`input_shape` must be that of images, [H, W] or [H, W, C], to be "
                f"distorted. Received: {tuple(input_shape[1:])}"
            )
        build_network("network", self.network, input_shape)

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """The network's output for `x`, which is distorted if `training`."""
        if training:
            x = self.distort(x, row_seeds(self.distortion_seeds, tf.shape(x)[0]))
        return self.network(x, training=training)

    def distort(self, x: tf.Tensor, seed: TensorLike) -> tf.Tensor:
        """`x` [B, H, W] or [B, H, W, C] distorted, with bilinear interpolation.

        Args:
            x: a batch of images.
            seed: int32 [2], or one for each image, [B, 2].
        """
        images = tf.cast(tf.reshape(x, [-1, *as_image(tuple(x.shape[1:]))]), tf.float32)
        height, width = images.shape[1:3]
        corner = tf.constant([(height - 1) / 2, (width - 1) / 2])
        axes = [tf.range(float(size)) for size in (height, width)]
        grid = tf.stack(tf.meshgrid(*axes, indexing="ij"), axis=-1)
        size = tf.constant([float(height), float(width)])
        offsets = (tf.reshape(grid, [-1, 2]) - corner)[None]
        count = tf.shape(images)[0]
        if self.amounts["elastic"]:
            bends = self._bends((height, width), count, fold_in(seed, 0))
            offsets += bends * size
        matrices, shifts = self._maps(count, seed)
        # Where each pixel of the distorted image comes from.
        places = tf.matmul(offsets, matrices, transpose_b=True)
        places += shifts[:, None] * size
        distorted = tfp.math.batch_interp_regular_nd_grid(
            places, -corner, corner, images, axis=1, fill_value=0.0
        )
        return tf.cast(tf.reshape(distorted, tf.shape(x)), x.dtype)

    def _maps(
        self, count: int | tf.Tensor, seed: TensorLike
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Matrices [B, 2, 2] and shifts [B, 2]; rows come first, then columns."""
        draws = 2 * uniform([6, count], seed) - 1
        angle = draws[0] * (self.amounts["rotation"] * 3.141592653589793 / 180)
        shear = draws[1] * self.amounts["shear"]
        factors = tf.exp(draws[2:4] * self.amounts["zoom"])
        shifts = tf.transpose(draws[4:6] * self.amounts["translation"])
        cos, sin = tf.cos(angle), tf.sin(angle)
        rows = [cos * factors[0], sin * factors[1]]
        columns = [(shear * cos - sin) * factors[0], (cos + shear * sin) * factors[1]]
        return tf.stack([tf.stack(rows, -1), tf.stack(columns, -1)], axis=1), shifts

    def _bends(
        self, size: tuple[int, int], count: int | tf.Tensor, seed: TensorLike
    ) -> tf.Tensor:
        """Elastic shifts [B, H W, 2] of each pixel, as shares of height and width."""
        rows, columns = (_spline_weights(length) for length in size)
        shape = [count, rows.shape[1], columns.shape[1], 2]
        knots = (2 * uniform(shape, seed, event_rank=3) - 1) * self.amounts["elastic"]
        bends = tf.einsum("ia,jb,nabc->nijc", rows, columns, knots)
        return tf.reshape(bends, [count, -1, 2])

    def mirror(self, target_shape: tuple[int, ...]) -> keras.Layer:
        """The network's mirror image, to `target_shape`."""
        return self.network.mirror(target_shape)

    def compute_output_shape(self, input_shape: BatchShape) -> tuple[int | None, ...]:
        """The network's output shape."""
        return build_network("network", self.network, input_shape)

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "network": keras.saving.serialize_keras_object(self.network),
            **self.amounts,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The layer with these constructor arguments."""
        network = keras.saving.deserialize_keras_object(config["network"])
        return cls(**{**config, "network": network})


def _spline_weights(length: int) -> tf.Tensor:
    """The weight of each coefficient of a cubic B-spline at each pixel: [L, 7]."""
    places = (np.arange(length) + 0.5) / length * ELASTIC_INTERVALS
    knots = np.arange(-3.0, ELASTIC_INTERVALS + 4)
    matrix = BSpline.design_matrix(places, knots, k=3).toarray()
    return tf.constant(matrix, tf.float32)
