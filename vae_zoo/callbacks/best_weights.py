"""The weights of the best epoch of a run, and the end of one that gets no better."""

import math
import pathlib

import keras

from vae_zoo import atomic


class BestWeights(keras.callbacks.Callback):
    """Keeps the weights of the best epoch, and stops when none was better for long.

    The best is the one of least `val_loss`, the negative ELBO, after the warm-up: a
    model trained on part of the KL term is not yet what it is going to be.

    Args:
        folder: where `best.weights.h5` goes.
        patience: epochs without a better one after which training stops.
        warmup_epochs: epochs that do not count.
        is_writer: whether this process writes; of several workers one does.
    """

    def __init__(self, folder, patience, warmup_epochs=0, is_writer=True):
        super().__init__()
        self.path = pathlib.Path(folder) / "best.weights.h5"
        self.patience = patience
        self.warmup_epochs = warmup_epochs
        self.is_writer = is_writer
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
        if self.note(epoch + 1, logs["val_loss"]) and self.is_writer:
            with atomic.whole_file(self.path) as partial:
                self.model.save_weights(partial)
        if self.is_exhausted:
            self.model.stop_training = True

    def restore(self, model):
        """Gives `model` the best weights, if an epoch after the warm-up was run."""
        if self.best_epoch is not None:
            model.load_weights(self.path)
