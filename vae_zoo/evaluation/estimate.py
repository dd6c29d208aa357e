"""A mean with its standard error, and the examples that a measure looks at."""

import dataclasses
import math

import numpy as np


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A mean over examples.

    Attributes:
        mean: in nats per example.
        standard_error: of the mean over examples, in nats.
        num_examples: how many examples there were.
    """

    mean: float
    standard_error: float
    num_examples: int

    @classmethod
    def of(cls, values):
        """The estimate from one value per example."""
        values = np.asarray(values, np.float64)
        spread = values.std(ddof=1) if len(values) > 1 else math.nan
        return cls(
            float(values.mean()), float(spread / math.sqrt(len(values))), len(values)
        )


def first_examples(data, count):
    """Up to `count` examples of a data set, and what came with them.

    Args:
        data: `tf.data.Dataset` of x or (x, y, …), batched.
        count: how many, at most.

    Returns:
        x [N, *shape] and y [N, …], or None where there is none.
    """
    parts, labels, total = [], [], 0
    for element in data:
        pair = element if isinstance(element, tuple) else (element,)
        parts.append(np.asarray(pair[0]))
        if len(pair) > 1:
            labels.append(np.asarray(pair[1]))
        total += len(parts[-1])
        if total >= count:
            break
    x = np.concatenate(parts)[:count]
    return x, (np.concatenate(labels)[:count] if labels else None)
