"""How a model that maximizes a bound trains with the stock methods of Keras."""

import contextlib
import functools
import inspect

import keras
import tensorflow as tf

from vae_zoo.arguments import shown
from vae_zoo.components import replicas
from vae_zoo.components.batch_checks import plain_value_errors
from vae_zoo.components.dropout import Dropout
from vae_zoo.components.randomness import as_seed, load_seeds, save_seeds
from vae_zoo.fitting import fit_arguments
from vae_zoo.fitting.compiling import is_long_enough
from vae_zoo.fitting.door import Door
from vae_zoo.fitting.examples import ExampleRule
from vae_zoo.fitting.not_finite import WarnOfNaN
from vae_zoo.fitting.streams import is_stream
from vae_zoo.models import clusters, kl_weight
from vae_zoo.models.executions import (
    FEW_STEPS,
    MOST_STEPS,
    StepsAtOnce,
    most_steps,
)


def _with_signature_of(method):
    """Has `help` and editors show the arguments of Keras' own method."""

    def decorate(function):
        function.__signature__ = inspect.signature(method)
        return function

    return decorate


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
        losses = self._loss_per_example(y, y_pred, sample_weight, training)
        if training:
            self.likelihood_head.learn(y_pred, sample_weight)
        return _over_batch_size(losses, sample_weight)

    def _loss_per_example(self, y, outputs, sample_weight, training):
        """The loss of each example, float32 [B], regularization included."""
        if not training:
            return -outputs["elbo"]
        return self.objective(outputs, y, sample_weight) + sum(self.losses)

    def train_step(self, data):
        """One step of the optimizer; returns the metrics so far."""
        x, y, weights = self._unpacked(data)
        with tf.GradientTape() as tape:
            outputs = self(x, training=True)
            losses = self._loss_per_example(y, outputs, weights, training=True)
            loss = _over_batch_size(losses, weights)
            loss = self.optimizer.scale_loss(loss)
        if variables := self.trainable_weights:
            gradients = tape.gradient(loss, variables)
            self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        self.likelihood_head.learn(outputs, weights)
        self._loss_tracker.update_state(losses, weights)
        return self.compute_metrics(x, y, outputs, weights)

    def test_step(self, data):
        """The metrics so far, at beta = 1."""
        x, y, weights = self._unpacked(data)
        outputs = self(x, training=False)
        losses = self._loss_per_example(y, outputs, weights, training=False)
        self._loss_tracker.update_state(losses, weights)
        return self.compute_metrics(x, y, outputs, weights)

    def _unpacked(self, data):
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        if self._distribute_strategy is not None:
            # What a strategy has distributed cannot be checked on its way here.
            return self.door().in_graph(x, y, weights)
        return x, y, weights

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Updates the means of the bound and its terms, sum(w v) / sum(w)."""
        for tracker in self._trackers:
            tracker.update_state(y_pred[tracker.name], sample_weight)
        if self.num_clusters:
            self._clusters_in_use.update_state(y_pred["cluster_log_probabilities"])
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

    @_with_signature_of(keras.Model.fit)
    def fit(self, *args, **kwargs):
        """Maximizes the bound: `keras.Model.fit`, once the data are known to fit.

        Args:
            x: float [B, *input_shape]: an array, a tensor, a pandas frame; or what
                gives batches of x, (x, y) or (x, y, sample weights): a
                `tf.data.Dataset`, a `keras.utils.PyDataset` or a generator.
            y: integer labels, -1 for unknown, of models that learn from them.
            sample_weight: numbers >= 0, one for each example. Training follows the
                gradient of sum(w v) / B; what is reported is sum(w v) / sum(w).
            class_weight: dict of label -> weight of its examples.

        All else is as in `keras.Model.fit`.

        Raises:
            ValueError: if data or a setting are not as they must be.
        """
        call = inspect.signature(keras.Model.fit).bind(self, *args, **kwargs)
        given = call.arguments
        fit_arguments.check_settings(given)
        self._assert_compile_called("fit")
        door, steps = self.door(), given.get("steps_per_epoch")
        data = fit_arguments.opened(given, door)
        if given.get("validation_data") is not None:
            given["validation_data"] = door.validation(given["validation_data"])
        elif given.get("validation_split"):
            data, held_out = fit_arguments.split_off(data, given["validation_split"])
            given["validation_data"] = held_out
        self.check_training_data(data, steps)
        own = [WarnOfNaN(), *self._start_of_clusters(data, steps)]
        self._build_optimizer()
        fit_arguments.replace_data(given, data)
        fit_arguments.add_callbacks(self, given, own)
        # Of the whole training, so that a resumed one chooses alike.
        num_batches = steps or _num_batches(given["x"])
        self._choose_xla(num_batches and num_batches * given.get("epochs", 1))
        choose = functools.partial(
            most_steps,
            given["callbacks"],
            steps,
            given.get("validation_steps"),
            num_batches=_num_batches(given["x"]),
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

    def _start_of_clusters(self, data, num_batches):
        """The callback that the clusters of a mixture need, if they do."""
        arrays = (data, None) if is_stream(data) else data[:2]
        if not clusters.needs_callback(self, arrays[0]):
            return []
        return [clusters.StartClusters(*arrays, num_batches)]

    @_with_signature_of(keras.Model.evaluate)
    def evaluate(self, *args, **kwargs):
        """The bound at beta = 1: `keras.Model.evaluate`; data are as in `fit`.

        Raises:
            ValueError: if data or a setting are not as they must be.
        """
        if "_use_cached_eval_dataset" in kwargs:
            # Within `fit`, which has looked and has chosen.
            return super().evaluate(*args, **kwargs)
        call = inspect.signature(keras.Model.evaluate).bind(self, *args, **kwargs)
        given = call.arguments
        fit_arguments.check_settings(given)
        self._assert_compile_called("evaluate")
        data = fit_arguments.opened(given, self.door())
        fit_arguments.replace_data(given, data, shuffle=False)
        fit_arguments.add_callbacks(self, given, [])
        if not self._step_functions:
            self._choose_xla(given.get("steps") or _num_batches(given["x"]))

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

    @_with_signature_of(keras.Model.predict)
    def predict(self, *args, **kwargs):
        """What `call` returns for all rows, as arrays; data are as in `fit`.

        Raises:
            ValueError: if data or a setting are not as they must be.
        """
        call = inspect.signature(keras.Model.predict).bind(self, *args, **kwargs)
        given = call.arguments
        fit_arguments.check_settings(given)
        x = given.get("x")
        given["x"] = self.checked(x) if is_stream(x) else self.door().arrays(x)[0]
        one = contextlib.nullcontext()
        if self._executions is not None:
            # Also from a callback of `fit`.
            one = self._executions.having(1)
        with plain_value_errors(), one:
            return super().predict(*call.args[1:], **call.kwargs)

    @_with_signature_of(keras.Model.train_on_batch)
    def train_on_batch(self, *args, **kwargs):
        """One step on a batch of arrays: `keras.Model.train_on_batch`.

        Raises:
            ValueError: if they do not fit the model.
        """
        self._build_optimizer()
        given = self._checked_batch(keras.Model.train_on_batch, args, kwargs)
        return super().train_on_batch(**given)

    @_with_signature_of(keras.Model.test_on_batch)
    def test_on_batch(self, *args, **kwargs):
        """The bound of a batch of arrays: `keras.Model.test_on_batch`.

        Raises:
            ValueError: if they do not fit the model.
        """
        return super().test_on_batch(
            **self._checked_batch(keras.Model.test_on_batch, args, kwargs)
        )

    def predict_on_batch(self, x):
        """What `call` returns for a batch, an array: `keras.Model.predict_on_batch`.

        Raises:
            ValueError: if it does not fit the model.
        """
        return super().predict_on_batch(self.door().arrays(x)[0])

    def _checked_batch(self, method, args, kwargs):
        given = inspect.signature(method).bind(self, *args, **kwargs).arguments
        given.pop("self")
        fit_arguments.check_settings(given)
        x, y, weights = fit_arguments.opened(given, self.door())
        given.pop("class_weight", None)
        return {**given, "x": x, "y": y, "sample_weight": weights}

    def compile(self, *args, jit_compile="auto", **kwargs):
        """`keras.Model.compile` without a loss or metrics: the objective is the bound.

        `jit_compile="auto"` is chosen anew where the model is loaded.

        Raises:
            ValueError: if a loss or metrics are given.
        """
        call = inspect.signature(keras.Model.compile).bind(self, *args, **kwargs)
        for name in ("loss", "loss_weights", "metrics", "weighted_metrics"):
            if call.arguments.get(name) is not None:
                raise ValueError(
                    f"`{name}` must be left out: the model maximizes its bound, whose "
                    f"terms are its metrics. Received: {name}="
                    f"{shown(call.arguments[name])}"
                )
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

    def _choose_xla(self, num_steps):
        """Where `jit_compile` is "auto": XLA if so many steps win back its compiling.

        What compiling chose stays where the number is not known.
        """
        if not self._is_jit_auto or num_steps is None:
            return
        pays = self._resolve_auto_jit_compile() and is_long_enough(num_steps)
        if pays != self.jit_compile:
            self.jit_compile = pays
            self._forget_functions()

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
                read, within `fitting.door.plain_value_errors`.
        """
        return self.door().examples_of(data)

    def checked_pairs(self, data):
        """As `fit` and `evaluate` take what gives batches."""
        return self.door().stream(data)

    def check_training_data(self, data, num_batches=None):
        """Raises ValueError if the model cannot learn from data that it takes.

        Args:
            data: a stream, or a tuple (x, y, sample weights) of arrays.
            num_batches: of a data set without an end, those of an epoch.
        """

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
