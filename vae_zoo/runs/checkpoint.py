"""The history and the model of a run, written while it trains."""

import csv
import json
import pathlib
import time
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeAlias

import keras
import numpy as np

from vae_zoo import atomic
from vae_zoo.arguments import (
    Config,
    PathLike,
    check_count,
    check_flag,
    check_number,
    check_path,
)
from vae_zoo.runs import interrupted_epoch
from vae_zoo.runs.termination import Terminated

# What a history has of an epoch: its number and the logs.
Row: TypeAlias = dict[str, float]


class RunCheckpoint(keras.callbacks.Callback):
    """Keeps `history.csv` and `model.keras` current; both are always whole.

    The history is written first, so it is never behind the model: after a kill
    the rows past the model's last epoch are dropped and trained again. `timing.json`
    has the seconds that the epochs saved have taken, over all resumptions.

    Told to stop it saves in the middle of an epoch, too, which goes on from there.

    Args:
        folder: where the two files go.
        steps_per_epoch: optimizer steps in an epoch.
        seconds_between: least time between two saves of the model; the last
            epoch is always saved.
        is_writer: whether this process writes; of several workers one does.

    Raises:
        ValueError: if an argument is none of these.

    Attributes:
        must_stop: None, or a function that says whether to save and raise
            `Terminated`; see `termination.deferred`.
        steps_saved: the optimizer's step that `model.keras` is of; 0 without one.
    """

    needs_every_batch = False

    def __init__(
        self,
        folder: PathLike,
        steps_per_epoch: int,
        seconds_between: float = 10.0,
        is_writer: bool = True,
    ) -> None:
        super().__init__()
        self.folder = check_path("folder", folder, "that of the run's folder")
        self.steps_per_epoch = check_count(
            "steps_per_epoch", steps_per_epoch, 1, "the optimizer steps in an epoch"
        )
        self.seconds_between = check_number(
            "seconds_between",
            seconds_between,
            "the least seconds between two saves",
            minimum=0,
        )
        self.is_writer = check_flag("is_writer", is_writer)
        self.must_stop: Callable[[], bool] | None = None
        self.rows: list[Row] = []
        self.seconds = 0.0
        self.steps_saved = 0
        self._so_far: Config | None = None
        self._steps_done = 0
        self._before_validation: list[np.ndarray] = []
        self._epoch, self._epoch_start = 0, 0.0
        self._last_save = -float("inf")

    def resume(self, model: keras.Model) -> int:
        """Reads the history up to where `model` stands; returns the epochs done.

        Raises:
            ValueError: if a file of the run is damaged, or the data set has changed.
        """
        # By NumPy, for a strategy's variables do not become integers by themselves.
        steps = int(model.optimizer.iterations.numpy())
        path = self.folder / "model.keras"
        self.steps_saved = steps
        self._so_far = interrupted_epoch.read(path, model) if steps else None
        if self._so_far is None:
            epochs, steps_over = divmod(steps, self.steps_per_epoch)
            is_same_data = steps_over == 0
        else:
            # All of its steps may be done, and its validation not.
            epochs = (steps - 1) // self.steps_per_epoch
            self._steps_done = steps - epochs * self.steps_per_epoch
            is_same_data = self._so_far["steps_per_epoch"] == self.steps_per_epoch
        if not is_same_data:
            raise ValueError(
                f"'{path}' must have been saved in training of {self.steps_per_epoch} "
                f"steps per epoch. Received: one saved after {steps} steps of another "
                "number per epoch; the data set has changed since"
            )
        if self._so_far is not None:
            interrupted_epoch.prepare(model, self._so_far)
        self.rows = self._read_rows(epochs) if epochs else []
        if steps:
            self.seconds = _read_seconds(self.folder / "timing.json")
        return epochs

    def _read_rows(self, epochs: int) -> list[Row]:
        path = self.folder / "history.csv"
        rows = read_history(path)[:epochs]
        if len(rows) < epochs:
            raise ValueError(
                f"'{path}' must have a row for each of the {epochs} epochs that the "
                "saved model has behind it; put back a copy of it, or start anew in "
                f"another folder. Received: {len(rows)} rows"
            )
        return rows

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Starts the clock, and goes on with an epoch saved in the middle."""
        del logs
        self._epoch = epoch
        self._epoch_start = time.monotonic()
        if self._so_far is not None:
            interrupted_epoch.resume(self.model, self._so_far, self._steps_done)
            self._so_far = None

    def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        """Checks that the loss is finite; told to stop it saves and raises.

        Raises:
            ValueError: if the epoch's loss so far is not finite.
            Terminated: once it has saved.
        """
        del batch
        self._check_is_finite("loss", logs)
        if self._is_told_to_stop():
            self._stop_in_epoch()

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """Keeps what validation is going to change."""
        del logs
        if self.must_stop is not None:
            self._before_validation = interrupted_epoch.snapshot(self.model)

    def on_test_batch_end(
        self, batch: int, logs: dict[str, float] | None = None
    ) -> None:
        """Told to stop it ends the validation."""
        del batch, logs
        if self._is_told_to_stop():
            self.model.stop_evaluating = True

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:
        """Told to stop it saves the epoch as it was before its validation, and raises.

        By then weights that `keras.callbacks.SwapEMAWeights` has put in for the
        validation are gone.

        Raises:
            Terminated: once it has saved.
        """
        del logs
        if self._is_told_to_stop():
            interrupted_epoch.restore(self.model, self._before_validation)
            self._stop_in_epoch()

    def _is_told_to_stop(self) -> bool:
        return self.must_stop is not None and self.must_stop()

    def _stop_in_epoch(self) -> NoReturn:
        self._check_weights()
        self.seconds += time.monotonic() - self._epoch_start
        self.save(is_whole_epoch=False)
        raise Terminated

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Writes one row of the history and, if it is due, the model.

        Raises:
            ValueError: if the loss, the validation loss or a weight is not finite; the
                last save is of finite ones. The losses alone do not tell, since what
                the last step ruins comes after its loss, and the relu of NaN may be 0.
            Terminated: if it was told to stop, once it has saved.
        """
        for name in ("loss", "val_loss"):
            self._check_is_finite(name, logs)
        self._check_weights()
        self.seconds += time.monotonic() - self._epoch_start
        self.rows.append({"epoch": epoch + 1, **logs})
        self._write_history()
        is_last = epoch + 1 == self.params["epochs"]
        is_due = time.monotonic() - self._last_save >= self.seconds_between
        must_stop = self._is_told_to_stop()
        if is_last or is_due or must_stop:
            self.save()
        if must_stop:
            raise Terminated

    def _check_weights(self) -> None:
        for weight in self.model.trainable_variables:
            self._check_is_finite(weight.path, {weight.path: weight.numpy()})

    def _check_is_finite(self, name: str, values: Mapping[str, Any]) -> None:
        numbers = np.atleast_1d(values.get(name, 0.0))
        excluded = numbers[~np.isfinite(numbers)]
        if excluded.size:
            raise ValueError(
                "The loss and the weights must stay finite. Received: "
                f"{name}={excluded[0]} in epoch {self._epoch + 1}; a lower learning "
                "rate may help"
            )

    def _write_history(self) -> None:
        if not self.is_writer:
            return
        path = self.folder / "history.csv"
        with atomic.whole_file(path) as partial, open(partial, "w", newline="") as file:
            writer = csv.DictWriter(file, list(self.rows[0]))
            writer.writeheader()
            writer.writerows(self.rows)

    def save(self, is_whole_epoch: bool = True) -> None:
        """Writes the model with its optimizer, and what there is of an epoch."""
        if not self.is_writer:
            return
        with atomic.whole_file(self.folder / "model.keras") as partial:
            self.model.save(partial)
            if not is_whole_epoch:
                interrupted_epoch.write(partial, self.model, self.steps_per_epoch)
        atomic.write_json(self.folder / "timing.json", {"seconds": self.seconds})
        self._last_save = time.monotonic()
        self.steps_saved = int(self.model.optimizer.iterations.numpy())


def _read_seconds(path: pathlib.Path) -> float:
    """What `timing.json` says; 0 if there is none."""
    if not path.exists():
        return 0.0
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return check_number("seconds", content["seconds"], "of training", minimum=0)
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ValueError(
            f"'{path}' must hold the seconds that the run took, but is damaged; remove "
            f"it, and they count from 0. Received: {error}"
        ) from None


def read_history(path: PathLike) -> list[Row]:
    """The rows of a `history.csv` as dicts of numbers; [] if there is none.

    Raises:
        ValueError: if it is damaged.
        OSError: if it cannot be read.
    """
    path = check_path("path", path, "that of a history.csv")
    if not path.exists():
        return []
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = [
                {key: float(value) for key, value in row.items()}
                | {"epoch": int(row["epoch"])}
                for row in csv.DictReader(file, strict=True)
            ]
    except (ValueError, KeyError, TypeError, csv.Error):
        rows = []
    if not rows or [row["epoch"] for row in rows] != [*range(1, len(rows) + 1)]:
        raise ValueError(
            f"'{path}' must be the table that a run writes, a row of numbers for each "
            "epoch, but is damaged; put back a copy of it, or start anew in another "
            f"folder. Received: {path.stat().st_size} bytes of something else"
        )
    return rows
