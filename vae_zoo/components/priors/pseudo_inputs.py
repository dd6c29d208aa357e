"""Pseudo-inputs of a prior: their start from data, and their range."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import tensorflow as tf

from vae_zoo.arguments import Config
from vae_zoo.components import replicas
from vae_zoo.components.optimizers import restart_averages

if TYPE_CHECKING:
    from vae_zoo.fitting.training_data import TrainingData


class StartPseudoInputs(keras.callbacks.Callback):
    """Sets the pseudo-inputs of a model's prior to examples, before the first step.

    Args:
        data: what `fit` trains on, a `fitting.TrainingData`.
    """

    def __init__(self, data: TrainingData) -> None:
        super().__init__()
        self.data = data

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Draws the examples, unless the pseudo-inputs have started."""
        del logs
        model, prior = self.model, self.model.prior_layer
        if not prior.awaits_data:
            return
        seed = int(model.as_seed(None)[0]) & 0x7FFFFFFF
        count = prior.num_pseudo_inputs
        inputs, _ = self.data.some(count, seed, with_labels=False)
        x = model.as_inputs(inputs).x
        if len(x) < count:
            raise ValueError(
                "`num_pseudo_inputs` must be at most the number of examples, which "
                f"they start from, or `start_from` 'random'. Received: "
                f"num_pseudo_inputs={count}, {len(x)} examples"
            )
        (x,) = replicas.of_the_first(model, [x.numpy()])
        prior.pseudo_inputs.assign(x)
        prior.is_started.assign(1.0)
        restart_averages(model.optimizer, [prior.pseudo_inputs])


@keras.saving.register_keras_serializable("vae_zoo")
class Within(keras.constraints.Constraint):
    """Clips values that an optimizer has moved out of [low, high]."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def __call__(self, value: tf.Tensor) -> tf.Tensor:
        """`value`, clipped."""
        return tf.clip_by_value(value, self.low, self.high)

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {"low": self.low, "high": self.high}
