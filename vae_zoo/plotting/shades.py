"""The values shown as black and white."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from vae_zoo.arguments import shown
from vae_zoo.arrays import as_array

# Black and white: numbers, or arrays of an example's shape.
Limits: TypeAlias = tuple[npt.ArrayLike, npt.ArrayLike]

# The colour of missing values, neither black nor white.
MISSING = (0.36, 0.56, 0.85)


class Shades:
    """Maps the values of examples to shades of grey, 0 to 1.

    Args:
        limits: the values for black and white: two numbers, or two arrays of an
            example's shape, which give each element its own shades. None: 0 and 1 or,
            if values leave that range, the smallest and the largest value.
        *images: arrays [..., *shape] of the values shown.

    Attributes:
        note: a line for the reader, empty if 0 is black and 1 is white.
    """

    def __init__(self, limits: Limits | None, *images: np.ndarray) -> None:
        if limits is None:
            limits = _limits_of(images)
        self.low, self.high = _checked(limits)
        self.note = _note(self.low, self.high)

    def of(self, image: np.ndarray) -> np.ndarray:
        """An example's shades; values that are not finite stay so."""
        width = np.where(self.high > self.low, self.high - self.low, 1.0)
        # Unchanged, bit for bit, if 0 is black and 1 is white.
        shades = (image - self.low) / width if self.note else image
        return np.where(np.isfinite(image), np.clip(shades, 0, 1), np.nan)


def _limits_of(images: Sequence[np.ndarray]) -> Limits:
    values = np.concatenate([np.ravel(each) for each in images])
    values = values[np.isfinite(values)]
    if not values.size or (values.min() >= 0 and values.max() <= 1):
        return 0.0, 1.0
    return values.min(), values.max()


def _checked(limits: Any) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(limits, (tuple, list)) and len(limits) == 2:
        low, high = (as_array("limits", each).astype(float) for each in limits)
        if np.isfinite(low).all() and np.isfinite(high).all() and (low <= high).all():
            return low, high
    raise ValueError(
        "`limits` must be None or two finite numbers or arrays, what is black and what "
        f"is white. Received: limits={shown(limits)}"
    )


def _note(low: np.ndarray, high: np.ndarray) -> str:
    if low.ndim or high.ndim:
        return "black to white: the range of each column or pixel in the data"
    if low == 0 and high == 1:
        return ""
    return f"black {low:.3g}, white {high:.3g}"
