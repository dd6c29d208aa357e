"""Which cluster an example starts in where a few labels are known."""

import numpy as np
from scipy.optimize import linear_sum_assignment

# Labels to learn from, at most: more take long and change little.
MOST_LABELS = 2_000
NUM_FOLDS = 5


def groups_with_labels(groups, codes, labels, num_clusters):
    """Class k's examples in cluster k, as far as can be told.

    Where the classes lie apart, groups that agree with the labels are the best guess;
    where a group spreads over several classes, a logistic regression on the labelled
    codes is. That which is right for more of the labelled examples is taken, the
    regression being asked for those that it has not seen. Labels themselves win.

    Args:
        groups: integers [N] in 0..K-1.
        codes: float [N, D].
        labels: integers [N] in -1..K-1, -1 for unknown.
        num_clusters: K.
    """
    agreeing = agreeing_with(groups, labels, num_clusters)
    known = np.flatnonzero(labels >= 0)
    if len(known) > MOST_LABELS:
        known = np.random.default_rng(0).choice(known, MOST_LABELS, replace=False)
    folds = min(NUM_FOLDS, np.bincount(labels[known], minlength=num_clusters).min())
    if folds < 2:
        return agreeing
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    x, y = np.float64(codes[known]), labels[known]
    renumbered = _renumbered(_together(groups, labels, num_clusters))
    share_agreeing = np.mean(renumbered[groups[known]] == y)
    if share_agreeing >= np.mean(cross_val_score(regression, x, y, cv=folds)):
        return agreeing
    found = regression.fit(x, y).predict(np.float64(codes))
    return np.where(labels >= 0, labels, found)


def agreeing_with(groups, labels, num_clusters):
    """`groups` renumbered to agree with as many labels as can be; labels win.

    Args:
        groups: integers [N] in 0..K-1.
        labels: integers [N] in -1..K-1, -1 for unknown.
        num_clusters: K.
    """
    renumbered = _renumbered(_together(groups, labels, num_clusters))
    return np.where(labels >= 0, labels, renumbered[groups])


def _together(groups, labels, num_clusters):
    known = labels >= 0
    table = np.zeros((num_clusters, num_clusters))
    np.add.at(table, (groups[known], labels[known]), 1)
    return table


def _renumbered(table):
    return linear_sum_assignment(table, maximize=True)[1]
