"""The progress of `fit`: one line for each epoch, or a bar."""

import keras


class EpochLines(keras.callbacks.Callback):
    """Prints one line for each epoch, without control characters, for logs.

    Keras' `verbose=2` prints two.
    """

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Prints the epoch's number and its logs."""
        shown = [f"{name}: {value:.4f}" for name, value in (logs or {}).items()]
        print(
            f"Epoch {epoch + 1}/{self.params['epochs']}", *shown, sep=" - ", flush=True
        )


class ProgressBar(keras.callbacks.ProgbarLogger):
    """Keras' bar, made to end at its total however many steps run at once.

    The last execution of an epoch may have fewer steps than the others.
    """

    needs_every_batch = False

    def on_train_batch_end(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        """Moves the bar, but not past its total."""
        super().on_train_batch_end(self._within(batch), logs)

    def on_test_batch_end(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        """As `on_train_batch_end`, for an evaluation."""
        super().on_test_batch_end(self._within(batch), logs)

    def _within(self, batch: int) -> int:
        return batch if self.target is None else min(batch, self.target - 1)
