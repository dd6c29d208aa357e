"""Which cluster an example starts in where a few labels are known."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

# Labels to learn from, at most: more take long and change little.
MOST_LABELS = 2_000
NUM_FOLDS = 5


def groups_with_labels(
    groups: np.ndarray,
    codes: np.ndarray,
    x: np.ndarray,
    labels: np.ndarray,
    num_clusters: int,
) -> npt.NDArray[np.integer]:
    """Class k's examples in cluster k, as far as can be told.

    Where the classes lie apart, groups that agree with the labels are the best guess;
    where a group spreads over several classes, a logistic regression is, on the codes
    or on the examples themselves. That which is right for most of the labelled examples
    is taken, a regression being asked for those that it has not seen. Labels themselves
    win.

    Args:
        groups: integers [N] in 0..K-1.
        codes: float [N, D].
        x: float [N, ...], the examples.
        labels: integers [N] in -1..K-1, -1 for unknown.
        num_clusters: K.
    """
    renumbered = _renumbered(_together(groups, labels, num_clusters))
    known = np.flatnonzero(labels >= 0)
    if len(known) > MOST_LABELS:
        known = np.random.default_rng(0).choice(known, MOST_LABELS, replace=False)
    y = labels[known]
    best, found = np.mean(renumbered[groups[known]] == y), renumbered[groups]
    folds = min(NUM_FOLDS, np.bincount(y, minlength=num_clusters).min())
    for features in (codes, x) if folds > 1 else ():
        share, guesses = _classified(features, known, y, folds)
        if share > best:
            best, found = share, guesses
    return np.where(labels >= 0, labels, found)


def _classified(
    features: np.ndarray, known: np.ndarray, y: np.ndarray, folds: int | np.integer
) -> tuple[float, np.ndarray | None]:
    """The share of right guesses in cross-validation, and guesses for all [N]."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score

    features = np.reshape(features, (len(features), -1)).astype("float64")
    size = np.std(features[known])
    if not (np.isfinite(features).all() and size > 0):
        return 0.0, None
    features /= size
    regression = LogisticRegression(max_iter=1000)
    share = np.mean(cross_val_score(regression, features[known], y, cv=folds))
    return share, regression.fit(features[known], y).predict(features)


def _together(
    groups: np.ndarray, labels: np.ndarray, num_clusters: int
) -> npt.NDArray[np.float64]:
    known = labels >= 0
    table = np.zeros((num_clusters, num_clusters))
    np.add.at(table, (groups[known], labels[known]), 1)
    return table


def _renumbered(table: np.ndarray) -> npt.NDArray[np.integer]:
    return linear_sum_assignment(table, maximize=True)[1]
