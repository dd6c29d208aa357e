"""A loss that is not finite, of which a run should not go on in silence."""

import warnings

import keras
import numpy as np


class WarnOfNaN(keras.callbacks.Callback):
    """Warns once, at the end of the first epoch whose loss is not finite."""

    _has_warned = False

    def on_epoch_end(self, epoch, logs=None):
        """Looks at the epoch's loss."""
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
