"""Curves of training."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from typing import TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vae_zoo.arguments import shown

History: TypeAlias = Sequence[Mapping[str, float]] | Mapping[str, Sequence[float]]

TERMS = ("elbo", "log_likelihood", "kl")
# Not terms of the bound: the loss is weighted, and the epoch is a count.
NOT_SHOWN = ("loss", "epoch")
VALIDATION = "val_"
PANEL = (3.4, 2.6)
# The share of first epochs that may leave a panel, and the room that a panel has for
# them, as a share of the range of the others.
START_SHARE, ROOM_FOR_START = 0.1, 0.5
MARGIN = 0.12
# Fewer epochs than this are also shown as points.
FEW_EPOCHS = 20


def training_curves(history: History) -> Figure:
    """The bound and its terms by epoch, in training and validation.

    The first tenth of the epochs may leave a panel, so that the others can be told
    apart. Validation of only some epochs is left out if the history does not say which.

    Args:
        history: list of dicts, one for each epoch, as `callbacks.read_history` returns
            it, or a dict of lists, as the `history` of Keras' `History`.

    Raises:
        ValueError: if there is no epoch, or only the loss.
    """
    columns = _columns(history)
    names = _panels(columns)
    num_columns = min(3, len(names))
    num_rows = math.ceil(len(names) / num_columns)
    size = PANEL[0] * num_columns, PANEL[1] * num_rows + 0.3
    figure = Figure(size, layout="constrained")
    axes = figure.subplots(num_rows, num_columns, squeeze=False)
    for axis, name in zip(axes.flat, names, strict=False):
        _draw_term(axis, name, columns)
    for axis in axes.flat[len(names) :]:
        axis.remove()
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)
    return figure


def _columns(history: History) -> dict[str, np.ndarray]:
    """Name -> values [E], including the epochs."""
    series: Mapping[str, Sequence[float | None]]
    if isinstance(history, Mapping):
        series = history
    else:
        _check_rows(history)
        names = history[0] if history else ()
        series = {name: [row.get(name) for row in history] for name in names}
    columns = {name: _numbers(name, values) for name, values in series.items()}
    if not _panels(columns) or not all(map(len, columns.values())):
        raise ValueError(
            "`history` must have at least one epoch of the bound or its terms. "
            f"Received: {dict(series)}"
        )
    first = next(iter(columns.values()))
    return {"epoch": np.arange(1, len(first) + 1), **columns}


def _check_rows(history: object) -> None:
    if not isinstance(history, (list, tuple)) or not all(
        isinstance(row, Mapping) for row in history
    ):
        raise ValueError(
            "`history` must be a list of dicts, one for each epoch, or a dict of lists."
            f" Received: history={shown(history)}"
        )


def _numbers(name: str, values: object) -> np.ndarray:
    """Values [E] of one name, NaN for epochs without one."""
    try:
        return np.atleast_1d(np.asarray(values, float))
    except (TypeError, ValueError):
        raise ValueError(
            "`history` must have a number for each name and epoch. Received: "
            f"{name}={shown(values)}"
        ) from None


def _panels(columns: Iterable[str]) -> list[str]:
    """The names of the panels: the terms of the bound first, then the others."""
    names = {name for name in columns if not name.startswith(VALIDATION)}
    further = sorted(names - {*TERMS, *NOT_SHOWN})
    parts = [name for name in further if _is_kl(name)]
    others = [name for name in further if not _is_kl(name)]
    return [name for name in TERMS if name in names] + parts + others


def _is_kl(name: str) -> bool:
    return name.startswith("kl")


def _draw_term(axis: Axes, name: str, columns: Mapping[str, np.ndarray]) -> None:
    shown = []
    for key, label in ((name, "training"), (VALIDATION + name, "validation")):
        epochs = _epochs_of(columns.get(key, ()), columns["epoch"])
        if epochs is not None:
            values = columns[key]
            marker = "o" if len(values) < FEW_EPOCHS else None
            axis.plot(epochs, values, marker=marker, markersize=3, label=label)
            shown.append(_near_the_later(values))
    in_nats = name in TERMS or _is_kl(name)
    axis.set(
        title=name,
        xlabel="epoch",
        ylabel="nats per example" if in_nats else name.replace("_", " "),
    )
    limit(axis.set_ylim, np.concatenate(shown))
    axis.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))


def _epochs_of(values: Sized, epochs: np.ndarray) -> np.ndarray | None:
    """The epochs in which `values` were measured, or None if that is unclear."""
    steps = [
        step for step in range(1, len(epochs) + 1) if len(epochs) // step == len(values)
    ]
    if len(steps) != 1:
        return None
    return epochs[steps[0] - 1 :: steps[0]]


def _near_the_later(values: np.ndarray) -> np.ndarray:
    """`values`, with those of the first epochs clipped near those of the others."""
    later = values[max(0, math.ceil(START_SHARE * (len(values) - 2))) :]
    later = later[np.isfinite(later)]
    if not len(later):
        return values
    low, high = later.min(), later.max()
    room = ROOM_FOR_START * (high - low)
    return np.clip(values, low - room, high + room)


def limit(set_limits: Callable[[float, float], object], values: np.ndarray) -> None:
    """Sets an axis' limits with room around its finite values."""
    values = values[np.isfinite(values)]
    if len(values) and np.ptp(values) > 0:
        margin = MARGIN * np.ptp(values)
        set_limits(values.min() - margin, values.max() + margin)
