"""How a model that maximizes a bound trains with the stock methods of Keras."""

import contextlib
import functools
import inspect

import keras
import tensorflow as tf

from vae_zoo.batches import replace_arrays
from vae_zoo.components.dropout import Dropout
from vae_zoo.components.randomness import as_seed, load_seeds, save_seeds
from vae_zoo.models import clusters, kl_weight
from vae_zoo.models.executions import (
    FEW_STEPS,
    MOST_STEPS,
    StepsAtOnce,
    most_steps,
)
from vae_zoo.models.input_checks import checked_data, plain_value_errors


class ElboModel(StepsAtOnce):
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

    # Whether the model was compiled with "auto".
    _is_jit_auto = False

    def make_trackers(self):
        """The metrics: the means of the bound and its terms, and clusters in use."""
        names = ("elbo", *self.term_names)
        self._trackers = [keras.metrics.Mean(name=name) for name in names]
        if self.num_clusters:
            self._clusters_in_use = clusters.ClustersInUse(self.num_clusters)

    def objective(self, terms, y=None):
        """What training minimizes, per example: float32 [B], nats.

        Args:
            terms: what `call` returned.
            y: what came with x, of models that learn from it.
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
        """The objective in training; the negative ELBO, at beta = 1, elsewhere."""
        losses = self.objective(y_pred, y) if training else -y_pred["elbo"]
        loss = weighted_mean(losses, sample_weight)
        if training:
            loss = loss + sum(self.losses)
        # Of all replicas: a strategy adds up their gradients.
        return loss / tf.distribute.get_strategy().num_replicas_in_sync

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Updates the means of `elbo` and its terms; Keras adds `loss`."""
        for tracker in self._trackers:
            tracker.update_state(y_pred[tracker.name], sample_weight)
        if self.num_clusters:
            self._clusters_in_use.update_state(y_pred["cluster_log_probabilities"])
        return super().compute_metrics(x, y, y_pred, sample_weight)

    def get_metrics_result(self):
        """As in Keras; within a step on several replicas each of shape [1].

        Keras averages these over the first axis, for the progress bar. The history's
        values are of the metrics' states, which the strategy adds up.
        """
        results = super().get_metrics_result()
        if _replicas() is None:
            return results
        return {name: tf.reshape(value, [1]) for name, value in results.items()}

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Nothing: the constructor builds all, and Keras fails on several machines."""

    def fit(self, *args, **kwargs):
        """`keras.Model.fit`, after a look at the data's values."""
        call = inspect.signature(keras.Model.fit).bind(self, *args, **kwargs)
        given = call.arguments
        if given.get("validation_data") is not None:
            given["validation_data"] = self.checked_pairs(given["validation_data"])
        x, y = given.get("x"), given.get("y")
        x = given["x"] = self.checked_training_data(x, y, given.get("steps_per_epoch"))
        if clusters.needs_callback(self, x):
            y = y if self.learns_from_labels else None
            start = clusters.StartClusters(x, y, given.get("steps_per_epoch"))
            given["callbacks"] = self._with_start(start, given.get("callbacks"))
        self._build_optimizer()
        if self._distribute_strategy is None:
            replace_arrays(given)
        choose = functools.partial(
            most_steps,
            given.get("callbacks"),
            given.get("steps_per_epoch"),
            given.get("validation_steps"),
            num_batches=_num_batches(given.get("x")),
            most=self._most_at_once(),
        )
        with plain_value_errors(), self._at_once(choose):
            self._say_how(given.get("verbose", "auto"))
            return super().fit(*call.args[1:], **call.kwargs)

    def _say_how(self, verbose):
        """Prints what the defaults have chosen."""
        if self.compiled and verbose:
            xla = "with XLA" if self.jit_compile else "without XLA"
            print(f"Training {xla}, steps at once: {self.steps_per_execution}")

    def _with_start(self, start, callbacks):
        """What `fit` takes as `callbacks`, `start` before them if none is there."""
        is_list = isinstance(callbacks, keras.callbacks.CallbackList)
        others = callbacks.callbacks if is_list else tf.nest.flatten(callbacks or [])
        if any(isinstance(each, clusters.StartClusters) for each in others):
            return callbacks
        if not is_list:
            return [start, *others]
        start.set_model(self)
        callbacks.callbacks.append(start)
        return callbacks

    def evaluate(self, *args, **kwargs):
        """`keras.Model.evaluate`, after a look at the values of `x`."""
        if "_use_cached_eval_dataset" in kwargs:
            # Within `fit`, which has looked and has chosen.
            return super().evaluate(*args, **kwargs)
        call = inspect.signature(keras.Model.evaluate).bind(self, *args, **kwargs)
        given = call.arguments
        given["x"] = self.checked_pairs(given.get("x"), given.get("y"))

        def choose():
            steps = most_steps(
                given.get("callbacks"),
                given.get("steps"),
                num_batches=_num_batches(given["x"]),
                most=self._most_at_once(),
            )
            # What `fit` has traced for its validation serves as well.
            latest = self._executions.latest
            limits = (given.get("steps"), keras.config.max_steps_per_epoch())
            is_free = steps > 1 and limits == (None, None)
            return latest if latest and is_free else steps

        with plain_value_errors(), self._at_once(choose):
            return super().evaluate(*call.args[1:], **call.kwargs)

    def predict(self, x, *args, **kwargs):
        """`keras.Model.predict`, after a look at the values of `x`."""
        one = contextlib.nullcontext()
        if self._executions is not None:
            # Also from a callback of `fit`.
            one = self._executions.of(self, 1)
        with plain_value_errors(), one:
            return super().predict(self.checked(x), *args, **kwargs)

    def compile(self, *args, jit_compile="auto", **kwargs):
        """`keras.Model.compile`; "auto" is chosen anew where the model is loaded."""
        super().compile(*args, jit_compile=jit_compile, **kwargs)
        self._is_jit_auto = jit_compile == "auto"

    def get_compile_config(self):
        """As in Keras, which restores it with a model."""
        config = super().get_compile_config()
        return {**config, **({"jit_compile": "auto"} if self._is_jit_auto else {})}

    def _resolve_auto_jit_compile(self):
        """`jit_compile="auto"`: XLA where it pays, which Keras leaves off on CPUs.

        Not under a distribution strategy, where it fails.
        """
        return self._distribute_strategy is None and self.gains_by_xla(training=True)

    def gains_by_xla(self, training: bool = False) -> bool:
        """Whether functions of the model are faster with XLA.

        On a CPU not with convolutions, for which TensorFlow has the faster kernels
        there, in bfloat16 above all; and in training not with layers that draw noise by
        Keras (`keras.layers.Dropout`), for XLA's generator is several times as slow.
        """
        layers = list(self._flatten_layers(include_self=False))
        if not all(layer.supports_jit for layer in layers):
            return False
        if _has_gpu():
            return True
        draws = training and any(_draws_by_keras(layer) for layer in layers)
        return not draws and not self._has_convolutions()

    def _has_convolutions(self):
        layers = self._flatten_layers(include_self=False)
        return any(hasattr(layer, "kernel_size") for layer in layers)

    def _most_at_once(self):
        are_slow = self._has_convolutions() and not _has_gpu()
        return FEW_STEPS if are_slow else MOST_STEPS

    def checked(self, data):
        """`data` as it came, once it is known to fit; see `checked_data`."""
        return checked_data(data, self.input_shape, self.likelihood_head.value_rule())

    def checked_pairs(self, x, y=None):
        """As `checked`, with what came beside x, of models that learn from it."""
        del y
        return self.checked(x)

    def checked_training_data(self, x, y=None, steps_per_epoch=None):
        """As `checked_pairs`, for `fit`."""
        del steps_per_epoch
        return self.checked_pairs(x, y)

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
    replicas = _replicas()
    if weights is None:
        if replicas is None:
            return tf.reduce_mean(values)
        weights = tf.ones_like(values)
    weights = tf.cast(weights, values.dtype)
    sums = tf.stack([tf.reduce_sum(values * weights), tf.reduce_sum(weights)])
    if replicas is not None:
        sums = replicas.all_reduce(tf.distribute.ReduceOp.SUM, sums)
    return tf.math.divide_no_nan(sums[0], sums[1])


def _num_batches(data):
    """Of a `tf.data.Dataset` that knows it; else None."""
    if not isinstance(data, tf.data.Dataset):
        return None
    number = int(data.cardinality())
    return number if number > 0 else None


def _has_gpu():
    return bool(tf.config.list_physical_devices("GPU"))


def _draws_by_keras(layer):
    return hasattr(layer, "seed_generator") and not isinstance(layer, Dropout)


def _replicas():
    """The replica context within a step on several replicas, else None."""
    context = tf.distribute.get_replica_context()
    is_one_of_many = context is not None and context.num_replicas_in_sync > 1
    return context if is_one_of_many else None
