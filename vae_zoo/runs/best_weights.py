"""Early stopping of a run, and the weights of its best epoch."""

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

    The best epoch has the least `val_loss`, the negative ELBO, after the warm-up.
    Earlier epochs do not count, since they train on only part of the KL term.

    Args:
        folder: where `best.weights.h5` goes.
        patience: epochs without a better one after which training stops, >= 1.
        warmup_epochs: epochs that do not count, >= 0.
        is_writer: whether this process writes; only one of several workers does.

    Raises:
        ValueError: if an argument is not as above, or if an epoch has no `val_loss`.
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
            # Counted from 0, this is the first epoch that ends after the warm-up.
            start_from_epoch=math.floor(warmup_epochs),
        )
        self.path = (
            check_path("folder", folder, "that of the run's folder") / "best.weights.h5"
        )
        self.is_writer = check_flag("is_writer", is_writer)
        self._rows: list[Row] = []

    @property
    def num_epochs(self) -> int:
        """The number of epochs up to and including the best; 0 if none has counted."""
        return 0 if self.best is None else self.best_epoch + 1

    @property
    def is_exhausted(self) -> bool:
        """Whether `patience` epochs have passed without a better one."""
        return self.stopped_epoch > 0

    def resume(self, rows: Iterable[Row], model: keras.Model) -> None:
        """Goes through the `rows` of the history of `model` as if it had seen them."""
        self._rows = list(rows)
        self.set_model(model)
        self.on_train_begin()

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Starts from what earlier epochs of the run have reached."""
        super().on_train_begin(logs)
        for row in self._rows:
            super().on_epoch_end(row["epoch"] - 1, row)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Saves the weights of a new best epoch; stops when the patience runs out."""
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
            # h5py's errors do not name the file.
            problem = " ".join(str(error).split())
            raise ValueError(
                f"'{self.path}' must hold the model's weights of epoch "
                f"{self.num_epochs}, but is missing or damaged; put back a copy of it, "
                f"or start anew in another folder. Received: {problem}"
            ) from error
