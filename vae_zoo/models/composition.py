"""Checks and builds the parts of a model, and the data that it takes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import keras
import tensorflow as tf

from vae_zoo.arguments import Config
from vae_zoo.components.foreign import build_network
from vae_zoo.components.heads import build_head
from vae_zoo.components.keras_private import untrack
from vae_zoo.components.likelihoods import Likelihood
from vae_zoo.components.objectives.objective import Objective, build_objective
from vae_zoo.components.parts import check_components, claim
from vae_zoo.components.posteriors import Posterior
from vae_zoo.components.priors.prior import Prior, build_prior
from vae_zoo.fitting.door import Door
from vae_zoo.fitting.examples import ExampleRule
from vae_zoo.fitting.inputs import Inputs, InputsLike, Parts, with_condition
from vae_zoo.fitting.labels import LabelRule
from vae_zoo.fitting.streams import Stream
from vae_zoo.fitting.training_data import TrainingData
from vae_zoo.models.input_checks import check_same_geometry
from vae_zoo.tensors import TensorLike

if TYPE_CHECKING:
    # Every model also is an `Adapter`.
    from vae_zoo.fitting.adapter import Adapter as _Base
    from vae_zoo.fitting.step import Step
else:
    _Base = object


class Composition(_Base):
    """A model made of parts, which determine what data it takes and how it trains.

    Attributes:
        input_shape: shape of one example, without the batch.
        latent_dim: length D of the vector that `decode` takes.
        encoder, decoder: the networks.
        posterior_head, prior_layer, likelihood_head, objective: the components.
    """

    # The constructor of a model sets these.
    input_shape: tuple[int, ...]
    latent_dim: int
    encoder: keras.Layer
    decoder: keras.Layer
    posterior_head: Posterior
    prior_layer: Prior
    likelihood_head: Likelihood
    decoded_latent: str
    _objective: Objective

    @property
    def objective(self) -> Objective:
        """What training minimizes: one of `components.objectives`."""
        return self._objective

    @objective.setter
    def objective(self, objective: Objective) -> None:
        if not self.built:
            # `_compose` checks and builds it with the other parts.
            self._objective = objective
            return
        check_components({"objective": objective})
        build_objective(objective, self)
        claim({"objective": objective})
        # Otherwise Keras would keep tracking the old one.
        untrack(self, self._objective)
        self._objective = objective
        objective.forget_traces()

    def _compose(self) -> None:
        """Makes the components parts of this model, after a check that they fit.

        Raises:
            ValueError: if one does not.
        """
        check_components(self.components())
        check_same_geometry(self.posterior_head, self.prior_layer)
        self.build_components()
        build_objective(self.objective, self)
        claim(self.components())

    def components(self) -> dict[str, keras.Layer]:
        """The layers that the model is made of, by the names of the arguments."""
        return {
            "encoder": self.encoder,
            "decoder": self.decoder,
            "posterior": self.posterior_head,
            "prior": self.prior_layer,
            "likelihood": self.likelihood_head,
            "objective": self.objective,
        }

    def build_components(self) -> None:
        """Creates all weights now, since loading restores only existing weights."""
        x_shape = (None, *self.input_shape)
        self._features_shape = build_network("encoder", self.encoder, x_shape)
        build_head(self.posterior_head, self._features_shape, (self.latent_dim,))
        z_shape = (None, *self.latent_shapes[self.decoded_latent])
        self._decoded_shape = build_network("decoder", self.decoder, z_shape)
        build_head(self.likelihood_head, self._decoded_shape, self.input_shape)
        if not self.prior_layer.built:
            self.prior_layer.build_for(self)
        build_prior(self.prior_layer, (self.latent_dim,))
        self._check_latents()
        self.built = True

    def _check_latents(self) -> None:
        """Raises ValueError unless each latent of the prior has a posterior."""
        known, needed = [*self.latent_shapes], [*self.prior_layer.latent_shapes]
        # A prior with a single latent is the prior of the top latent, whatever its
        # name.
        if len(needed) > 1 and sorted(known) != sorted(needed):
            raise ValueError(
                "`prior` must be one of the latents that this model has posteriors "
                f"of, {' and '.join(known)}. Received: "
                f"{type(self.prior_layer).__name__}, of {' and '.join(needed)}"
            )

    @property
    def elements_of_a_row(self) -> int:
        """The size of the decoder's output for one z, or of x if that is larger."""
        sizes = [size for size in self._decoded_shape[1:] if isinstance(size, int)]
        return max(math.prod(sizes), math.prod(self.input_shape))

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "input_shape": self.input_shape,
            "latent_dim": self.latent_dim,
            "encoder": serialized(self.encoder),
            "decoder": serialized(self.decoder),
            "posterior": serialized(self.posterior_head),
            "prior": serialized(self.prior_layer),
            "likelihood": serialized(self.likelihood_head),
            "objective": serialized(self.objective),
            "seed": self.seed,
        }

    @classmethod
    def from_config(
        cls, config: Config, custom_objects: Mapping[str, type] | None = None
    ) -> Self:
        """The model with these constructor arguments, untrained."""
        deserialize = keras.saving.deserialize_keras_object
        return cls(
            **{key: deserialize(value, custom_objects) for key, value in config.items()}
        )

    def get_layer(
        self, name: str | None = None, index: int | None = None
    ) -> keras.Layer:
        """As in Keras; finds "encoder" and "decoder" whatever the layers' own names."""
        if name in ("encoder", "decoder") and index is None:
            return getattr(self, name)
        return super().get_layer(name, index)

    # The data.

    def input_rules(self) -> dict[str, ExampleRule]:
        """The rule of each input, name -> `fitting.ExampleRule`; "x" is one of them."""
        rule = self.likelihood_head.value_rule()
        return {"x": ExampleRule(self.input_shape, rule)}

    def door(self) -> Door:
        """The `fitting.Door` that checks the model's data."""
        num_classes = self.objective.num_classes
        labels = None if num_classes is None else LabelRule(num_classes)
        return Door(self.input_rules(), labels)

    def as_inputs(self, x: InputsLike, condition: TensorLike | None = None) -> Inputs:
        """`x`, or a dict of inputs, as `Inputs` of checked tensors.

        Args:
            x: float [B, *input_shape], a dict of inputs, or `Inputs`.
            condition: of a conditional model, unless it is among the inputs.

        Raises:
            ValueError: if one does not fit, is missing or comes twice; of symbolic
                tensors only the shapes are checked.
        """
        door = self.door()
        if condition is not None:
            x = with_condition(x, condition, door.rules)
        return door.as_tensors(x)

    def given(
        self, condition: TensorLike | None, num_rows: int | None = None
    ) -> Inputs | None:
        """`Inputs` of a condition without x, or None if the model has no condition.

        Args:
            condition: [B, ...], or None.
            num_rows: the B expected, or None if it is not known.

        Raises:
            ValueError: if a condition is missing, not needed, or does not fit.
        """
        return self.door().condition_alone(condition, num_rows)

    def checked(self, data: Any) -> Any:
        """`data` with x checked and in float32; the rest is unchanged.

        Args:
            data: an array, a tuple (array, …) or a stream of batches of these.

        Raises:
            ValueError: if x does not fit. A `tf.data.Dataset` raises it when a bad
                batch is read, within `batch_checks.plain_value_errors`.
        """
        return self.door().examples_of(data)

    def checked_pairs(self, data: Stream) -> Stream:
        """A stream checked as in `fit` and `evaluate`."""
        return self.door().stream(data)

    # The training.

    @property
    def learns_from_labels(self) -> bool:
        """Whether the objective uses labels."""
        return self.objective.num_classes is not None

    @property
    def iteration(self) -> int | keras.Variable:
        """The optimizer's current step, an integer scalar; 0 without an optimizer."""
        optimizer = getattr(self, "optimizer", None)
        return 0 if optimizer is None else optimizer.iterations

    def warmup_steps(self) -> int:
        """The optimizer's step from which training is on the whole objective.

        Raises:
            ValueError: if a schedule of the objective does not tell when it ends.
        """
        return self.objective.warmup_steps()

    def make_metrics(self) -> list[keras.metrics.Metric]:
        """See `Adapter`: the metrics of the prior."""
        return self.prior_layer.make_metrics()

    def outputs_of_prior(self, step: Step) -> dict[str, tf.Tensor]:
        """The values of the prior's metrics, from a `fitting.Step`."""
        locations = self.locations(step.inputs, features=step.features)
        return self.prior_layer.outputs(step.draw.z, locations, step.conditionals)

    def learn(self, step: Step) -> None:
        """See `Adapter`: updates the likelihood's weights that have no gradient."""
        p = step.conditionals["x"]
        self.likelihood_head.learn(step.inputs.x, p, step.sample_weight)

    def check_training_data(
        self, data: Stream | Parts, num_batches: int | None = None
    ) -> None:
        """See `Adapter`: the checks of the objective."""
        self.objective.check_training_data(TrainingData.of(data, num_batches))

    def training_callbacks(
        self, data: Stream | Parts, num_batches: int | None = None
    ) -> list[keras.callbacks.Callback]:
        """See `Adapter`: the callbacks of the prior."""
        return self.prior_layer.start(self, TrainingData.of(data, num_batches))


def serialized(component: keras.Layer) -> Config:
    """The component's config, the same before and after saving to a file."""
    return json.loads(json.dumps(keras.saving.serialize_keras_object(component)))
