"""Independent distributions side by side."""

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from vae_zoo.distributions.noise import fold_in
from vae_zoo.tensors import Seed, TensorLike


class Product(tfd.Blockwise):
    """`tfd.Blockwise`, with seeds for its parts that XLA does not change.

    Args:
        distributions: list of distributions of one batch shape, events [D_i]; the
            product's events are theirs in a row.
    """

    def _sample_n(self, n: TensorLike, seed: Seed | None = None) -> tf.Tensor:
        seed = tfp.random.sanitize_seed(seed)
        parts = [
            part.sample(n, seed=fold_in(seed, number))
            for number, part in enumerate(self.distributions)
        ]
        return tf.concat(parts, axis=-1)
