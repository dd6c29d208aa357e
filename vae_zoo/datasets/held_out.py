"""The examples that are held out of training by default.

These are a random tenth, with each class in proportion if there are classes. The draw
depends only on the number of examples and their classes. So training, a resumed run,
every worker, `evaluate` and `plot` agree on it, whatever the run's own seed is.
"""

import numpy as np
import numpy.typing as npt

from vae_zoo.datasets.defaults import HELD_OUT
from vae_zoo.datasets.source import Source
from vae_zoo.datasets.splits import Split, Whole

# Changing these changes the validation data of every later run.
SHARE = 0.1
SEED = 0


def select(split: Split, whole: Whole, source: Source) -> range | np.ndarray:
    """The indices of the examples in `split`.

    Args:
        split: a `Split`.
        whole: the `Whole` of that name.
        source: the `Source` that `whole` reads.

    Returns:
        A range, or int64 [N] in random order, so that its first elements are a fair
        sample.
    """
    if split.share is None:
        return split.range_of(whole.size)
    num_held_out = min(max(1, round(SHARE * whole.size)), whole.size - 1)
    if whole.is_shuffled:
        # Any range of shuffled examples is a fair sample; the last ones, as in earlier
        # versions.
        first = whole.size - num_held_out
        is_last = split.share == HELD_OUT
        return range(first, whole.size) if is_last else range(first)
    order = spread_order(whole.size, source.classes)
    drawn, others = order[:num_held_out], order[num_held_out:]
    return drawn if split.share == HELD_OUT else others


def spread_order(
    size: int, classes: npt.ArrayLike | None = None, seed: int = SEED
) -> npt.NDArray[np.int64]:
    """A random order in which any first part has the classes in proportion.

    Args:
        size: number of examples.
        classes: one class for each, [size], or None.
        seed: fixes the order.

    Returns:
        int64 [size]. Example number r of the n in its class, in a random order, gets
        the place (r + 1/2) / n. So each class has its share of any first part, up to
        rounding.
    """
    # NumPy guarantees that this generator, unlike the newer ones, will not change.
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
