"""What a training run writes while it trains."""

import csv
import math
import pathlib
import time

import keras

from vae_zoo import atomic


class RunCheckpoint(keras.callbacks.Callback):
    """Keeps `history.csv` and `model.keras` current; both are always whole.

    The history is written first, so it is never behind the model: after a kill
    the rows past the model's last epoch are dropped and trained again.

    Args:
        folder: where the two files go.
        steps_per_epoch: optimizer steps in an epoch.
        seconds_between: least time between two saves of the model; the last
            epoch is always saved.
    """

    def __init__(self, folder, steps_per_epoch, seconds_between=10.0):
        super().__init__()
        self.folder = pathlib.Path(folder)
        self.steps_per_epoch = steps_per_epoch
        self.seconds_between = seconds_between
        self.rows = []
        self._last_save = -float("inf")

    def resume(self, model):
        """Reads the history up to where `model` stands; returns the epochs done."""
        epochs, rest = divmod(int(model.optimizer.iterations), self.steps_per_epoch)
        if rest:
            raise ValueError(
                f"'{self.folder / 'model.keras'}' must have been saved at the end of "
                f"an epoch of {self.steps_per_epoch} steps. Received: one saved {rest} "
                "steps later; the data set has changed since"
            )
        self.rows = read_history(self.folder / "history.csv")[:epochs]
        return epochs

    def on_epoch_end(self, epoch, logs):
        """Writes one row of the history and, if it is due, the model.

        Raises:
            ValueError: if the loss is not finite; the last save is of a finite one.
        """
        if not math.isfinite(logs["loss"]):
            raise ValueError(
                f"The loss must stay finite. Received: {logs['loss']} in epoch "
                f"{epoch + 1}; a lower learning rate may help"
            )
        self.rows.append({"epoch": epoch + 1, **logs})
        self._write_history()
        is_last = epoch + 1 == self.params["epochs"]
        if is_last or time.monotonic() - self._last_save >= self.seconds_between:
            self.save()

    def _write_history(self):
        path = self.folder / "history.csv"
        with atomic.whole_file(path) as partial, open(partial, "w", newline="") as file:
            writer = csv.DictWriter(file, list(self.rows[0]))
            writer.writeheader()
            writer.writerows(self.rows)

    def save(self):
        """Writes the model with its optimizer."""
        with atomic.whole_file(self.folder / "model.keras") as partial:
            self.model.save(partial)
        self._last_save = time.monotonic()


class BestWeights(keras.callbacks.Callback):
    """Keeps the weights of the best epoch, and stops when none was better for long.

    The best is the one of least `val_loss`, the negative ELBO, after the warm-up: a
    model trained on part of the KL term is not yet what it is going to be.

    Args:
        folder: where `best.weights.h5` goes.
        patience: epochs without a better one after which training stops.
        warmup_epochs: epochs that do not count.
    """

    def __init__(self, folder, patience, warmup_epochs=0):
        super().__init__()
        self.path = pathlib.Path(folder) / "best.weights.h5"
        self.patience = patience
        self.warmup_epochs = warmup_epochs
        self.best_loss = math.inf
        self.best_epoch = None
        self.is_exhausted = False

    def resume(self, rows):
        """Takes the `rows` of a history into account."""
        for row in rows:
            self.note(row["epoch"], row["val_loss"])

    def note(self, epoch, val_loss):
        """Takes one epoch into account, counted from 1; returns whether it is best."""
        if epoch <= self.warmup_epochs:
            return False
        is_best = val_loss < self.best_loss
        if is_best:
            self.best_loss, self.best_epoch = val_loss, epoch
        elif self.best_epoch is not None:
            self.is_exhausted = epoch - self.best_epoch >= self.patience
        return is_best

    def on_epoch_end(self, epoch, logs):
        """Saves the weights of a best epoch; stops when the patience is at its end."""
        if self.note(epoch + 1, logs["val_loss"]):
            with atomic.whole_file(self.path) as partial:
                self.model.save_weights(partial)
        if self.is_exhausted:
            self.model.stop_training = True

    def restore(self, model):
        """Gives `model` the best weights, if an epoch after the warm-up was run."""
        if self.best_epoch is not None:
            model.load_weights(self.path)


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
