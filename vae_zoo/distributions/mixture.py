"""Mixtures of distributions of one family."""

from collections.abc import Callable

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from vae_zoo.distributions.noise import fold_in, uniform
from vae_zoo.tensors import Seed, TensorLike


class Mixture(tfd.Distribution):
    """p(z) = sum_c p(c) p(z|c), with an exact sum over the components c.

    Samples are the same with and without XLA, and each may have its own seed.

    Args:
        logits: float [C], log p(c) up to a constant.
        make: function of parameters [C, ...], by name, to a distribution of batch [C]
            and event [D], the components.
        **components: these parameters.
    """

    def __init__(
        self,
        logits: tf.Tensor,
        make: Callable[..., tfd.Distribution],
        name: str = "Mixture",
        **components: tf.Tensor,
    ) -> None:
        parameters = {"logits": logits, "make": make, "name": name, **components}
        self.logits, self.make, self.of_components = logits, make, components
        self.components = make(**components)
        super().__init__(
            dtype=self.components.dtype,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=False,
            parameters=parameters,
            name=name,
        )

    def _log_prob(self, z: tf.Tensor) -> tf.Tensor:
        log_density = self.components.log_prob(z[..., None, :])
        return tf.reduce_logsumexp(
            tf.nn.log_softmax(self.logits) + log_density, axis=-1
        )

    def _sample_n(self, n: TensorLike, seed: Seed | None = None) -> tf.Tensor:
        seed = tfp.random.sanitize_seed(seed)
        shares = tf.cumsum(tf.nn.softmax(self.logits))
        drawn = uniform([n], fold_in(seed, 0))[:, None]
        # The last share is 1 up to rounding, and no draw may pass it.
        index = tf.reduce_sum(tf.cast(drawn >= shares[:-1], tf.int32), axis=-1)
        chosen = {
            name: tf.gather(value, index) for name, value in self.of_components.items()
        }
        return self.make(**chosen).sample(seed=fold_in(seed, 1))

    def _event_shape(self) -> tf.TensorShape:
        return self.components.event_shape

    def _event_shape_tensor(self) -> tf.Tensor:
        return self.components.event_shape_tensor()

    def _batch_shape(self) -> tf.TensorShape:
        return tf.TensorShape([])

    def _batch_shape_tensor(self) -> tf.Tensor:
        return tf.constant([], tf.int32)
