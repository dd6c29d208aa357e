"""Clusters of a model with a mixture prior: their start, and how many are in use."""

import inspect
import itertools

import keras
import numpy as np
import tensorflow as tf
from scipy.optimize import linear_sum_assignment

from vae_zoo import distribute
from vae_zoo.fitting.streams import limited

# A cluster is in use if that share of the examples is in it.
SHARE_IN_USE = 0.01
ROWS_PER_STEP = 1000


def probabilities(model, q):
    """p(c|u) of each cluster c at the location of a joint posterior q: [B, K].

    Raises:
        ValueError: if the model's prior is no mixture.
    """
    _check_is_mixture(model)
    return tf.nn.softmax(model.prior_layer.log_joint(model.geometry.location(q)))


def outputs(model, u, q):
    """What `call` adds for a mixture model: dict of float32 [B, K].

    Args:
        model: the model.
        u: a draw of q, float [B, U].
        q: the model's joint posterior.

    Returns:
        `cluster_probabilities`, and of the very draw `cluster_log_probabilities`,
        the logarithm of p(c|u).
    """
    return {
        "cluster_probabilities": probabilities(model, q),
        "cluster_log_probabilities": tf.nn.log_softmax(model.prior_layer.log_joint(u)),
    }


def component(model, cluster):
    """p(z|c) for one cluster c of a mixture model.

    Raises:
        ValueError: if the model's prior is no mixture or has no such cluster.
    """
    _check_is_mixture(model)
    if cluster not in range(model.num_clusters):
        raise ValueError(
            f"`cluster` must be an integer in 0..{model.num_clusters - 1}. Received: "
            f"cluster={cluster}"
        )
    return model.prior_layer.component(int(cluster))


def _check_is_mixture(model):
    if not model.num_clusters:
        raise ValueError(
            "Clusters must be those of a mixture, such as "
            "`prior=MixtureOfNormals(10)`. Received: "
            f"prior={type(model.prior_layer).__name__}"
        )


class ClustersInUse(keras.metrics.Metric):
    """How many clusters hold at least one percent of the examples.

    Args:
        num_clusters: K.
        name: the metric's name.
    """

    def __init__(self, num_clusters, name="clusters_in_use"):
        super().__init__(name=name)
        self.counts = self.add_weight(
            shape=(num_clusters,), initializer="zeros", name="counts"
        )

    def update_state(self, scores, sample_weight=None):
        """Counts the largest of the scores [B, K] of each example."""
        del sample_weight
        chosen = tf.one_hot(tf.argmax(scores, axis=-1), self.counts.shape[0])
        self.counts.assign_add(tf.reduce_sum(chosen, axis=0))

    def result(self):
        """From 0, before any example, to K."""
        is_used = (self.counts > 0) & (
            self.counts >= SHARE_IN_USE * tf.reduce_sum(self.counts)
        )
        return tf.reduce_sum(tf.cast(is_used, tf.float32))


class StartClusters(keras.callbacks.Callback):
    """Starts the clusters of the model in the course of `fit`, if they await data.

    `fit` adds one for its own data, unless there is one already.

    Args:
        x: what `fit` trains on: arrays or anything that can be read a second time.
        y: labels, of a model that learns from them, or None.
        num_batches: of a data set without an end, how many to look through for labels.

    Raises:
        ValueError: if `x` cannot be read a second time.
    """

    def __init__(self, x, y=None, num_batches=None):
        super().__init__()
        if inspect.isgenerator(x):
            raise ValueError(
                "`x` must be arrays, a tf.data.Dataset or a PyDataset while the "
                "clusters of the model await data, which are read twice. Received: a "
                "generator"
            )
        self.data = (x, y, num_batches)

    def on_epoch_begin(self, epoch, logs=None):
        """After the epochs without clusters."""
        del logs
        prior = self.model.prior_layer
        if prior.awaits_data and epoch >= prior.initialization.num_epochs:
            start_clusters(self.model, *self.data)

    def on_train_end(self, logs=None):
        """At the latest."""
        del logs
        if self.model.prior_layer.awaits_data:
            start_clusters(self.model, *self.data)


def start_clusters(model, x, y=None, num_batches=None):
    """Sets the clusters of a mixture prior to groups of encoded examples.

    Cluster k becomes the one that label k agrees with best, and labelled examples are
    in the cluster of their label whatever the groups say.

    Args:
        model: a model whose `prior_layer` is a mixture with an `initialization`.
        x: as in `fit`.
        y: integer labels [N], -1 for unknown, or None; with a data set the labels are
            its second elements.
        num_batches: as in `StartClusters`.

    Raises:
        ValueError: if there are fewer examples than clusters.
    """
    prior = model.prior_layer
    seed = int(model.next_seed()[0]) & 0x7FFFFFFF
    count = prior.initialization.max_examples
    if isinstance(x, (np.ndarray, tf.Tensor)):
        x, y = _some_of_arrays(np.asarray(x), y, count, seed)
    else:
        batches = _elements(x, num_batches)
        x, y = _some_of_batches(batches, count, model.learns_from_labels)
    if len(x) < prior.num_components:
        raise ValueError(
            f"`x` must have at least {prior.num_components} examples, one for each "
            f"cluster. Received: {len(x)}"
        )
    draws, codes = [], []
    for start in range(0, len(x), ROWS_PER_STEP):
        q = model.posterior(x[start : start + ROWS_PER_STEP])
        draws.append(q.sample(seed=model.next_seed()))
        codes.append(model.geometry.location(q))
    draws, codes = np.concatenate(draws), np.concatenate(codes)
    if y is not None and (y >= 0).all():
        groups = y
    else:
        groups = prior.initialization.group(codes, prior.num_components, seed)
        if y is not None:
            groups = agreeing_with(groups, y, prior.num_components)
    found = moments(draws, groups, prior.num_components)
    # Of several workers each finds its own, equal but for rounding; one has to count.
    strategy = model.distribute_strategy
    prior.set_components(*(distribute.gathered(strategy, each)[0] for each in found))
    _restart_averages(model)


def _restart_averages(model):
    """Lets the optimizer's moving averages of the clusters forget what was before."""
    optimizer = model.optimizer
    if not getattr(optimizer, "use_ema", False) or not optimizer.built:
        return
    averages = zip(
        optimizer._trainable_variables,
        optimizer._model_variables_moving_average,
        strict=True,
    )
    own = {id(variable) for variable in model.prior_layer.trainable_variables}
    for variable, average in averages:
        if id(variable) in own:
            average.assign(variable)


def agreeing_with(groups, labels, num_clusters):
    """`groups` renumbered to agree with as many labels as can be; labels win.

    Args:
        groups: integers [N] in 0..K-1.
        labels: integers [N] in -1..K-1, -1 for unknown.
        num_clusters: K.
    """
    known = labels >= 0
    together = np.zeros((num_clusters, num_clusters))
    np.add.at(together, (groups[known], labels[known]), 1)
    _, renumbered = linear_sum_assignment(together, maximize=True)
    return np.where(known, labels, renumbered[groups])


def moments(z, groups, num_clusters):
    """The weight [K], mean [K, D] and covariance [K, D, D] of each group, in float32.

    A group of few examples is drawn towards the covariance of all, one of none starts
    where all are.

    Args:
        z: float [N, D].
        groups: integers [N] in 0..K-1.
        num_clusters: K.
    """
    dim = z.shape[1]
    everywhere = np.cov(z, rowvar=False).reshape(dim, dim)
    counts = np.bincount(groups, minlength=num_clusters)
    loc = np.tile(z.mean(axis=0), (num_clusters, 1))
    covariance = np.tile(everywhere, (num_clusters, 1, 1))
    for index in np.flatnonzero(counts):
        own = z[groups == index]
        loc[index] = own.mean(axis=0)
        share = dim / (dim + len(own))
        scatter = (own - loc[index]).T @ (own - loc[index]) / len(own)
        covariance[index] = (1 - share) * scatter + share * everywhere
    weights = (counts + 1) / (len(z) + num_clusters)
    return [each.astype("float32") for each in (weights, loc, covariance)]


def _some_of_arrays(x, y, count, seed):
    """Up to `count` examples at random, labelled ones first."""
    order = np.random.default_rng(seed).permutation(len(x))
    if y is None:
        return x[np.sort(order[:count])], None
    y = np.reshape(y, -1)
    order = order[np.argsort(y[order] < 0, kind="stable")]
    chosen = np.sort(order[:count])
    return x[chosen], y[chosen]


def _some_of_batches(batches, count, with_labels):
    """Up to `count` of the first examples, and labelled ones wherever they are."""
    parts, labels, num_unlabelled = [], [], 0
    for element in batches:
        pair = element if isinstance(element, (tuple, list)) else (element,)
        x = np.asarray(pair[0])
        is_paired = with_labels and len(pair) > 1 and pair[1] is not None
        y = np.reshape(pair[1], -1) if is_paired else np.full(len(x), -1)
        # Labelled examples are few and kept; of the others the first ones will do.
        is_kept = (y >= 0) | (num_unlabelled + np.cumsum(y < 0) <= count)
        parts.append(x[is_kept])
        labels.append(y[is_kept])
        num_unlabelled += np.count_nonzero(y < 0)
        if not is_paired and num_unlabelled >= count:
            break
    x, y = np.concatenate(parts), np.concatenate(labels)
    chosen = np.sort(np.argsort(y < 0, kind="stable")[:count])
    return x[chosen], y[chosen] if (y[chosen] >= 0).any() else None


def _elements(data, num_batches):
    if isinstance(data, keras.utils.PyDataset):
        return (data[index] for index in range(len(data)))
    if isinstance(data, tf.data.Dataset):
        return iter(limited(data, num_batches))
    return itertools.islice(iter(data), num_batches)
