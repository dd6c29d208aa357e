"""How well single latents stand for single factors of variation.

Every measure takes `codes` [N, D], the means of the posteriors, and `factors` [N, F],
integers: the index of each factor's value. What some of them need, examples that share
the value of a factor, they draw from these N examples. The protocol is that of
Locatello et al. 2019 unless a measure says otherwise.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf
from sklearn.metrics import mutual_info_score

from vae_zoo.evaluation.estimate import Estimate, first_examples
from vae_zoo.evaluation.factor_sampler import FactorSampler
from vae_zoo.models.input_checks import check_at_least, plain_value_errors

NUM_TRAINING, NUM_TEST = 10_000, 5_000
BATCH_SIZE = 64
NUM_BINS = 20
ROWS_PER_STEP = 500
# Latents of a smaller standard deviation over the data say nothing.
MIN_DEVIATION = 0.05


@dataclasses.dataclass(frozen=True)
class DisentanglementScores:
    """Each measure is 1 at best, but for `attribute_predictability`.

    Attributes:
        beta_vae_score: accuracy with which a linear classifier finds the factor that
            pairs of examples share (Higgins et al. 2017). 1/F by chance.
        factor_vae_score: accuracy with which the latent that varies least among
            examples that share a factor tells which (Kim & Mnih 2018). 1/F by chance.
        mutual_information_gap: MIG (Chen et al. 2018). 0 by chance.
        disentanglement: DCI (Eastwood & Williams 2018), whether a latent is important
            for one factor only. 0 if each is for all alike.
        completeness: whether one latent alone is important for a factor.
        informativeness: share of right predictions of the factors from the latents.
        attribute_predictability: SAP (Kumar et al. 2018), how much better the best
            latent predicts a factor than the second best; 1 - 1/V at best for V values.
        num_examples: N.
    """

    beta_vae_score: float
    factor_vae_score: float
    mutual_information_gap: float
    disentanglement: float
    completeness: float
    informativeness: float
    attribute_predictability: float
    num_examples: int


def evaluate_disentanglement(
    model: keras.Model,
    data: tf.data.Dataset,
    *,
    num_examples: int = 50_000,
    num_parts: int = 3,
    seed: int = 0,
) -> dict[str, Estimate]:
    """The `DisentanglementScores` of a model, with their errors.

    The examples are dealt into parts, of which each is scored by itself: the mean and
    its standard error are over the parts.

    Args:
        model: a model of the package.
        data: `tf.data.Dataset` of (x, y), y integer factors [B, F], in random order;
            `datasets.load("sprites")` is one.
        num_examples: N, of the first ones; examples that share a factor are found
            among those of a part.
        num_parts: how many parts, >= 1; with one there is no error.
        seed: fixes the draws.

    Returns:
        Dict of `Estimate`, a score of `DisentanglementScores` each.

    Raises:
        ValueError: if `num_parts` is below 1, the data have no factors, or as in
            `score_disentanglement`.
    """
    check_at_least("num_parts", num_parts, 1, "the parts to score")
    spec = data.element_spec
    if not isinstance(spec, tuple) or len(spec) < 2 or len(spec[1].shape) != 2:
        raise ValueError(
            "`data` must have elements (x, y) with factors of variation y [B, F], as "
            f"the data set 'sprites' has. Received: elements {spec}"
        )
    with plain_value_errors():
        x, factors = first_examples(model.checked(data), num_examples)
    encode = tf.function(model.encode)
    starts = range(0, len(x), ROWS_PER_STEP)
    codes = np.concatenate(
        [encode(tf.constant(x[start : start + ROWS_PER_STEP])) for start in starts]
    )
    parts = [
        score_disentanglement(
            codes[part::num_parts], factors[part::num_parts], seed=seed + part
        )
        for part in range(num_parts)
    ]
    names = [field.name for field in dataclasses.fields(DisentanglementScores)]
    names.remove("num_examples")
    of_all = (
        Estimate.of([getattr(part, name) for part in parts], num_examples=len(codes))
        for name in names
    )
    return dict(zip(names, of_all, strict=True))


def score_disentanglement(codes, factors, *, seed=0) -> DisentanglementScores:
    """`DisentanglementScores` of codes.

    Args:
        codes: float [N, D].
        factors: integers [N, F], each with at least two values.
        seed: fixes the draws.

    Raises:
        ValueError: if the shapes do not match, a factor is no integer or has one value
            only, or there are fewer than two factors.
    """
    codes, factors = _checked(codes, factors)
    informative, complete, disentangled = dci(codes, factors, seed=seed)
    return DisentanglementScores(
        beta_vae_score=beta_vae_score(codes, factors, seed=seed),
        factor_vae_score=factor_vae_score(codes, factors, seed=seed),
        mutual_information_gap=mutual_information_gap(codes, factors),
        disentanglement=disentangled,
        completeness=complete,
        informativeness=informative,
        attribute_predictability=attribute_predictability(codes, factors, seed=seed),
        num_examples=len(codes),
    )


def beta_vae_score(codes, factors, *, seed=0):
    """Accuracy of a linear classifier of the factor that pairs of examples share.

    Each of its inputs is the mean of |z - z'| over 64 pairs whose two members share the
    value of one factor, drawn for each pair; the classifier is fitted to 10,000 of
    these and tested on 5,000.

    Source: Higgins et al. 2017, section 3.
    """
    from sklearn.linear_model import LogisticRegression

    sampler = FactorSampler(factors, seed)

    def draw(count):
        which = sampler.rng.integers(factors.shape[1], size=count)
        inputs = np.empty((count, codes.shape[1]))
        for row, factor in enumerate(which):
            first, second = sampler.pairs(factor, BATCH_SIZE)
            inputs[row] = np.abs(codes[first] - codes[second]).mean(axis=0)
        return inputs, which

    classifier = LogisticRegression(max_iter=1000)
    classifier.fit(*draw(NUM_TRAINING))
    return float(classifier.score(*draw(NUM_TEST)))


def factor_vae_score(codes, factors, *, seed=0):
    """Accuracy of a majority vote: which factor is shared if that latent varies least.

    64 examples share the value of a factor; the latent of least variance among them,
    relative to its variance over all, votes. Votes are counted over 10,000 draws and
    tested on 5,000. Latents of a standard deviation below 0.05 take no part; if none is
    left the score is 0.

    Source: Kim & Mnih 2018, section 4.
    """
    deviations = codes.std(axis=0)
    active = np.flatnonzero(deviations >= MIN_DEVIATION)
    if not len(active):
        return 0.0
    scaled = codes[:, active] / deviations[active]
    sampler = FactorSampler(factors, seed)

    def votes(count):
        table = np.zeros((len(active), factors.shape[1]))
        for factor in sampler.rng.integers(factors.shape[1], size=count):
            rows = sampler.alike(factor, BATCH_SIZE)
            table[scaled[rows].var(axis=0, ddof=1).argmin(), factor] += 1
        return table

    decided = votes(NUM_TRAINING).argmax(axis=1)
    table = votes(NUM_TEST)
    return float(table[np.arange(len(active)), decided].sum() / NUM_TEST)


def mutual_information_gap(codes, factors):
    """MIG: the two latents that say most about a factor, their difference.

    The mean over factors of (I_1 - I_2) / H, mutual informations of the factor and the
    best two latents, in twenty bins of equal width, over the factor's entropy; of the
    first 10,000 examples.

    Source: Chen et al. 2018, section 4.1.
    """
    binned, factors = _binned(codes[:NUM_TRAINING]), factors[:NUM_TRAINING]
    gaps = []
    for factor in factors.T:
        information = sorted(mutual_info_score(code, factor) for code in binned.T)
        second = information[-2] if len(information) > 1 else 0.0
        gaps.append((information[-1] - second) / mutual_info_score(factor, factor))
    return float(np.mean(gaps))


def dci(codes, factors, *, seed=0):
    """Informativeness, completeness and disentanglement.

    From a random forest's feature importances R [D, F] for each factor: one minus the
    entropy of a row, weighted by the row's share of R (disentanglement), and of a
    column (completeness). Informativeness is the mean accuracy on test examples. As in
    the paper a forest, which looks at all latents at every split; Locatello et al. take
    boosted trees.

    Source: Eastwood & Williams 2018, section 2.
    """
    from sklearn.ensemble import RandomForestClassifier

    train, test = _two_parts(len(codes), seed)
    importances, accuracies = [], []
    for factor in factors.T:
        forest = RandomForestClassifier(
            50, max_features=None, min_samples_leaf=2, random_state=seed, n_jobs=-1
        )
        forest.fit(codes[train], factor[train])
        importances.append(forest.feature_importances_)
        accuracies.append(forest.score(codes[test], factor[test]))
    importances = np.array(importances).T
    rows = importances.sum(axis=1)
    disentanglement = _concentration(importances)
    return (
        float(np.mean(accuracies)),
        float(_concentration(importances.T).mean()),
        float(np.sum(disentanglement * rows) / rows.sum()),
    )


def attribute_predictability(codes, factors, *, seed=0):
    """SAP: how much better the best latent predicts a factor than the second best.

    The mean over factors of the difference of balanced accuracies on test examples. A
    predictor cuts one latent at as many thresholds as the factor's values need.

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


def _binned(codes):
    """Twenty bins of equal width for each column: integers [N, D]."""
    return np.stack(
        [
            np.digitize(code, np.histogram_bin_edges(code, NUM_BINS)[1:-1])
            for code in codes.T
        ],
        axis=1,
    )


def _concentration(importances):
    """1 less the entropy of each row, in units of its largest: [rows]."""
    count = importances.shape[1]
    if count == 1:
        return np.ones(len(importances))
    shares = importances / np.maximum(importances.sum(axis=1, keepdims=True), 1e-12)
    return 1 + np.sum(shares * np.log(np.maximum(shares, 1e-12)), axis=1) / np.log(
        count
    )


def _two_parts(count, seed):
    """Rows to fit and to test on: at most 10,000 and 5,000, two to one."""
    order = np.random.default_rng(seed).permutation(count)[: NUM_TRAINING + NUM_TEST]
    cut = len(order) * NUM_TRAINING // (NUM_TRAINING + NUM_TEST)
    return order[:cut], order[cut:]


def _checked(codes, factors):
    codes, factors = np.asarray(codes, np.float64), np.asarray(factors)
    if codes.ndim != 2 or factors.ndim != 2 or len(codes) != len(factors):
        raise ValueError(
            "`codes` [N, D] and `factors` [N, F] must have as many rows. Received: "
            f"shapes {codes.shape} and {factors.shape}"
        )
    if not np.issubdtype(factors.dtype, np.integer) or factors.shape[1] < 2:
        raise ValueError(
            "`factors` must be integers [N, F] of F >= 2 factors. Received: "
            f"{factors.dtype} {factors.shape}"
        )
    check_at_least("len(codes)", len(codes), 100, "the examples to score")
    for index, factor in enumerate(factors.T):
        if (factor == factor[0]).all():
            raise ValueError(
                "`factors` must vary among the examples. Received: factor "
                f"{index}, always {factor[0]}"
            )
    return codes, factors
