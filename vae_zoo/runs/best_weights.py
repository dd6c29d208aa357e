"""The weights of the best epoch of a run, and the end of one that gets no better."""

import math

import keras

from vae_zoo import atomic
from vae_zoo.arguments import check_count, check_flag, check_number, check_path


class BestWeights(keras.callbacks.Callback):
    """Keeps the weights of the best epoch, and stops when none was better for long.

    The best is the one of least `val_loss`, the negative ELBO, after the warm-up: a
    model trained on part of the KL term is not yet what it is going to be.

    Args:
        folder: where `best.weights.h5` goes.
        patience: epochs without a better one after which training stops, >= 1.
        warmup_epochs: epochs that do not count, >= 0.
        is_writer: whether this process writes; of several workers one does.

    Raises:
        ValueError: if an argument is none of these; and in training, if no epoch has a
            `val_loss`.
    """

    def __init__(self, folder, patience, warmup_epochs=0, is_writer=True):
        super().__init__()
        self.path = (
            check_path("folder", folder, "that of the run's folder") / "best.weights.h5"
        )
        self.patience = check_count(
            "patience", patience, 1, "the epochs to wait for a better one"
        )
        self.warmup_epochs = check_number(
            "warmup_epochs", warmup_epochs, "the epochs that do not count", minimum=0
        )
        self.is_writer = check_flag("is_writer", is_writer)
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
        if "val_loss" not in (logs or {}):
            raise ValueError(
                "`validation_data` must be given to `fit` with BestWeights, which "
                f"compares epochs by `val_loss`. Received: {', '.join(logs or ())}"
            )
        if self.note(epoch + 1, logs["val_loss"]) and self.is_writer:
            with atomic.whole_file(self.path) as partial:
                self.model.save_weights(partial)
        if self.is_exhausted:
            self.model.stop_training = True

    def restore(self, model):
        """Gives `model` the best weights, if an epoch after the warm-up was run.

        Raises:
            ValueError: if their file is missing or damaged.
        """
        if self.best_epoch is None:
            return
        try:
            model.load_weights(self.path)
        except (OSError, ValueError, KeyError) as error:
            # h5py's errors name no file.
            problem = " ".join(str(error).split())
            raise ValueError(
                f"'{self.path}' must hold the model's weights of epoch "
                f"{self.best_epoch}, but is missing or damaged; put back a copy of it, "
                f"or start anew in another folder. Received: {problem}"
            ) from error
