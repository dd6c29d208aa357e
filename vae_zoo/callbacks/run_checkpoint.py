"""The history and the model of a run, written while it trains."""

import csv
import json
import pathlib
import time

import keras
import numpy as np

from vae_zoo import atomic


class RunCheckpoint(keras.callbacks.Callback):
    """Keeps `history.csv` and `model.keras` current; both are always whole.

    The history is written first, so it is never behind the model: after a kill
    the rows past the model's last epoch are dropped and trained again. `timing.json`
    has the seconds that the epochs saved have taken, over all resumptions.

    Args:
        folder: where the two files go.
        steps_per_epoch: optimizer steps in an epoch.
        seconds_between: least time between two saves of the model; the last
            epoch is always saved.
        is_writer: whether this process writes; of several workers one does.
    """

    needs_every_batch = False

    def __init__(self, folder, steps_per_epoch, seconds_between=10.0, is_writer=True):
        super().__init__()
        self.folder = pathlib.Path(folder)
        self.steps_per_epoch = steps_per_epoch
        self.seconds_between = seconds_between
        self.is_writer = is_writer
        self.rows = []
        self.seconds = 0.0
        self._epoch = self._epoch_start = None
        self._last_save = -float("inf")

    def resume(self, model):
        """Reads the history up to where `model` stands; returns the epochs done."""
        # By NumPy, for a strategy's variables do not become integers by themselves.
        steps = int(model.optimizer.iterations.numpy())
        epochs, rest = divmod(steps, self.steps_per_epoch)
        if rest:
            raise ValueError(
                f"'{self.folder / 'model.keras'}' must have been saved at the end of "
                f"an epoch of {self.steps_per_epoch} steps. Received: one saved {rest} "
                "steps later; the data set has changed since"
            )
        self.rows = read_history(self.folder / "history.csv")[:epochs]
        timing = self.folder / "timing.json"
        if epochs and timing.exists():
            self.seconds = json.loads(timing.read_text())["seconds"]
        return epochs

    def on_epoch_begin(self, epoch, logs=None):
        """Starts the clock."""
        del logs
        self._epoch = epoch
        self._epoch_start = time.monotonic()

    def on_train_batch_end(self, batch, logs):
        """Raises ValueError if the epoch's loss so far is not finite."""
        del batch
        self._check_is_finite("loss", logs)

    def on_epoch_end(self, epoch, logs):
        """Writes one row of the history and, if it is due, the model.

        Raises:
            ValueError: if the loss, the validation loss or a weight is not finite; the
                last save is of finite ones. The losses alone do not tell, since what
                the last step ruins comes after its loss, and the relu of NaN may be 0.
        """
        for name in ("loss", "val_loss"):
            self._check_is_finite(name, logs)
        for weight in self.model.trainable_variables:
            self._check_is_finite(weight.path, {weight.path: weight.numpy()})
        self.seconds += time.monotonic() - self._epoch_start
        self.rows.append({"epoch": epoch + 1, **logs})
        self._write_history()
        is_last = epoch + 1 == self.params["epochs"]
        if is_last or time.monotonic() - self._last_save >= self.seconds_between:
            self.save()

    def _check_is_finite(self, name, values):
        values = np.atleast_1d(values.get(name, 0.0))
        excluded = values[~np.isfinite(values)]
        if excluded.size:
            raise ValueError(
                "The loss and the weights must stay finite. Received: "
                f"{name}={excluded[0]} in epoch {self._epoch + 1}; a lower learning "
                "rate may help"
            )

    def _write_history(self):
        if not self.is_writer:
            return
        path = self.folder / "history.csv"
        with atomic.whole_file(path) as partial, open(partial, "w", newline="") as file:
            writer = csv.DictWriter(file, list(self.rows[0]))
            writer.writeheader()
            writer.writerows(self.rows)

    def save(self):
        """Writes the model with its optimizer."""
        if not self.is_writer:
            return
        with atomic.whole_file(self.folder / "model.keras") as partial:
            self.model.save(partial)
        atomic.write_json(self.folder / "timing.json", {"seconds": self.seconds})
        self._last_save = time.monotonic()


def read_history(path):
    """The rows of a `history.csv` as dicts of numbers; [] if there is none."""
    path = pathlib.Path(path)
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return [
            {key: float(value) for key, value in row.items()}
            | {"epoch": int(row["epoch"])}
            for row in csv.DictReader(file)
        ]
