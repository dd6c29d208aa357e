"""A prior p(z) made of the model's own posteriors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Unpack

import keras
import numpy as np
import tensorflow as tf

from vae_zoo.arguments import Config, check_choice, check_count
from vae_zoo.components.priors.prior import Prior
from vae_zoo.components.priors.pseudo_inputs import StartPseudoInputs, Within
from vae_zoo.distributions.mixture import Mixture
from vae_zoo.tensors import LayerOptions

if TYPE_CHECKING:
    from vae_zoo.components.posteriors.posterior import Posterior
    from vae_zoo.fitting.training_data import TrainingData
    from vae_zoo.models.vae import VAE


@keras.saving.register_keras_serializable("vae_zoo")
class VampPrior(Prior):
    """p(z) = 1/K sum_k q(z|u_k), with learned pseudo-inputs u_k in the data's range.

    It is a distribution on the same space as the model's posterior.

    Args:
        num_pseudo_inputs: K, >= 1, at most the number of examples when they start from
            data.
        start_from: initial pseudo-inputs, training examples ("data") or noise
            ("random").
        name: the layer's name.
        **kwargs: what every Keras layer takes.

    Raises:
        ValueError: if `num_pseudo_inputs` is no integer >= 1, `start_from` is neither
            of the two, the model depends on a condition, or its posterior has no
            density at given points, as flows have none.

    Source: Tomczak & Welling 2018, section 2.
    """

    geometry = None

    def __init__(
        self,
        num_pseudo_inputs: int = 500,
        start_from: Literal["data", "random"] = "data",
        *,
        name: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.num_pseudo_inputs = check_count(
            "num_pseudo_inputs", num_pseudo_inputs, 1, "the parts of the prior"
        )
        self.start_from = check_choice("start_from", start_from, ("data", "random"))

    def build_for(self, model: VAE) -> None:
        """Creates the pseudo-inputs, of the shape of the data."""
        _head(model).check_density("a VampPrior, the mean of q(z|u) over inputs u")
        if [*model.input_rules()] != ["x"]:
            raise ValueError(
                "`prior` must be one that depends on no input of a model with more "
                f"inputs than x, {', '.join(model.input_rules())}. Received: "
                f"prior={type(self).__name__}"
            )
        low, high = model.likelihood_head.support
        is_bounded = np.isfinite([low, high]).all()
        self.pseudo_inputs = self.add_weight(
            shape=(self.num_pseudo_inputs, *model.input_shape),
            initializer=keras.initializers.RandomUniform(low, high)
            if is_bounded
            else "random_normal",
            constraint=Within(low, high),
            autocast=False,
            name="pseudo_inputs",
        )
        self.is_started = self.add_weight(
            shape=(),
            initializer="zeros" if self.start_from == "data" else "ones",
            trainable=False,
            autocast=False,
            name="is_started",
        )

    def distribution(self, model: VAE) -> Mixture:
        """`distributions.Mixture`, batch [], event [D]."""
        # An average of weights may be off the bounds by as much as one step.
        inputs = self.pseudo_inputs.constraint(self.pseudo_inputs.value)
        features = model.features_of_top(model.features(inputs))
        head = _head(model)
        logits = tf.zeros(self.num_pseudo_inputs)
        return Mixture(logits, head.distribution, **head(features))

    @property
    def awaits_data(self) -> bool:
        """Whether the pseudo-inputs still have to be set to examples."""
        return not self.is_started.numpy()

    def start(self, model: VAE, data: TrainingData) -> list[keras.callbacks.Callback]:
        """`StartPseudoInputs`, if they still have to start."""
        if not self.awaits_data:
            return []
        if data.is_read_once:
            raise ValueError(
                "`x` must be arrays, a tf.data.Dataset or a PyDataset while the "
                "pseudo-inputs of the prior await data, which are read twice. "
                "Received: a generator"
            )
        return [StartPseudoInputs(data)]

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "num_pseudo_inputs": self.num_pseudo_inputs,
            "start_from": self.start_from,
        }


def _head(model: VAE) -> Posterior:
    """The posterior of the latent that the prior is of."""
    return model.posterior_heads[model.top_latent]
