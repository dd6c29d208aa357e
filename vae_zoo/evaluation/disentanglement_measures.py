"""Measures of how well single latents represent single factors of variation.

Every measure takes `codes` [N, D], the means of the posteriors, and `factors` [N, F],
integers: the index of each factor's value. Measures that need examples with the same
value of a factor draw them from these N examples. The protocol is that of Locatello et
al. 2019 unless stated otherwise.
"""

import warnings

import numpy as np
from scipy.stats import entropy
from sklearn.metrics import mutual_info_score
from sklearn.preprocessing import KBinsDiscretizer

from vae_zoo.evaluation.factor_sampler import FactorSampler

NUM_TRAINING, NUM_TEST = 10_000, 5_000
BATCH_SIZE = 64
NUM_BINS = 20
# Latents with a smaller standard deviation over the data count as unused.
MIN_DEVIATION = 0.05


def beta_vae_score(codes: np.ndarray, factors: np.ndarray, *, seed: int = 0) -> float:
    """Accuracy of a linear classifier of the factor that pairs of examples share.

    Each of its inputs is the mean of |z - z'| over 64 pairs. The two members of a pair
    share a value of the factor, drawn for each pair. The classifier is fitted to 10,000
    inputs and tested on 5,000.

    Source: Higgins et al. 2017, section 3.
    """
    from sklearn.linear_model import LogisticRegression

    sampler = FactorSampler(factors, seed)

    def draw(count: int) -> tuple[np.ndarray, np.ndarray]:
        which = sampler.rng.integers(factors.shape[1], size=count)
        inputs = np.empty((count, codes.shape[1]))
        for row, factor in enumerate(which):
            first, second = sampler.pairs(factor, BATCH_SIZE)
            inputs[row] = np.abs(codes[first] - codes[second]).mean(axis=0)
        return inputs, which

    classifier = LogisticRegression(max_iter=1000)
    classifier.fit(*draw(NUM_TRAINING))
    return float(classifier.score(*draw(NUM_TEST)))


def factor_vae_score(codes: np.ndarray, factors: np.ndarray, *, seed: int = 0) -> float:
    """Accuracy of a vote for the shared factor by the latent that varies least.

    64 examples share the value of a factor. The latent with the least variance among
    them, relative to its variance over all examples, votes. The majority of 10,000
    draws decides which factor each latent stands for; 5,000 more draws test that.
    Latents with a standard deviation below 0.05 do not vote; if none is left the score
    is 0.

    Source: Kim & Mnih 2018, section 4.
    """
    deviations = codes.std(axis=0)
    active = np.flatnonzero(deviations >= MIN_DEVIATION)
    if not len(active):
        return 0.0
    scaled = codes[:, active] / deviations[active]
    sampler = FactorSampler(factors, seed)

    def votes(count: int) -> np.ndarray:
        table = np.zeros((len(active), factors.shape[1]))
        for factor in sampler.rng.integers(factors.shape[1], size=count):
            rows = sampler.alike(factor, BATCH_SIZE)
            table[scaled[rows].var(axis=0, ddof=1).argmin(), factor] += 1
        return table

    decided = votes(NUM_TRAINING).argmax(axis=1)
    table = votes(NUM_TEST)
    return float(table[np.arange(len(active)), decided].sum() / NUM_TEST)


def mutual_information_gap(codes: np.ndarray, factors: np.ndarray) -> float:
    """MIG: the gap between the two latents that are most informative about a factor.

    It is the mean over factors of (I_1 - I_2) / H: the mutual information of the factor
    with each of its best two latents, in twenty bins of equal width, over the factor's
    entropy. It uses the first 10,000 examples.

    Source: Chen et al. 2018, section 4.1.
    """
    binned, factors = _binned(codes[:NUM_TRAINING]), factors[:NUM_TRAINING]
    gaps = []
    for factor in factors.T:
        information = sorted(mutual_info_score(code, factor) for code in binned.T)
        second = information[-2] if len(information) > 1 else 0.0
        _, counts = np.unique(factor, return_counts=True)
        gaps.append((information[-1] - second) / entropy(counts))
    return float(np.mean(gaps))


def dci(
    codes: np.ndarray, factors: np.ndarray, *, seed: int = 0
) -> tuple[float, float, float]:
    """Informativeness, completeness and disentanglement.

    A random forest for each factor gives feature importances R [D, F]. Disentanglement
    is one minus the entropy of a row, weighted by the row's share of R; completeness is
    one minus the entropy of a column. Informativeness is the mean accuracy on test
    examples. As in the paper it is a forest that considers all latents at every split;
    Locatello et al. use boosted trees.

    Source: Eastwood & Williams 2018, section 2.
    """
    from sklearn.ensemble import RandomForestClassifier

    train, test = _two_parts(len(codes), seed)
    columns, accuracies = [], []
    for factor in factors.T:
        forest = RandomForestClassifier(
            50, max_features=None, min_samples_leaf=2, random_state=seed, n_jobs=-1
        )
        forest.fit(codes[train], factor[train])
        columns.append(forest.feature_importances_)
        accuracies.append(forest.score(codes[test], factor[test]))
    importances = np.array(columns).T
    rows = importances.sum(axis=1)
    disentanglement = _concentration(importances)
    return (
        float(np.mean(accuracies)),
        float(_concentration(importances.T).mean()),
        float(np.sum(disentanglement * rows) / rows.sum()),
    )


def attribute_predictability(
    codes: np.ndarray, factors: np.ndarray, *, seed: int = 0
) -> float:
    """SAP: how much better the best latent predicts a factor than the second best.

    It is the mean over factors of the difference of balanced accuracies on test
    examples. A predictor applies thresholds to one latent, as many as the factor's
    values need.

    Source: Kumar et al. 2018, section 3 (with thresholds for all factors).
    """
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.tree import DecisionTreeClassifier

    train, test = _two_parts(len(codes), seed)
    gaps = []
    for factor in factors.T:
        accuracies = []
        for code in codes.T:
            tree = DecisionTreeClassifier(
                max_leaf_nodes=max(2, len(np.unique(factor))),
                class_weight="balanced",
                random_state=seed,
            )
            tree.fit(code[train, None], factor[train])
            found = tree.predict(code[test, None])
            accuracies.append(balanced_accuracy_score(factor[test], found))
        accuracies = sorted([0.0, *accuracies])
        gaps.append(accuracies[-1] - accuracies[-2])
    return float(np.mean(gaps))


def _binned(codes: np.ndarray) -> np.ndarray:
    """Twenty bins of equal width for each column: [N, D]."""
    bins = KBinsDiscretizer(
        NUM_BINS, encode="ordinal", strategy="uniform", subsample=None
    )
    with warnings.catch_warnings():
        # An unused latent may be constant; then it has one bin.
        warnings.filterwarnings("ignore", "Feature .* is constant")
        return bins.fit_transform(codes)


def _concentration(importances: np.ndarray) -> np.ndarray:
    """1 minus the entropy of each row, in units of the largest possible: [rows]."""
    count = importances.shape[1]
    if count == 1:
        return np.ones(len(importances))
    # The entropy of a row of zeros is undefined, but its weight is 0.
    return 1 - np.nan_to_num(entropy(importances, axis=1, base=count))


def _two_parts(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to fit and to test on, two to one, at most 10,000 and 5,000."""
    order = np.random.default_rng(seed).permutation(count)[: NUM_TRAINING + NUM_TEST]
    cut = len(order) * NUM_TRAINING // (NUM_TRAINING + NUM_TEST)
    return order[:cut], order[cut:]
