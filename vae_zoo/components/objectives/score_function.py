"""The bound with the score-function gradient of the encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import keras
import tensorflow as tf

from vae_zoo.arguments import Config, check_count, check_number
from vae_zoo.components.draw import total
from vae_zoo.components.networks import MLP
from vae_zoo.components.objectives.gradients import GradientScale, with_gradient_of
from vae_zoo.components.objectives.objective import Objective
from vae_zoo.components.posteriors.posterior import check_density
from vae_zoo.tensors import LayerOptions

if TYPE_CHECKING:
    from vae_zoo.fitting.step import Step
    from vae_zoo.models.vae import VAE


@keras.saving.register_keras_serializable("vae_zoo")
class ScoreFunction(Objective):
    """The evidence lower bound, whose encoder follows the score of q (NVIL).

    No gradient flows through a draw. Instead log q is weighted by the draw's signal,
    log p(x, z) - log q(z|x). The signal is centred by a baseline, which a network
    computes from x, and by its running mean, and divided by its running deviation if
    that is above 1.

    Args:
        num_samples: L, the draws of the latents for each example.
        baseline_units: units of the hidden layer of the baseline's network.
        decay: decay of the running mean and variance, in [0, 1).
        name: the layer's name.
        **kwargs: what every Keras layer takes.

    Raises:
        ValueError: if a number is not as above, or the posterior cannot be evaluated at
            its own draws.

    Source: Mnih & Gregor 2014, sections 2.3 and 2.4.
    """

    def __init__(
        self,
        *,
        num_samples: int = 1,
        baseline_units: int = 100,
        decay: float = 0.8,
        name: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.num_samples = check_count(
            "num_samples", num_samples, 1, "the draws for each example"
        )
        self.baseline_units = check_count(
            "baseline_units", baseline_units, 1, "of the hidden layer"
        )
        self.decay = check_number("decay", decay, "of the running mean", minimum=0)
        if self.decay >= 1:
            raise ValueError(
                "`decay` must lie in [0, 1), of the running mean and variance. "
                f"Received: decay={decay}"
            )

    def build(self, model: VAE) -> None:
        """Makes the baseline's network for x, and the running mean and variance."""
        check_density(model, "ScoreFunction, whose draws have no gradient")
        self.baseline = keras.Sequential(
            [
                keras.Input(model.input_shape),
                MLP((self.baseline_units,), activation="tanh", dtype="float32"),
                keras.layers.Dense(1, dtype="float32"),
            ],
            name="baseline",
        )
        self.mean, self.variance = (
            self.add_weight(
                shape=(),
                initializer=start,
                trainable=False,
                aggregation="mean",
                name=name,
            )
            for name, start in (("mean", "zeros"), ("variance", "ones"))
        )

    def loss(self, step: Step) -> tf.Tensor:
        """See `Objective`."""
        scale = GradientScale()
        scale.factor = 0.0
        step.pass_draw_through(scale)
        log_q = total(step.log_q(step.draw.z))
        log_p = total(step.log_joint())  # [L, B]
        expected = self.baseline(step.inputs.x)[:, 0]
        brought = tf.stop_gradient(log_p - log_q)
        centred = brought - expected - self._running(step, brought - expected)
        deviation = tf.maximum(1.0, tf.sqrt(tf.convert_to_tensor(self.variance)))
        signal = tf.stop_gradient(centred / deviation)
        surrogate = -tf.reduce_mean(log_p + signal * log_q, axis=0)
        surrogate += 0.5 * tf.reduce_mean(centred**2, axis=0)
        return with_gradient_of(-tf.reduce_mean(brought, axis=0), surrogate)

    def _running(self, step: Step, signal: tf.Tensor) -> tf.Tensor:
        """The running mean, which training updates by the step's signals [L, B]."""
        signal = tf.stop_gradient(signal)
        mean = step.mean(tf.reduce_mean(signal, axis=0))
        variance = step.mean(tf.reduce_mean((signal - mean) ** 2, axis=0))
        if step.training:
            for running, latest in ((self.mean, mean), (self.variance, variance)):
                share = 1.0 - self.decay
                running.assign(running + share * (latest - running))
        return tf.convert_to_tensor(self.mean)

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "num_samples": self.num_samples,
            "baseline_units": self.baseline_units,
            "decay": self.decay,
        }
