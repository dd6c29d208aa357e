"""Clusters, the parts of a mixture prior: their names, metrics and signature."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from vae_zoo.arguments import shown
from vae_zoo.components.signature import Signature

if TYPE_CHECKING:
    from vae_zoo.components.priors.mixture import MixturePrior
    from vae_zoo.models.vae import VAE

# A cluster is in use if that share of the examples is in it.
SHARE_IN_USE = 0.01


def checked_index(prior: MixturePrior, cluster: object) -> int:
    """`cluster` as an integer in 0..K-1; ValueError if there is no such cluster."""
    count = prior.num_components
    index = cluster if isinstance(cluster, (int, np.integer)) else -1
    if isinstance(cluster, bool) or not 0 <= index < count:
        raise ValueError(
            f"`cluster` must be an integer in 0..{count - 1}. Received: "
            f"cluster={shown(cluster)}"
        )
    warn_if_not_started(prior)
    return int(index)


def warn_if_not_started(prior: MixturePrior) -> None:
    """Warns if the clusters are all alike, also while a function is traced."""
    initialization = prior.initialization
    if initialization is None:
        return
    with tf.init_scope():
        if not tf.executing_eagerly() or not prior.awaits_data:
            return
    warnings.warn(
        "The clusters have not started: they are all alike, and their probabilities "
        f"and samples say nothing. Train for more than `num_epochs`="
        f"{initialization.num_epochs} "
        "epochs (of the model's `initialization`) to the end of `fit`",
        stacklevel=2,
    )


class ClustersInUse(keras.metrics.Metric):
    """How many clusters hold at least one percent of the examples.

    Args:
        num_clusters: K.
        name: the metric's name.
    """

    def __init__(self, num_clusters: int, name: str = "clusters_in_use") -> None:
        super().__init__(name=name)
        self.counts = self.add_weight(
            shape=(num_clusters,), initializer="zeros", name="counts"
        )

    def update_state(
        self,
        outputs: dict[str, tf.Tensor],
        y: tf.Tensor | None = None,
        sample_weight: tf.Tensor | None = None,
    ) -> None:
        """Counts the most probable cluster of each example, by its weight."""
        del y
        scores = outputs["cluster_log_probabilities"]
        chosen = tf.one_hot(tf.argmax(scores, axis=-1), self.counts.shape[0])
        if sample_weight is not None:
            chosen *= sample_weight[:, None]
        self.counts.assign_add(tf.reduce_sum(chosen, axis=0))

    def result(self) -> tf.Tensor:
        """From 0, before any example, to K."""
        is_used = (self.counts > 0) & (
            self.counts >= SHARE_IN_USE * tf.reduce_sum(self.counts)
        )
        return tf.reduce_sum(tf.cast(is_used, tf.float32))


class LabelAccuracy(keras.metrics.Mean):
    """The share of the labelled examples whose most probable cluster is their label.

    Args:
        name: the metric's name.
    """

    # It is reported only where there are labels.
    needs_labels = True

    def __init__(self, name: str = "label_accuracy") -> None:
        super().__init__(name=name)

    def update_state(
        self,
        outputs: dict[str, tf.Tensor],
        y: tf.Tensor | None = None,
        sample_weight: tf.Tensor | None = None,
    ) -> None:
        """Counts the examples whose label y [B] is known, not -1, by their weights."""
        if y is None:
            return
        chosen = tf.argmax(outputs["cluster_probabilities"], -1, tf.int32)
        counts = tf.cast(y >= 0, tf.float32)
        if sample_weight is not None:
            counts *= sample_weight
        super().update_state(tf.cast(chosen == y, tf.float32), counts)


def signatures(model: VAE) -> dict[str, Signature]:
    """The signatures that only mixtures have, by name."""

    def cluster(**request: tf.Tensor) -> dict[str, tf.Tensor]:
        probabilities = model.cluster_probabilities(model.named_inputs(request))
        chosen = tf.argmax(probabilities, axis=-1, output_type=tf.int32)
        return {"probabilities": probabilities, "cluster": chosen}

    return {"cluster": Signature(cluster, model.input_specs())}
