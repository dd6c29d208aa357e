"""How far `fit` has come: one line for each epoch, or a bar."""

import keras


class EpochLines(keras.callbacks.Callback):
    """Prints a line for each epoch, for files and logs: no bar, no control character.

    Keras' `verbose=2` takes two lines.
    """

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Prints the epoch's number and what the history has of it."""
        shown = [f"{name}: {value:.4f}" for name, value in (logs or {}).items()]
        print(
            f"Epoch {epoch + 1}/{self.params['epochs']}", *shown, sep=" - ", flush=True
        )


class ProgressBar(keras.callbacks.ProgbarLogger):
    """Keras' bar, which ends at its total however many steps run at once.

    The last execution of an epoch may have room for more steps than are left.
    """

    needs_every_batch = False

    def on_train_batch_end(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        """Moves the bar on, and not past its total."""
        super().on_train_batch_end(self._within(batch), logs)

    def on_test_batch_end(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        """The same of an evaluation."""
        super().on_test_batch_end(self._within(batch), logs)

    def _within(self, batch: int) -> int:
        return batch if self.target is None else min(batch, self.target - 1)
