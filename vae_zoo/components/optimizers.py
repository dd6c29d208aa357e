"""Optimizers with averages of the weights."""

from collections.abc import Iterable
from typing import Any

import keras
from keras import ops

from vae_zoo.arguments import check_choice, check_number
from vae_zoo.components.keras_private import OptimizerHooks, averages_of


@keras.saving.register_keras_serializable("vae_zoo")
class AveragedAdam(OptimizerHooks, keras.optimizers.Adam):
    """Adam with averages of the weights that forget the first steps.

    Keras' averages (`use_ema=True`) start from the initial weights, which keep the
    share momentum^t after t steps: 0.79 after 240 steps at 0.999. Here the momentum of
    step t is min(momentum, (1 + t) / (10 + t)). So the average is over about the last
    tenth of the steps, until from step 9 / (1 - momentum) on it has the length of
    `ema_momentum`. `keras.callbacks.SwapEMAWeights` validates with the averages as
    usual, and at the end of `fit` they become the weights.

    Args:
        learning_rate: a number or a schedule, as in `keras.optimizers.Adam`.
        ema_momentum: the largest momentum of the averages, in [0, 1].
        **kwargs: what `keras.optimizers.Adam` takes.

    Raises:
        ValueError: if `ema_momentum` is outside of [0, 1], or as in
            `keras.optimizers.Adam`.

    Source: the `num_updates` of `tf.train.ExponentialMovingAverage`.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 0.001,
        *,
        ema_momentum: float = 0.999,
        **kwargs: Any,
    ) -> None:
        check_choice("use_ema", kwargs.pop("use_ema", True), (True,))
        super().__init__(
            learning_rate,
            use_ema=True,
            ema_momentum=check_number(
                "ema_momentum", ema_momentum, "of averages", minimum=0, maximum=1
            ),
            **kwargs,
        )

    def move_averages(
        self, pairs: Iterable[tuple[keras.Variable, keras.Variable]]
    ) -> None:
        """Updates the averages after a step with the momentum of that step."""
        step = ops.cast(self.iterations, "float32")
        most = ops.minimum(self.ema_momentum, (1.0 + step) / (10.0 + step))
        for variable, average in pairs:
            # The share of the way from the average to the weight; all of it in the
            # first step.
            share = ops.cast(ops.where(step > 0, 1.0 - most, 1.0), variable.dtype)
            average.assign(average + share * (variable - average))


def restart_averages(
    optimizer: keras.optimizers.Optimizer | None, variables: Iterable[keras.Variable]
) -> None:
    """Restarts the moving averages of `variables` from their present values.

    Args:
        optimizer: the model's, or None; without averages nothing happens.
        variables: some of the variables that it trains.
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if (
        optimizer is None
        or not getattr(optimizer, "use_ema", False)
        or not optimizer.built
    ):
        return
    own = {id(variable) for variable in variables}
    for variable, average in averages_of(optimizer):
        if id(variable) in own:
            average.assign(variable)
