"""Which examples are held out of training where nobody names a range.

A tenth, drawn at random, of each class in proportion where there are classes. The draw
is a function of the examples' number and classes alone. So training, a resumed run,
every worker, `evaluate` and `plot` agree on it, whatever the run's own seed is.
"""

import numpy as np
import numpy.typing as npt

from vae_zoo.datasets.defaults import HELD_OUT
from vae_zoo.datasets.source import Source
from vae_zoo.datasets.splits import Split, Whole

# Changing one of these changes what every later run is measured on.
SHARE = 0.1
SEED = 0


def select(split: Split, whole: Whole, source: Source) -> range | np.ndarray:
    """The indices of the examples that `split` means.

    Args:
        split: a `Split`.
        whole: the `Whole` of its name.
        source: the `Source` that `whole` reads.

    Returns:
        A range, or int64 [N] in the order drawn, any beginning of which is a fair
        sample.
    """
    if split.share is None:
        return split.range_of(whole.size)
    num_held_out = min(max(1, round(SHARE * whole.size)), whole.size - 1)
    if whole.is_shuffled:
        # Any range is a fair sample: the last examples, as in earlier versions.
        first = whole.size - num_held_out
        is_last = split.share == HELD_OUT
        return range(first, whole.size) if is_last else range(first)
    order = spread_order(whole.size, source.classes)
    drawn, others = order[:num_held_out], order[num_held_out:]
    return drawn if split.share == HELD_OUT else others


def spread_order(
    size: int, classes: npt.ArrayLike | None = None, seed: int = SEED
) -> npt.NDArray[np.int64]:
    """A random order of which every beginning has the classes in proportion.

    Args:
        size: number of examples.
        classes: one class for each, [size], or None.
        seed: fixes the order.

    Returns:
        int64 [size]. Example number r of the n of its class, in a random order, has
        the place (r + 1/2) / n; so a class has its share of each beginning, up to
        rounding.
    """
    # NumPy promises that this generator, unlike the newer ones, stays as it is.
    order = np.random.RandomState(seed).permutation(size).astype(np.int64)
    if classes is None:
        return order
    _, numbers = np.unique(np.reshape(classes, -1), return_inverse=True)
    numbers = np.reshape(numbers, -1)[order]
    counts = np.bincount(numbers)
    by_class = np.argsort(numbers, kind="stable")
    rank = np.empty(size, np.int64)
    rank[by_class] = np.arange(size) - np.repeat(np.cumsum(counts) - counts, counts)
    place = (rank + 0.5) / counts[numbers]
    return order[np.argsort(place, kind="stable")]
