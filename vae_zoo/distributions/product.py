"""Independent distributions side by side."""

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from vae_zoo.distributions.noise import fold_in
from vae_zoo.tensors import Seed, TensorLike


class Product(tfd.Blockwise):
    """`tfd.Blockwise`, with the same seeds for its parts with and without XLA.

    Args:
        distributions: list of distributions with one batch shape and events [D_i]; the
            product's events are these concatenated.
    """

    def _sample_n(self, n: TensorLike, seed: Seed | None = None) -> tf.Tensor:
        seed = tfp.random.sanitize_seed(seed)
        parts = [
            part.sample(n, seed=fold_in(seed, number))
            for number, part in enumerate(self.distributions)
        ]
        return tf.concat(parts, axis=-1)
