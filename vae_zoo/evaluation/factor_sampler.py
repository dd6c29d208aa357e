"""Samples examples that share one factor of variation."""

import numpy as np


class FactorSampler:
    """Draws rows that share the value of a factor.

    Args:
        factors: integers [N, F], the rows to draw from.
        seed: fixes the draws.
    """

    def __init__(self, factors: np.ndarray, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.orders, self.starts, self.counts = [], [], []
        for factor in factors.T:
            _, index, counts = np.unique(
                factor, return_inverse=True, return_counts=True
            )
            self.orders.append(np.argsort(index, kind="stable"))
            self.starts.append((np.cumsum(counts) - counts)[index])
            self.counts.append(counts[index])

    def alike(self, factor: int | np.integer, count: int) -> np.ndarray:
        """`count` rows with the same value of `factor`, taken from a random row."""
        row = np.full(count, self.rng.integers(len(self.orders[factor])))
        return self._partners(factor, row)

    def pairs(
        self, factor: int | np.integer, count: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """`count` rows, and for each another row with the same value of `factor`."""
        rows = self.rng.integers(len(self.orders[factor]), size=count)
        return rows, self._partners(factor, rows)

    def _partners(self, factor: int | np.integer, rows: np.ndarray) -> np.ndarray:
        offsets = self.rng.integers(self.counts[factor][rows])
        return self.orders[factor][self.starts[factor][rows] + offsets]
