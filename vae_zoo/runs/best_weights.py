"""The weights of the best epoch of a run, and the end of one that gets no better."""

import math
from collections.abc import Iterable

import keras

from vae_zoo import atomic
from vae_zoo.arguments import (
    PathLike,
    check_count,
    check_flag,
    check_number,
    check_path,
)
from vae_zoo.runs.checkpoint import Row


class BestWeights(keras.callbacks.EarlyStopping):
    """Early stopping that keeps the best weights in a file, and resumes.

    The best epoch is the one of least `val_loss`, the negative ELBO, after the warm-up:
    a model trained on part of the KL term is not yet what it is going to be.

    Args:
        folder: where `best.weights.h5` goes.
        patience: epochs without a better one after which training stops, >= 1.
        warmup_epochs: epochs that do not count, >= 0.
        is_writer: whether this process writes; of several workers one does.

    Raises:
        ValueError: if an argument is none of these; and in training, if no epoch has a
            `val_loss`.
    """

    def __init__(
        self,
        folder: PathLike,
        patience: int,
        warmup_epochs: float = 0,
        is_writer: bool = True,
    ) -> None:
        check_count("patience", patience, 1, "the epochs to wait for a better one")
        check_number(
            "warmup_epochs", warmup_epochs, "the epochs that do not count", minimum=0
        )
        super().__init__(
            "val_loss",
            mode="min",
            patience=patience,
            # Epochs count from 0 here: this one is the first to end after the warm-up.
            start_from_epoch=math.floor(warmup_epochs),
        )
        self.path = (
            check_path("folder", folder, "that of the run's folder") / "best.weights.h5"
        )
        self.is_writer = check_flag("is_writer", is_writer)
        self._rows: list[Row] = []

    @property
    def num_epochs(self) -> int:
        """The epochs up to the best one, it included; 0 if none has counted."""
        return 0 if self.best is None else self.best_epoch + 1

    @property
    def is_exhausted(self) -> bool:
        """Whether the patience is at its end."""
        return self.stopped_epoch > 0

    def resume(self, rows: Iterable[Row], model: keras.Model) -> None:
        """Takes the `rows` of a history of `model` into account."""
        self._rows = list(rows)
        self.set_model(model)
        self.on_train_begin()

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Begins with the epochs before those that are going to be run."""
        super().on_train_begin(logs)
        for row in self._rows:
            super().on_epoch_end(row["epoch"] - 1, row)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Saves the weights of a best epoch; stops when the patience is at its end."""
        if "val_loss" not in (logs or {}):
            raise ValueError(
                "`validation_data` must be given to `fit` with BestWeights, which "
                f"compares epochs by `val_loss`. Received: {', '.join(logs or ())}"
            )
        super().on_epoch_end(epoch, logs)
        if self.num_epochs == epoch + 1 and self.is_writer:
            with atomic.whole_file(self.path) as partial:
                self.model.save_weights(partial)

    def restore(self, model: keras.Model) -> None:
        """Gives `model` the best weights.

        Raises:
            ValueError: if their file is missing or damaged.
        """
        try:
            model.load_weights(self.path)
        except (OSError, ValueError, KeyError) as error:
            # h5py's errors name no file.
            problem = " ".join(str(error).split())
            raise ValueError(
                f"'{self.path}' must hold the model's weights of epoch "
                f"{self.num_epochs}, but is missing or damaged; put back a copy of it, "
                f"or start anew in another folder. Received: {problem}"
            ) from error
