"""How a model that maximizes a bound trains with the stock methods of Keras."""

import keras
import tensorflow as tf

from vae_zoo.arguments import shown
from vae_zoo.components import replicas
from vae_zoo.components.randomness import as_seed, load_seeds, save_seeds
from vae_zoo.fitting.calls import Calls
from vae_zoo.fitting.door import Door
from vae_zoo.fitting.examples import ExampleRule
from vae_zoo.fitting.labels import labels_or_none
from vae_zoo.fitting.streams import is_stream
from vae_zoo.models import clusters, kl_weight


class ElboModel(Calls):
    """What fits a `keras.Model` to maximize the evidence lower bound.

    The steps are Keras' own. `VAE` says what the bound is: its `call` returns `elbo`
    and the terms by name, and it has the attributes `input_shape`, `prior_layer`,
    `likelihood_head`, `num_clusters` and `seed_generator`.

    Attributes:
        term_names: names of the bound's terms, each a metric.
        learns_from_labels: whether `objective` takes labels into account.
        objective_weights: names of the attributes by which `objective` weighs the
            terms, each a number or a schedule.
    """

    term_names = ("log_likelihood", "kl")
    learns_from_labels = False
    objective_weights = ()

    def make_trackers(self):
        """The metrics: the means of the bound and its terms, and clusters in use."""
        names = ("elbo", *self.term_names)
        self._trackers = [keras.metrics.Mean(name=name) for name in names]
        if self.num_clusters:
            self._clusters_in_use = clusters.ClustersInUse(self.num_clusters)

    def weight_of_pass(self):
        """The sum of the weights of the examples seen since metrics were reset."""
        return float(self._trackers[0].count.numpy())

    def objective(self, terms, y=None, sample_weight=None):
        """What training minimizes, per example: float32 [B], nats.

        Args:
            terms: what `call` returned.
            y: what came with x, of models that learn from it.
            sample_weight: float32 [B], by which means within the objective go; or None.
        """
        return -terms["elbo"]

    def warmup_steps(self):
        """The optimizer's step from which training is on the whole objective.

        Raises:
            ValueError: if a weight of the objective is a function that does not tell.
        """
        return kl_weight.warmup_steps(
            {name: getattr(self, name) for name in self.objective_weights}
        )

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """The objective in training; the negative ELBO, at beta = 1, elsewhere.

        With sample weights w of values v it is sum(w v) / B, as everywhere in Keras; B
        is the number of examples in the batch, that of all replicas.
        """
        if not training:
            return _over_batch_size(-y_pred["elbo"], sample_weight)
        self.likelihood_head.learn(y_pred, sample_weight)
        losses = self.objective(y_pred, y, sample_weight)
        return _over_batch_size(losses, sample_weight) + self._regularization()

    def _regularization(self):
        """What layers add to the loss: a scalar, on each replica its part of it."""
        number = tf.distribute.get_strategy().num_replicas_in_sync
        return sum(self.losses) / number if self.losses else 0.0

    def train_step(self, data):
        """One step of the optimizer; returns the metrics so far."""
        x, y, weights = self._unpacked(data)
        with tf.GradientTape() as tape:
            outputs = self(x, training=True)
            losses = self.objective(outputs, y, weights)
            loss = _over_batch_size(losses, weights) + self._regularization()
            loss = self.optimizer.scale_loss(loss)
        if variables := self.trainable_weights:
            gradients = tape.gradient(loss, variables)
            with replicas.no_sum_over_one_replica(self.optimizer):
                self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        self.likelihood_head.learn(outputs, weights)
        self._loss_tracker.update_state(losses + sum(self.losses), weights)
        return self.compute_metrics(x, y, outputs, weights)

    def test_step(self, data):
        """The metrics so far, at beta = 1."""
        x, y, weights = self._unpacked(data)
        outputs = self(x, training=False)
        self._loss_tracker.update_state(-outputs["elbo"], weights)
        return self.compute_metrics(x, y, outputs, weights)

    def _unpacked(self, data):
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        y = labels_or_none(y)
        if self._distribute_strategy is not None:
            # What a strategy has distributed cannot be checked on its way here.
            return self.door().in_graph(x, y, weights)
        return x, y, weights

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Updates the means of the bound and its terms, sum(w v) / sum(w)."""
        for tracker in self._trackers:
            tracker.update_state(y_pred[tracker.name], sample_weight)
        if self.num_clusters:
            self._clusters_in_use.update_state(
                y_pred["cluster_log_probabilities"], sample_weight
            )
        return self.get_metrics_result()

    def get_metrics_result(self):
        """As in Keras; within a step on several replicas each of shape [1].

        Keras averages these over the first axis, for the progress bar. The history's
        values are of the metrics' states, which the strategy adds up.
        """
        results = super().get_metrics_result()
        if replicas.context() is None:
            return results
        return {name: tf.reshape(value, [1]) for name, value in results.items()}

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Nothing: the constructor builds all, and Keras fails on several machines."""

    def door(self):
        """What data the model takes: a `fitting.door.Door`."""
        rule = self.likelihood_head.value_rule()
        return Door(ExampleRule(self.input_shape, rule))

    def checked(self, data):
        """`data`, x in float32 and known to fit, all else as it came.

        Args:
            data: an array, a tuple (array, …) or what gives batches of these.

        Raises:
            ValueError: if x does not fit; for a `tf.data.Dataset` when a bad batch is
                read, within `batch_checks.plain_value_errors`.
        """
        return self.door().examples_of(data)

    def checked_pairs(self, data):
        """As `fit` and `evaluate` take what gives batches."""
        return self.door().stream(data)

    def training_callbacks(self, data, num_batches=None):
        """The callback that the clusters of a mixture need, if they do."""
        x, y, weights = (data, None, None) if is_stream(data) else data
        if not clusters.needs_callback(self, x):
            return []
        return [clusters.StartClusters(x, y, num_batches, weights)]

    def export(self, *args, **kwargs):
        """Refused: `vae_zoo.export` writes what a server needs.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            "`model.export` must be `vae_zoo.export(model, directory)`, which writes "
            "directory/1/, a SavedModel with signatures for TF Serving. Received: "
            f"{', '.join(map(shown, args)) or 'no path'}"
        )

    def get_layer(self, name=None, index=None):
        """As in Keras; "encoder" and "decoder" are these whatever their own names."""
        if name in ("encoder", "decoder") and index is None:
            return getattr(self, name)
        return super().get_layer(name, index)

    def save_own_variables(self, store):
        """Adds the state of all random generators, so that a resumed run goes on."""
        super().save_own_variables(store)
        save_seeds(self, store)

    def load_own_variables(self, store):
        """The inverse of `save_own_variables`."""
        super().load_own_variables(load_seeds(self, store))

    def next_seed(self):
        """The generator's next seed, int32 [2]."""
        return self._as_seed(None)

    def _as_seed(self, seed):
        """`seed`, or the generator's next, as the int32 [2] that TFP takes."""
        return as_seed(seed, self.seed_generator)


def weighted_mean(values, weights=None):
    """The mean of `values` [B]; with `weights` [B], sum(w v) / sum(w).

    Under a distribution strategy it is that of the global batch, the same on all
    replicas however many examples each has, and differentiable.
    """
    context = replicas.context()
    if weights is None:
        if context is None:
            return tf.reduce_mean(values)
        weights = tf.ones_like(values)
    weights = tf.cast(weights, values.dtype)
    sums = tf.stack([tf.reduce_sum(values * weights), tf.reduce_sum(weights)])
    if context is not None:
        sums = context.all_reduce(tf.distribute.ReduceOp.SUM, sums)
    return tf.math.divide_no_nan(sums[0], sums[1])


def _over_batch_size(losses, weights):
    """sum(w v) / B, B the examples of all replicas, whose gradients a strategy adds."""
    total = tf.reduce_sum(losses if weights is None else losses * weights)
    return total / replicas.total(tf.cast(tf.size(losses), losses.dtype))
