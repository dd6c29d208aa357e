"""How a model that maximizes a bound trains with the stock methods of Keras."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Literal, Unpack

import keras
import numpy as np
import tensorflow as tf

from vae_zoo.arguments import Config, check_seed
from vae_zoo.components.batch_checks import plain_value_errors
from vae_zoo.components.keras_private import FLAG_OF_VALIDATION, ModelHooks, untrack
from vae_zoo.components.objectives.objective import Objective, build_objective
from vae_zoo.components.parts import check_components, claim
from vae_zoo.components.randomness import as_seed, load_seeds, save_seeds
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

    A subclass says what data it takes (`door`), what the bound's terms are
    (`term_names` and the methods that `fitting.Step` calls) and what else training
    needs of its parts (`make_metrics`, `learn`, `check_training_data`,
    `training_callbacks`). It sets its `objective` before it is built.

    Attributes:
        term_names: names of the bound's terms, each a metric.
    """

    term_names: tuple[str, ...] = ("log_likelihood", "kl")
    _objective: Objective

    train_function = kept_by_number("training")
    test_function = kept_by_number("test")
    predict_function = kept_by_number("prediction")

    def __init__(
        self, *, seed: int | None, name: str | None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        # The data enter the likelihood in float32 whatever the networks use.
        super().__init__(name=name, autocast=False, **kwargs)
        self.seed = check_seed("seed", seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)

    # What a subclass says.

    def door(self) -> Door:
        """What data the model takes: a `fitting.Door`."""
        raise NotImplementedError

    def make_metrics(self) -> list[keras.metrics.Metric]:
        """Metrics beside the bound's: see `Prior.make_metrics`."""
        return []

    def learn(self, step: Step) -> None:
        """Sets the weights that no gradient moves, after a step of training."""

    def check_training_data(
        self, data: Stream | Parts, num_batches: int | None = None
    ) -> None:
        """Raises ValueError if the model cannot learn from data that it takes.

        Args:
            data: a stream, or a tuple (x, y, sample weights) of arrays.
            num_batches: of a data set without an end, those of an epoch.
        """

    def training_callbacks(
        self, data: Stream | Parts, num_batches: int | None = None
    ) -> list[keras.callbacks.Callback]:
        """Callbacks that `fit` needs; arguments as in `check_training_data`."""
        del data, num_batches
        return []

    # The objective.

    @property
    def objective(self) -> Objective:
        """What training minimizes: one of `components.objectives`."""
        return self._objective

    @objective.setter
    def objective(self, objective: Objective) -> None:
        if not self.built:
            # Checked and built with the other parts.
            self._objective = objective
            return
        check_components({"objective": objective})
        build_objective(objective, self)
        claim({"objective": objective})
        # Keras would keep tracking the old one, too.
        untrack(self, self._objective)
        self._objective = objective
        objective.forget_traces()

    @property
    def iteration(self) -> int | keras.Variable:
        """The optimizer's present step, 0 without an optimizer: an integer scalar."""
        optimizer = getattr(self, "optimizer", None)
        return 0 if optimizer is None else optimizer.iterations

    # The steps.

    def make_trackers(self) -> None:
        """Makes the metrics: the means of the bound and its terms, and further ones."""
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
        return keras_steps.loss_by_hand(self, x, y, sample_weight, training)

    def train_step(self, data: Batch | tuple[Batch, ...]) -> dict[str, tf.Tensor]:
        """One step of the optimizer; returns the metrics so far."""
        return keras_steps.train_step(self, data)

    def test_step(self, data: Batch | tuple[Batch, ...]) -> dict[str, tf.Tensor]:
        """The metrics so far, at beta = 1."""
        return keras_steps.test_step(self, data)

    def get_metrics_result(self) -> dict[str, tf.Tensor]:
        """As in Keras; without labels, without their metrics.

        Within a step on several replicas each is of shape [1]: Keras averages these
        over the first axis, for the progress bar. The history's values are of the
        metrics' states, which the strategy adds up.
        """
        return keras_steps.metrics_to_show(self, super().get_metrics_result())

    # Compiling.

    @property
    def compilation(self) -> Compilation:
        """What is compiled of the steps; `fit` and `evaluate` choose by it."""
        return Compilation.of(self)

    def compile(
        self,
        *args: Any,
        jit_compile: bool | Literal["auto"] = AUTO,
        steps_per_execution: int | Literal["auto"] = AUTO,
        **kwargs: Any,
    ) -> None:
        """`keras.Model.compile` without a loss or metrics: the objective is the bound.

        `jit_compile="auto"` is XLA where it pays: not under a distribution strategy,
        not with convolutions on a CPU, and in `fit` for long trainings only. It is
        chosen anew where the model is loaded.

        `steps_per_execution="auto"` is several steps at a time in `fit` and `evaluate`,
        where no callback has to see each batch and no numbers of steps stand against
        it; see `executions.most_steps`. The results are those of one at a time. Under a
        distribution strategy, and eagerly, it is one.

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
        """As in Keras, which restores it with a model."""
        config = super().get_compile_config()
        return {**config, **(self.compilation.config if self.compiled else {})}

    def compile_from_config(self, config: Config) -> None:
        """Compiles a model as the one that was saved."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        compilation.build_optimizer(self)

    @property
    def steps_per_execution(self) -> int:
        """How many steps run for one trip from Python, in this thread."""
        return self.compilation.steps

    @steps_per_execution.setter
    def steps_per_execution(self, number: int) -> None:
        self.compilation.own_steps = number

    def gains_by_xla(self, training: bool = False) -> bool:
        """Whether functions of the model are faster with XLA: see `compilation`."""
        return compilation.gains_by_xla(self, training)

    def make_train_function(self, force: bool = False) -> Callable[..., Any] | None:
        """As in Keras; `force` also has what runs many steps at once made anew."""
        if force:
            self.compilation.functions.forget("training")
        return super().make_train_function(force)

    def make_test_function(self, force: bool = False) -> Callable[..., Any] | None:
        """As `make_train_function`."""
        if force:
            self.compilation.functions.forget("test")
        return super().make_test_function(force)

    # Keras' methods, on data that have come through the door.

    @with_signature_of(keras.Model.fit)
    def fit(self, *args: Any, **kwargs: Any) -> keras.callbacks.History:
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
            # Within `fit`, which has looked and has chosen.
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

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Adds the state of all random generators, so that a resumed run goes on."""
        super().save_own_variables(store)
        save_seeds(self, store)

    def load_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """The inverse of `save_own_variables`."""
        super().load_own_variables(load_seeds(self, store))

    def next_seed(self) -> tf.Tensor:
        """The generator's next seed, int32 [2]."""
        return self.as_seed(None)

    def as_seed(self, seed: Seed | None) -> tf.Tensor:
        """`seed`, or the generator's next, as the int32 [2] that TFP takes."""
        return as_seed(seed, self.seed_generator)
