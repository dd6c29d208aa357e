"""Warnings about what can go wrong in a pass over the data without an error."""

import warnings

import keras
import numpy as np


class WarnOfPass(keras.callbacks.Callback):
    """Warns of a loss that is not finite, once, and of a pass without any weight."""

    _has_warned = False

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Looks at the epoch's loss, and at the weights of its examples."""
        self._look_at_weights()
        loss = (logs or {}).get("loss", 0.0)
        if self._has_warned or np.isfinite(loss):
            return
        self._has_warned = True
        warnings.warn(
            f"The loss is {loss} after epoch {epoch + 1}, and the weights are probably "
            "lost. Try a lower learning rate, `clipnorm=1.0` in the optimizer, or data "
            "scaled to a standard deviation near 1; "
            "`keras.callbacks.TerminateOnNaN()` stops at the first such step.",
            stacklevel=2,
        )

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:
        """Looks at the weights of the examples."""
        del logs
        self._look_at_weights()

    def _look_at_weights(self) -> None:
        if self.model.weight_of_pass() == 0:
            warnings.warn(
                "The sample weights of all examples of the pass are 0: the metrics "
                "say nothing, and 0 stands for each",
                stacklevel=2,
            )
