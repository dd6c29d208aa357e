"""How a model that maximizes a bound trains with the stock methods of Keras."""

import keras
import tensorflow as tf

from vae_zoo.arguments import check_seed, shown
from vae_zoo.components import replicas
from vae_zoo.components.objectives.objective import build_objective
from vae_zoo.components.parts import check_components, claim
from vae_zoo.components.randomness import as_seed, load_seeds, save_seeds
from vae_zoo.fitting.calls import Calls
from vae_zoo.fitting.door import Door
from vae_zoo.fitting.labels import LabelRule, labels_or_none
from vae_zoo.fitting.step import Step, inputs_of_batch, loss_of
from vae_zoo.fitting.training_data import TrainingData


class Adapter(Calls):
    """A `keras.Model` that minimizes an objective and reports the bound.

    A subclass says what its inputs are (`input_rules`), what the bound's terms are
    (`term_names` and the methods that `fitting.Step` calls) and what else training
    needs of its parts (`make_metrics`, `learn`, `start_of_training`).

    Attributes:
        term_names: names of the bound's terms, each a metric.
    """

    term_names = ("log_likelihood", "kl")

    def __init__(self, *, seed, name, **kwargs):
        # The data enter the likelihood in float32 whatever the networks use.
        super().__init__(name=name, autocast=False, **kwargs)
        self.seed = check_seed("seed", seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)

    # What a subclass says.

    def input_rules(self):
        """What each input must be, name -> `fitting.ExampleRule`; "x" is one."""
        raise NotImplementedError

    def make_metrics(self):
        """Metrics beside the bound's: see `Prior.make_metrics`."""
        return []

    def learn(self, step):
        """Sets the weights that no gradient moves, after a step of training."""

    def start_of_training(self, data):
        """Callbacks that training on `data`, a `TrainingData`, needs."""
        del data
        return []

    # The objective.

    @property
    def objective(self):
        """What training minimizes: one of `components.objectives`."""
        return self._objective

    @objective.setter
    def objective(self, objective):
        check_components({"objective": objective})
        build_objective(objective, self)
        claim({"objective": objective})
        # Keras would keep tracking the old one, too.
        self._tracker.untrack(self._objective)
        self._objective = objective
        objective.forget_traces()

    @property
    def iteration(self):
        """The optimizer's present step, 0 without an optimizer: an integer scalar."""
        optimizer = getattr(self, "optimizer", None)
        return 0 if optimizer is None else optimizer.iterations

    def warmup_steps(self):
        """The optimizer's step from which training is on the whole objective.

        Raises:
            ValueError: if a number of the objective is a function that does not tell.
        """
        return self.objective.warmup_steps()

    @property
    def learns_from_labels(self) -> bool:
        """Whether the objective takes labels into account."""
        return self.objective.num_classes is not None

    def make_trackers(self):
        """Makes the metrics: the means of the bound and its terms, and further ones."""
        names = ("elbo", *self.term_names)
        self._trackers = [keras.metrics.Mean(name=name) for name in names]
        self._further_metrics = self.make_metrics()

    def weight_of_pass(self):
        """The sum of the weights of the examples seen since metrics were reset."""
        return float(self._trackers[0].count.numpy())

    # The steps.

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """The objective in training; the negative ELBO, at beta = 1, elsewhere.

        For a loop by hand. With sample weights w of values v it is sum(w v) / B, as
        everywhere in Keras; B is the number of examples in the batch, that of all
        replicas.

        Args:
            x: float [B, *input_shape], or a dict of inputs.
            y: labels, of a model that learns from them.
            y_pred: not needed: the bound does not follow from the model's outputs.
            sample_weight: numbers [B], or None.
            training: whether layers such as dropout are in training mode.
        """
        del y_pred
        door = self.door()
        checked = door.arrays if tf.executing_eagerly() else door.in_graph
        x, y, weights = tf.nest.map_structure(
            lambda part: None if part is None else tf.convert_to_tensor(part),
            checked(x, y, sample_weight),
        )
        step = Step(self, inputs_of_batch(x), y, weights, training=training)
        loss, _ = loss_of(step)
        if training:
            self.learn(step)
        return loss

    def train_step(self, data):
        """One step of the optimizer; returns the metrics so far."""
        step = self._step(data, training=True)
        with tf.GradientTape() as tape:
            loss, losses = loss_of(step)
            loss = self.optimizer.scale_loss(loss)
        if variables := self.trainable_weights:
            gradients = tape.gradient(loss, variables)
            with replicas.no_sum_over_one_replica(self.optimizer):
                self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        self.learn(step)
        self._loss_tracker.update_state(losses + sum(self.losses), step.sample_weight)
        return self._updated_metrics(step)

    def test_step(self, data):
        """The metrics so far, at beta = 1."""
        step = self._step(data, training=False)
        self._loss_tracker.update_state(-step.elbo, step.sample_weight)
        return self._updated_metrics(step)

    def _step(self, data, training):
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        y = labels_or_none(y)
        if self._distribute_strategy is not None:
            # What a strategy has distributed cannot be checked on its way here.
            x, y, weights = self.door().in_graph(x, y, weights)
        return Step(self, inputs_of_batch(x), y, weights, training=training)

    def _updated_metrics(self, step):
        """Updates the means of the bound and its terms, sum(w v) / sum(w)."""
        for tracker in self._trackers:
            tracker.update_state(step.outputs[tracker.name], step.sample_weight)
        for metric in self._further_metrics:
            metric.update_state(step.outputs, step.y, step.sample_weight)
        results = self.get_metrics_result()
        if step.y is None:
            for name in self._names_for_labels():
                results.pop(name, None)
        return results

    def _names_for_labels(self):
        """The names of the metrics that need labels."""
        return [
            metric.name
            for metric in self._further_metrics
            if getattr(metric, "needs_labels", False)
        ]

    def get_metrics_result(self):
        """As in Keras; without labels, without their metrics.

        Within a step on several replicas each is of shape [1]: Keras averages these
        over the first axis, for the progress bar. The history's values are of the
        metrics' states, which the strategy adds up.
        """
        results = super().get_metrics_result()
        if tf.executing_eagerly():
            for metric in self._further_metrics:
                if getattr(metric, "needs_labels", False) and metric.count == 0:
                    results.pop(metric.name, None)
        if replicas.context() is None:
            return results
        return {name: tf.reshape(value, [1]) for name, value in results.items()}

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Does nothing: all is built, and Keras' own fails on several machines."""

    # The data.

    def door(self):
        """What data the model takes: a `fitting.Door`."""
        num_classes = self.objective.num_classes
        labels = None if num_classes is None else LabelRule(num_classes)
        return Door(self.input_rules(), labels)

    def as_inputs(self, x):
        """`x`, or a dict of inputs, as `Inputs` of tensors that are known to fit.

        Raises:
            ValueError: if one does not fit; of symbolic tensors only the shapes are
                checked.
        """
        return self.door().as_tensors(x)

    def given(self, condition, num_rows=None):
        """`Inputs` of a condition alone, for what needs no x; None without one.

        Args:
            condition: [B, ...], or None.
            num_rows: B as it must be, or None where that is not known.

        Raises:
            ValueError: if the model needs a condition and there is none, or the other
                way round, or it does not fit.
        """
        return self.door().condition_alone(condition, num_rows)

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

    def check_training_data(self, data, num_batches=None):
        """Raises ValueError if the objective cannot learn from data that fit."""
        self.objective.check_training_data(TrainingData.of(data, num_batches))

    def training_callbacks(self, data, num_batches=None):
        """Callbacks that `fit` needs; arguments as in `check_training_data`."""
        return self.start_of_training(TrainingData.of(data, num_batches))

    # Keras' methods that differ here.

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
        return self.as_seed(None)

    def as_seed(self, seed):
        """`seed`, or the generator's next, as the int32 [2] that TFP takes."""
        return as_seed(seed, self.seed_generator)
