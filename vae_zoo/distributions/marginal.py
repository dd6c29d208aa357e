"""A distribution known only given the draw of another variable."""

from collections.abc import Callable, Sequence

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from vae_zoo.arguments import check_instance, shown
from vae_zoo.distributions.noise import fold_in
from vae_zoo.tensors import Seed, TensorLike


class Marginal(tfd.Distribution):
    """p(z), the mean of p(z|w) over w ~ p(w), for sampling.

    It has no density in closed form, so `log_prob` raises NotImplementedError. Draw w
    and use p(z|w) instead.

    Args:
        noise: p(w), batch [] and event [W].
        given: function from w [B, W] to p(z|w), a distribution with batch [B].
        event_shape: the shape of one z.

    Raises:
        ValueError: if `noise` is no distribution or `given` no function.
    """

    def __init__(
        self,
        noise: tfd.Distribution,
        given: Callable[[tf.Tensor], tfd.Distribution],
        event_shape: Sequence[int],
        name: str = "Marginal",
    ) -> None:
        parameters = dict(locals())
        self.noise = check_instance(
            "noise", noise, tfd.Distribution, "a distribution of w, such as a normal"
        )
        if not callable(given):
            raise ValueError(
                "`given` must be a function of w to p(z|w). Received: "
                f"given={shown(given)}"
            )
        self.given = given
        self._shape_of_event = tf.TensorShape(event_shape)
        super().__init__(
            dtype=noise.dtype,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=False,
            parameters=parameters,
            name=name,
        )

    def _event_shape(self) -> tf.TensorShape:
        return self._shape_of_event

    def _event_shape_tensor(self) -> tf.Tensor:
        return tf.constant(self._shape_of_event.as_list(), tf.int32)

    def _batch_shape(self) -> tf.TensorShape:
        return tf.TensorShape([])

    def _batch_shape_tensor(self) -> tf.Tensor:
        return tf.constant([], tf.int32)

    def _sample_n(self, n: TensorLike, seed: Seed | None = None) -> tf.Tensor:
        seed = tfp.random.sanitize_seed(seed)
        w = self.noise.sample(n, seed=fold_in(seed, 0))
        return self.given(w).sample(seed=fold_in(seed, 1))
