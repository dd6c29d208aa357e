"""Independent binary elements with a known sum, which TFP lacks."""

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from vae_zoo.arguments import shown
from vae_zoo.distributions.finite import as_parameter, check_parameter
from vae_zoo.distributions.noise import fold_in, uniform
from vae_zoo.tensors import Seed, TensorLike

# The logarithm of a zero weight; with -infinity, differences would be NaN.
NOTHING = -1e30


class BernoulliGivenSum(tfd.Distribution):
    """x in {0, 1}^n with p(x) ~ exp(logits . x) where the elements of x sum to `total`.

    This is the conditional Bernoulli distribution. Sampling is exact, element by
    element, in time n^2.

    Args:
        logits: float [..., n].
        total: [...], integers from 0 to n of any type.
        validate_args, allow_nan_stats, name: as in `tfd.Distribution`.

    Raises:
        ValueError: if `logits` are not finite or a sum is impossible (checked eagerly).

    Source: Chen, Dempster & Liu 1994, section 2.
    """

    def __init__(
        self,
        logits: TensorLike,
        total: TensorLike,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "BernoulliGivenSum",
    ) -> None:
        parameters = dict(locals())
        with tf.name_scope(name) as name:
            self.logits = as_parameter("logits", logits, tf.float32)
            total = as_parameter("total", total)
            if not (total.dtype.is_integer or total.dtype.is_floating):
                raise ValueError(
                    f"`total` must be made of numbers. Received: {shown(total)}"
                )
            check_parameter("logits", self.logits)
            count = self.logits.shape[-1]
            check_parameter(
                "total",
                total,
                lambda sums: (sums >= 0) & (sums <= count) & (sums == np.round(sums)),
                f"integers from 0 to {count}, the elements of x",
            )
            self.total = tf.cast(total, tf.int32)
        super().__init__(
            dtype=self.logits.dtype,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=validate_args,
            allow_nan_stats=allow_nan_stats,
            parameters=parameters,
            name=name,
        )

    @classmethod
    def _parameter_properties(
        cls, dtype: tf.DType, num_classes: int | None = None
    ) -> dict[str, tfp.util.ParameterProperties]:
        properties = tfp.util.ParameterProperties
        return {"logits": properties(event_ndims=1), "total": properties()}

    def _event_shape(self) -> tf.TensorShape:
        return self.logits.shape[-1:]

    def _event_shape_tensor(self) -> tf.Tensor:
        return tf.shape(self.logits)[-1:]

    def _log_sums(self) -> list[tf.Tensor]:
        """log e_j of the last n - k weights, for k = 0..n: each [..., n + 1].

        e_j, an elementary symmetric polynomial, is the sum over all ways to choose j
        elements of the product of their weights exp(logits).
        """
        count = self.logits.shape[-1]
        sums = [_padded(tf.zeros_like(self.logits[..., :1]), 0, count)]
        for logit in reversed(tf.unstack(self.logits, axis=-1)):
            one_more = _padded(sums[-1][..., :-1], 1, 0) + logit[..., None]
            sums.append(tfp.math.log_add_exp(sums[-1], one_more))
        return sums[::-1]

    def _log_prob(self, x: tf.Tensor) -> tf.Tensor:
        log_all = _at(self._log_sums()[0], self.total)
        is_right = tf.reduce_sum(x, axis=-1) == tf.cast(self.total, x.dtype)
        log_p = tf.reduce_sum(self.logits * x, axis=-1) - log_all
        return tf.where(is_right, log_p, -float("inf"))

    def _sample_n(self, n: TensorLike, seed: Seed | None = None) -> tf.Tensor:
        seed = tfp.random.sanitize_seed(seed)
        batch = tf.concat([[n], self._batch_shape_tensor()], axis=0)
        rest, drawn = tf.broadcast_to(self.total, batch), []
        sums = self._log_sums()
        for index, logit in enumerate(tf.unstack(self.logits, axis=-1)):
            chosen = logit + _at(sums[index + 1], rest - 1)
            noise = uniform(batch, fold_in(seed, index), self.dtype)
            # A certain element has probability exactly 0 or 1.
            is_one = noise < tf.exp(chosen - _at(sums[index], rest))
            rest -= tf.cast(is_one, tf.int32)
            drawn.append(tf.cast(is_one, self.dtype))
        return tf.stack(drawn, axis=-1)


def _padded(values: tf.Tensor, before: int, after: int) -> tf.Tensor:
    paddings = [[0, 0]] * (values.shape.rank - 1) + [[before, after]]
    return tf.pad(values, paddings, constant_values=NOTHING)


def _at(log_sums: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """The element `number` [..., B] of each of `log_sums` [B, n + 1]: [..., B]."""
    is_it = tf.one_hot(number, log_sums.shape[-1], on_value=True, off_value=False)
    return tf.reduce_max(tf.where(is_it, log_sums, NOTHING), axis=-1)
