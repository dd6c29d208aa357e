"""The early stopping of `fit` for models whose training starts with a warm-up."""

from typing import Literal

import keras

from vae_zoo.arguments import (
    check_choice,
    check_count,
    check_flag,
    check_instance,
    check_number,
)


class EarlyStoppingAfterWarmup(keras.callbacks.EarlyStopping):
    """`keras.callbacks.EarlyStopping` that waits for the end of the warm-up.

    A model trained on part of the KL term, or one whose clusters await data, has a
    validation ELBO that is not yet what counts: it may well be the best of all. So an
    epoch counts only if one of its steps was on the whole objective, by
    `model.warmup_steps()` and the optimizer's step, which a resumed training goes on
    with; and of a model with clusters, if they had started. An epoch before takes no
    patience, is not the best, and is never restored.

    Of `schedules.Cyclical` the first cycle is the warm-up.

    Args:
        monitor: which of the history's keys. `val_loss` is the negative ELBO at
            beta = 1.
        min_delta: least change that is an improvement, in nats, >= 0.
        patience: epochs without one after which training stops, >= 0.
        verbose: 1 tells of the stop.
        mode: "min" or "max", the better direction; "auto" knows it for a loss alone.
        baseline: value to be better than, before the patience is at its end.
        restore_best_weights: whether the model ends with the weights of its best
            epoch, if one counted, instead of the last.
        warmup_steps: None, or the optimizer's step that ends the warm-up whatever the
            model says, >= 0.

    Raises:
        ValueError: if an argument is none of these; and at the start of training, if it
            is None while a weight of the model is a function that does not tell.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: Literal["auto", "min", "max"] = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        warmup_steps: int | None = None,
    ) -> None:
        check_instance(
            "monitor", monitor, str, "a key of the history, such as 'val_loss'"
        )
        check_choice("mode", mode, ("auto", "min", "max"))
        if baseline is not None:
            check_number("baseline", baseline, "what to be better than")
        super().__init__(
            monitor,
            min_delta=check_number("min_delta", min_delta, "in nats", minimum=0),
            patience=check_count("patience", patience, 0, "the epochs to wait"),
            verbose=check_count("verbose", verbose, 0, "1 tells of the stop"),
            mode=mode,
            baseline=baseline,
            restore_best_weights=check_flag(
                "restore_best_weights", restore_best_weights
            ),
        )
        if warmup_steps is not None:
            check_count("warmup_steps", warmup_steps, 0, "in optimizer steps")
        self.warmup_steps = warmup_steps

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Finds out when the warm-up of the model ends."""
        super().on_train_begin(logs)
        self._end = self.warmup_steps
        if self._end is None:
            self._end = self.model.warmup_steps()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Counts the epoch, unless all of it was warm-up."""
        is_warmup = (
            self.model.prior_layer.awaits_data
            or self.model.optimizer.iterations <= self._end
        )
        # Keras' own means of passing over an epoch, set from one to the next.
        self.start_from_epoch = epoch + 1 if is_warmup else 0
        super().on_epoch_end(epoch, logs)
