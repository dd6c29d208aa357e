"""Clusters of a model with a mixture prior: their start, and how many are in use."""

import warnings

import keras
import numpy as np
import tensorflow as tf

from vae_zoo.arguments import shown
from vae_zoo.components.cluster_initializers import DEFAULT
from vae_zoo.components.optimizers import restart_averages
from vae_zoo.models import cluster_examples
from vae_zoo.models.cluster_labels import groups_with_labels
from vae_zoo.models.cluster_moments import ROWS_PER_STEP, agreed, fit_to_codes, moments

# A cluster is in use if that share of the examples is in it.
SHARE_IN_USE = 0.01


def probabilities(model, q):
    """p(c|u) of each cluster c at the location of a joint posterior q: [B, K].

    Raises:
        ValueError: if the model's prior is no mixture.
    """
    _check_is_mixture(model)
    _warn_if_not_started(model)
    return _probabilities(model, q)


def _probabilities(model, q):
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
        "cluster_probabilities": _probabilities(model, q),
        "cluster_log_probabilities": tf.nn.log_softmax(model.prior_layer.log_joint(u)),
    }


def component(model, cluster):
    """p(z|c) for one cluster c of a mixture model.

    Raises:
        ValueError: if the model's prior is no mixture or has no such cluster.
    """
    _check_is_mixture(model)
    index = cluster if isinstance(cluster, (int, np.integer)) else -1
    if isinstance(cluster, bool) or not 0 <= index < model.num_clusters:
        raise ValueError(
            f"`cluster` must be an integer in 0..{model.num_clusters - 1}. Received: "
            f"cluster={shown(cluster)}"
        )
    _warn_if_not_started(model)
    return model.prior_layer.component(int(index))


def _warn_if_not_started(model):
    """Also where a function is traced, as for an export."""
    with tf.init_scope():
        if not tf.executing_eagerly() or not model.prior_layer.awaits_data:
            return
    num_epochs = model.prior_layer.initialization.num_epochs
    warnings.warn(
        "The clusters have not started: they are all alike, and their probabilities "
        f"and samples say nothing. Train for more than `num_epochs`={num_epochs} "
        "epochs (of the model's `initialization`) to the end of `fit`",
        stacklevel=2,
    )


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
        """Counts the largest of the scores [B, K] of each example, by its weight."""
        chosen = tf.one_hot(tf.argmax(scores, axis=-1), self.counts.shape[0])
        if sample_weight is not None:
            chosen *= sample_weight[:, None]
        self.counts.assign_add(tf.reduce_sum(chosen, axis=0))

    def result(self):
        """From 0, before any example, to K."""
        is_used = (self.counts > 0) & (
            self.counts >= SHARE_IN_USE * tf.reduce_sum(self.counts)
        )
        return tf.reduce_sum(tf.cast(is_used, tf.float32))


def needs_callback(model, x=None):
    """Whether `fit` on `x` has to run `StartClusters` for the model.

    Raises:
        ValueError: if its clusters await data, and `x` cannot be read a second time.
    """
    if not model.num_clusters:
        return False
    if model.prior_layer.awaits_data:
        cluster_examples.check_can_be_read_again(x)
    return model.prior_layer.awaits_data or model.learns_from_labels


class StartClusters(keras.callbacks.Callback):
    """Starts the clusters of the model in the course of `fit`, if they await data.

    `fit` adds one for its own data, unless there is one already. At the end of a
    training with labels it fits the clusters once more to the codes of the examples
    (`cluster_moments.fit_to_codes`).

    Args:
        x: what `fit` trains on: arrays or anything that can be read a second time.
        y: labels, of a model that learns from them, or None.
        num_batches: of a data set without an end, how many to look through for labels.
        sample_weight: of arrays, numbers [N], or None; by them examples count.

    Raises:
        ValueError: if the clusters await data, and `x` cannot be read a second time.
    """

    def __init__(self, x, y=None, num_batches=None, sample_weight=None):
        super().__init__()
        self.data = (x, y, num_batches, sample_weight)
        self._has_warned = False

    def set_model(self, model):
        """Checks the data."""
        super().set_model(model)
        if model.prior_layer.awaits_data:
            cluster_examples.check_can_be_read_again(self.data[0])

    def on_train_begin(self, logs=None):
        """Warns of a training that ends before the clusters have trained."""
        del logs
        prior, epochs = self.model.prior_layer, (self.params or {}).get("epochs")
        if prior.awaits_data and epochs and epochs <= prior.initialization.num_epochs:
            self._warn(f"epochs={epochs}")

    def on_epoch_begin(self, epoch, logs=None):
        """After the epochs without clusters."""
        del logs
        prior = self.model.prior_layer
        if prior.awaits_data and epoch >= prior.initialization.num_epochs:
            start_clusters(self.model, *self.data)

    def on_train_end(self, logs=None):
        """The start at the latest, and the last fit to the codes."""
        del logs
        if self.model.prior_layer.awaits_data:
            if not self._has_warned:
                self._warn("a training that was stopped before")
            start_clusters(self.model, *self.data)
        if self.model.learns_from_labels:
            finish_clusters(self.model, *self.data)

    def _warn(self, received):
        self._has_warned = True
        num_epochs = self.model.prior_layer.initialization.num_epochs
        warnings.warn(
            f"The clusters start after {num_epochs} epochs (`num_epochs` of the "
            "model's `initialization`, --pretraining-epochs on the command line), and "
            f"`epochs` should be higher. Received: {received}. They start at the end "
            "instead and stay untrained: cluster probabilities and samples of a "
            "cluster are those of groups that the decoder has not learned",
            stacklevel=2,
        )


def start_clusters(model, x, y=None, num_batches=None, sample_weight=None):
    """Sets the clusters of a mixture prior to groups of encoded examples.

    With labels cluster k is class k, and labelled examples are in the cluster of their
    label; see `cluster_labels.groups_with_labels` for the others.

    Args:
        model: a model whose `prior_layer` is a mixture with an `initialization`.
        x: as in `fit`.
        y: integer labels [N], -1 for unknown, or None; with a data set the labels are
            its second elements.
        num_batches: as in `StartClusters`.
        sample_weight: as in `StartClusters`.

    Raises:
        ValueError: if there are fewer examples than clusters, or the model encodes
            them as NaN.
    """
    prior = model.prior_layer
    seed = int(model.next_seed()[0]) & 0x7FFFFFFF
    count = prior.initialization.max_examples
    x, y = cluster_examples.chosen(
        x, y, num_batches, sample_weight, count, seed, model.learns_from_labels
    )
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
            groups = groups_with_labels(groups, codes, x, y, prior.num_components)
    found = moments(draws, groups, prior.num_components)
    prior.set_components(*agreed(model, found))
    restart_averages(model.optimizer, prior.trainable_variables)


def finish_clusters(model, x, y=None, num_batches=None, sample_weight=None):
    """Fits the clusters to the codes of examples, if any of these has a label.

    Args:
        model: a model that learns from labels, whose clusters have started.
        x, y, num_batches, sample_weight: as in `start_clusters`; a generator, which
            cannot be read again, is left alone.
    """
    prior = model.prior_layer
    if not prior.trainable or cluster_examples.is_read_once(x):
        return
    if not cluster_examples.may_have_labels(x, y):
        return
    count = (prior.initialization or DEFAULT).max_examples
    x, y = cluster_examples.chosen(x, y, num_batches, sample_weight, count, 0, True)
    if y is not None and (y >= 0).any():
        fit_to_codes(model, x, y)
        restart_averages(model.optimizer, prior.trainable_variables)
