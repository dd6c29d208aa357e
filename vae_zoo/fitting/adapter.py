"""Lets a model that maximizes a bound train with the stock methods of Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, Unpack

import keras
import numpy as np
import tensorflow as tf

from vae_zoo.arguments import Config, check_seed
from vae_zoo.components.batch_checks import plain_value_errors
from vae_zoo.components.keras_private import FLAG_OF_VALIDATION, ModelHooks
from vae_zoo.components.objectives.objective import Objective
from vae_zoo.components.randomness import Store, as_seed, load_seeds, save_seeds
from vae_zoo.fitting import calls, compilation, keras_steps
from vae_zoo.fitting.calls import with_signature_of
from vae_zoo.fitting.compilation import AUTO, Compilation, kept_by_number
from vae_zoo.fitting.door import Door
from vae_zoo.fitting.inputs import Batch, Parts
from vae_zoo.fitting.streams import Stream
from vae_zoo.tensors import LayerOptions, ModelInput, Seed, TensorLike

if TYPE_CHECKING:
    from vae_zoo.fitting.step import Step


class Adapter(ModelHooks, keras.Model):
    """A `keras.Model` that minimizes an objective and reports the bound.

    A subclass defines what data it takes (`door`), the bound's terms (`term_names` and
    the methods that `fitting.Step` calls) and what its parts add to training
    (`make_metrics`, `learn`, `check_training_data`, `training_callbacks`).

    Attributes:
        term_names: names of the bound's terms, each a metric.
        objective: what training minimizes: one of `components.objectives`.
    """

    term_names: tuple[str, ...] = ("log_likelihood", "kl")
    objective: Objective

    train_function = kept_by_number("training")
    test_function = kept_by_number("test")
    predict_function = kept_by_number("prediction")

    def __init__(
        self, *, seed: int | None, name: str | None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        # No autocast: the likelihood needs float32 data whatever the networks use.
        super().__init__(name=name, autocast=False, **kwargs)
        self.seed = check_seed("seed", seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)

    # What a subclass defines.

    def door(self) -> Door:
        """The `fitting.Door` that checks the model's data."""
        raise NotImplementedError

    def make_metrics(self) -> list[keras.metrics.Metric]:
        """Metrics in addition to the bound's: see `Prior.make_metrics`."""
        return []

    def learn(self, step: Step) -> None:
        """Updates the weights that have no gradient, after a training step."""

    def check_training_data(
        self, data: Stream | Parts, num_batches: int | None = None
    ) -> None:
        """Raises ValueError if the model cannot learn from data that passed its door.

        Args:
            data: a stream, or a tuple (x, y, sample weights) of arrays.
            num_batches: batches of an epoch, for a data set without an end.
        """

    def training_callbacks(
        self, data: Stream | Parts, num_batches: int | None = None
    ) -> list[keras.callbacks.Callback]:
        """Callbacks that `fit` needs; arguments as in `check_training_data`."""
        del data, num_batches
        return []

    # The steps.

    def make_trackers(self) -> None:
        """Makes the metrics: means of the bound and its terms, and `make_metrics`."""
        names = ("elbo", *self.term_names)
        self.trackers = [keras.metrics.Mean(name=name) for name in names]
        self.further_metrics = self.make_metrics()

    def weight_of_pass(self) -> float:
        """The sum of the weights of the examples seen since metrics were reset."""
        return float(self.trackers[0].count.numpy())

    def compute_loss(
        self,
        x: ModelInput | None = None,
        y: TensorLike | None = None,
        y_pred: object = None,
        sample_weight: TensorLike | None = None,
        training: bool = True,
    ) -> tf.Tensor:
        """The objective in training, else the negative ELBO at beta = 1.

        It is meant for custom training loops. With sample weights w of values v it is
        sum(w v) / B, as everywhere in Keras; B is the number of examples in the batch
        of all replicas.

        Args:
            x: float [B, *input_shape], or a dict of inputs.
            y: labels, for a model that learns from them.
            y_pred: not needed: the bound does not follow from the model's outputs.
            sample_weight: numbers [B], or None.
            training: whether layers such as dropout are in training mode.
        """
        del y_pred
        return keras_steps.loss_by_hand(self, x, y, sample_weight, training)

    def train_step(self, data: Batch | tuple[Batch, ...]) -> dict[str, tf.Tensor]:
        """One step of the optimizer; returns the metrics so far."""
        return keras_steps.train_step(self, data)

    def test_step(self, data: Batch | tuple[Batch, ...]) -> dict[str, tf.Tensor]:
        """The metrics so far, at beta = 1."""
        return keras_steps.test_step(self, data)

    def get_metrics_result(self) -> dict[str, tf.Tensor]:
        """As in Keras, but without the metrics of labels if there are none.

        Within a step on several replicas each has shape [1], which Keras averages over
        the first axis for the progress bar. The history's values come from the metrics'
        states, which the strategy adds up.
        """
        return keras_steps.metrics_to_show(self, super().get_metrics_result())

    # Compiling.

    @property
    def compilation(self) -> Compilation:
        """How the steps are compiled, for the choices of `fit` and `evaluate`."""
        return Compilation.of(self)

    def compile(
        self,
        *args: Any,
        jit_compile: bool | Literal["auto"] = AUTO,
        steps_per_execution: int | Literal["auto"] = AUTO,
        **kwargs: Any,
    ) -> None:
        """`keras.Model.compile` without a loss or metrics: the objective is the bound.

        `jit_compile="auto"` uses XLA where it pays: not under a distribution strategy,
        not with convolutions on a CPU, and in `fit` only for long training. A loaded
        model chooses again.

        `steps_per_execution="auto"` runs several steps at a time in `fit` and
        `evaluate`, unless a callback has to see each batch or the numbers of steps do
        not divide; see `executions.most_steps`. The results do not change. Under a
        distribution strategy, and eagerly, it runs one.

        Raises:
            ValueError: if a loss or metrics are given.
        """
        compilation.check_compile_arguments(self, args, kwargs)
        number = compilation.checked_steps(steps_per_execution)
        self.compilation.forget()
        super().compile(
            *args, jit_compile=jit_compile, steps_per_execution=number, **kwargs
        )
        self.compilation.set_auto(
            xla=jit_compile == AUTO, steps=steps_per_execution == AUTO
        )

    def get_compile_config(self) -> Config:
        """As in Keras, which restores a model's compilation from it."""
        config = super().get_compile_config()
        return {**config, **(self.compilation.config if self.compiled else {})}

    def compile_from_config(self, config: Config) -> None:
        """Compiles the model as the saved one was."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        compilation.build_optimizer(self)

    @property
    def steps_per_execution(self) -> int:
        """How many steps one call from Python runs, in this thread."""
        return self.compilation.steps

    @steps_per_execution.setter
    def steps_per_execution(self, number: int) -> None:
        self.compilation.own_steps = number

    def gains_by_xla(self, training: bool = False) -> bool:
        """Whether functions of the model are faster with XLA: see `compilation`."""
        return compilation.gains_by_xla(self, training)

    def make_train_function(self, force: bool = False) -> Callable[..., Any] | None:
        """As in Keras; `force` also rebuilds the functions that run many steps."""
        if force:
            self.compilation.functions.forget("training")
        return super().make_train_function(force)

    def make_test_function(self, force: bool = False) -> Callable[..., Any] | None:
        """As `make_train_function`."""
        if force:
            self.compilation.functions.forget("test")
        return super().make_test_function(force)

    # Keras' methods, on data that the door has checked.

    @with_signature_of(keras.Model.fit)
    def fit(self, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """Maximizes the bound: `keras.Model.fit` with checked data.

        Args:
            x: float [B, *input_shape]: an array, a tensor, a pandas frame; or what
                gives batches of x, (x, y) or (x, y, sample weights): a
                `tf.data.Dataset`, a `keras.utils.PyDataset` or a generator.
            y: integer labels, -1 for unknown, for models that learn from them.
            sample_weight: numbers >= 0, one for each example. Training follows the
                gradient of sum(w v) / B; metrics report sum(w v) / sum(w).
            class_weight: dict of label -> weight of its examples.

        Everything else is as in `keras.Model.fit`.

        Raises:
            ValueError: if data or a setting are not as they must be.
        """
        call = calls.of_fit(self, args, kwargs)
        with plain_value_errors(), self.compilation.at_once(self, call.choose_steps):
            calls.print_choices(self, call)
            return super().fit(**call.arguments)

    @with_signature_of(keras.Model.evaluate)
    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """The bound at beta = 1: `keras.Model.evaluate`; data are as in `fit`.

        Raises:
            ValueError: if data or a setting are not as they must be.
        """
        if FLAG_OF_VALIDATION in kwargs:
            # Called by `fit`, which has checked the data and chosen the steps.
            return super().evaluate(*args, **kwargs)
        call = calls.of_evaluate(self, args, kwargs)
        with plain_value_errors(), self.compilation.at_once(self, call.choose_steps):
            return super().evaluate(**call.arguments)

    @with_signature_of(keras.Model.predict)
    def predict(self, *args: Any, **kwargs: Any) -> dict[str, np.ndarray]:
        """What `call` returns for all rows, as arrays; data are as in `fit`.

        Raises:
            ValueError: if data or a setting are not as they must be.
        """
        call = calls.of_predict(self, args, kwargs)
        with plain_value_errors(), self.compilation.at_once(self, call.choose_steps):
            return super().predict(**call.arguments)

    @with_signature_of(keras.Model.train_on_batch)
    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """One step on a batch of arrays: `keras.Model.train_on_batch`.

        Raises:
            ValueError: if they do not fit the model.
        """
        call = calls.of_batch(keras.Model.train_on_batch, self, args, kwargs)
        compilation.build_optimizer(self)
        return super().train_on_batch(**call.arguments)

    @with_signature_of(keras.Model.test_on_batch)
    def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """The bound of a batch of arrays: `keras.Model.test_on_batch`.

        Raises:
            ValueError: if they do not fit the model.
        """
        call = calls.of_batch(keras.Model.test_on_batch, self, args, kwargs)
        return super().test_on_batch(**call.arguments)

    def predict_on_batch(self, x: ModelInput) -> dict[str, np.ndarray]:
        """What `call` returns for a batch, an array: `keras.Model.predict_on_batch`.

        Raises:
            ValueError: if it does not fit the model.
        """
        return super().predict_on_batch(self.door().arrays(x)[0])

    def save_own_variables(self, store: Store) -> None:
        """Adds the state of all random generators, so that a resumed run continues."""
        super().save_own_variables(store)
        save_seeds(self, store)

    def load_own_variables(self, store: Store) -> None:
        """The inverse of `save_own_variables`."""
        super().load_own_variables(load_seeds(self, store))

    def as_seed(self, seed: Seed | None) -> tf.Tensor:
        """`seed`, or the generator's next, as the int32 [2] that TFP takes."""
        return as_seed(seed, self.seed_generator)
