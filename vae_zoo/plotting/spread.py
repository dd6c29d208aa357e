"""Which examples of many to show."""

import numpy as np
import numpy.typing as npt


def spread(
    num_rows: int, classes: npt.ArrayLike | None, count: int
) -> npt.NDArray[np.integer]:
    """Up to `count` of the rows 0 to N - 1, to show what the data are: integers.

    With classes as many of each as can be, those of one class side by side; else rows
    at equal distances.

    Args:
        num_rows: N.
        classes: class indices [N], or None; other labels are taken for none.
        count: how many rows.
    """
    classes = None if classes is None else np.asarray(classes)
    if classes is None or classes.ndim != 1:
        return np.unique(np.linspace(0, num_rows - 1, count).astype(int))
    _, indices = np.unique(classes, return_inverse=True)
    of_class = np.argsort(indices, kind="stable")
    # Of each example, how many of its class come before it.
    sizes = np.bincount(indices)
    ranks = np.empty(num_rows, int)
    ranks[of_class] = np.arange(num_rows) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    chosen = np.lexsort((indices, ranks))
    if len(sizes) > count:
        # Not all classes have room: those at equal distances.
        chosen = chosen[np.linspace(0, len(sizes) - 1, count).astype(int)]
    chosen = chosen[:count]
    return chosen[np.argsort(indices[chosen], kind="stable")]
