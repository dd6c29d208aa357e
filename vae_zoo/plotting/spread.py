"""Chooses the examples to show."""

import numpy as np
import numpy.typing as npt


def spread(
    num_rows: int, classes: npt.ArrayLike | None, count: int
) -> npt.NDArray[np.integer]:
    """Up to `count` representative rows of 0 to N - 1: integers.

    With classes, these are as many of each class as possible, side by side; else rows
    at equal distances.

    Args:
        num_rows: N.
        classes: class indices [N], or None; other labels are ignored.
        count: how many rows.
    """
    classes = None if classes is None else np.asarray(classes)
    if classes is None or classes.ndim != 1:
        return np.unique(np.linspace(0, num_rows - 1, count).astype(int))
    _, indices = np.unique(classes, return_inverse=True)
    of_class = np.argsort(indices, kind="stable")
    # The number of earlier examples in each example's class.
    sizes = np.bincount(indices)
    ranks = np.empty(num_rows, int)
    ranks[of_class] = np.arange(num_rows) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    chosen = np.lexsort((indices, ranks))
    if len(sizes) > count:
        # There is no room for all classes; take some at equal distances.
        chosen = chosen[np.linspace(0, len(sizes) - 1, count).astype(int)]
    chosen = chosen[:count]
    return chosen[np.argsort(indices[chosen], kind="stable")]
