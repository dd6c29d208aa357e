"""The base of all objectives."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, Unpack

import keras
import tensorflow as tf

from vae_zoo.arguments import Config
from vae_zoo.components.objectives.number import numbers_of
from vae_zoo.components.schedules import Iteration, ScheduleLike
from vae_zoo.tensors import LayerOptions

if TYPE_CHECKING:
    from vae_zoo.fitting.step import Step
    from vae_zoo.fitting.training_data import TrainingData
    from vae_zoo.models.vae import VAE


class Objective(keras.layers.Layer):
    """A loss per example, which training minimizes. A subclass defines `loss`.

    `elbo`, `evaluate` and `val_loss` stay the plain bound for every objective.
    Attributes that are `Number`s can be read and set at any time. An objective may own
    weights; exports leave them out.

    Attributes:
        num_samples: K, the draws of the latents for each example in training.
        num_classes: the number of classes, for an objective that learns from labels y;
            None for one that ignores y.
    """

    num_samples: int = 1
    num_classes: int | None = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """A layer whose `build` takes a model."""
        objective = super().__new__(cls, *args, **kwargs)
        # Keras wraps `build` and would track its argument, here the model, as a
        # sublayer.
        vars(objective).pop("build", None)
        return objective

    def __init__(
        self, *, name: str | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(name=name, **{**kwargs, "dtype": "float32"})

    def build(self, model: VAE) -> None:
        """Creates the weights, if any, for `model`, whose components are built.

        Raises:
            ValueError: if the objective cannot train such a model.
        """

    def loss(self, step: Step) -> tf.Tensor:
        """The loss that training minimizes: float32 [B], nats.

        Its value is the objective; its gradient is an estimate of the objective's.

        Args:
            step: a `fitting.Step`, which computes the parts of objectives on demand:
                draws of q(z|x), log-densities, the bound's terms.
        """
        raise NotImplementedError

    def check_numbers(self, values: Mapping[str, float | ScheduleLike | None]) -> None:
        """Raises ValueError unless these values of the `Number`s fit together.

        Args:
            values: name -> number, schedule or None, for those set so far.
        """

    def check_training_data(self, data: TrainingData) -> None:
        """Raises ValueError if the objective cannot learn from `data`.

        Args:
            data: a `fitting.TrainingData`.
        """

    def number(self, name: str, iteration: Iteration) -> tf.Tensor | None:
        """The `Number` of that name: a scalar, or None if it is None.

        Args:
            name: of the attribute.
            iteration: the optimizer's step, an integer >= 0.
        """
        return numbers_of(type(self))[name].at(self, iteration)

    def forget_traces(self) -> None:
        """Makes the model trace its training step again."""
        model = vars(self).get("_model", lambda: None)()
        if model is not None and model.compiled:
            model.make_train_function(force=True)

    def warmup_steps(self) -> int:
        """The optimizer's step from which all numbers are constant.

        It is 0 without a schedule; for `schedules.Cyclical`, see there.

        Raises:
            ValueError: if a number is a function without an attribute `warmup_steps`.
        """
        values = {name: getattr(self, name) for name in numbers_of(type(self))}
        schedules = {name: value for name, value in values.items() if callable(value)}
        for name, value in schedules.items():
            if not hasattr(value, "warmup_steps"):
                raise ValueError(
                    "`warmup_steps` must be given, in optimizer steps, for a model "
                    f"whose `{name}` is a function without that attribute; the "
                    "schedules of `components.schedules` have it. Received: "
                    f"warmup_steps=None, {name}={value!r}"
                )
        return max((value.warmup_steps for value in schedules.values()), default=0)

    def get_config(self) -> Config:
        """The constructor's arguments, with the present numbers."""
        serialize = keras.saving.serialize_keras_object
        numbers = {
            name: serialize(getattr(self, name)) for name in numbers_of(type(self))
        }
        return {**super().get_config(), **numbers}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The objective with these constructor arguments."""
        deserialize = keras.saving.deserialize_keras_object
        return cls(**{key: deserialize(value) for key, value in config.items()})


def build_objective(objective: Objective, model: VAE) -> None:
    """Builds `objective` for `model`, whose components are built."""
    with model.distribute_strategy.scope():
        for number in numbers_of(type(objective)).values():
            number.make_variable(objective)
        with keras.name_scope(objective.name):
            objective.build(model)
    objective.built = True
    # The model owns its objective; a strong reference back would make a cycle.
    objective.__dict__["_model"] = weakref.ref(model)
