"""Posteriors q(z|x) by an inverse autoregressive flow."""

from typing import Unpack

import keras
import tensorflow as tf

from vae_zoo.arguments import Config, check_count
from vae_zoo.components.heads import bounded, built_projection
from vae_zoo.components.made import MADE
from vae_zoo.components.network import check_sizes
from vae_zoo.components.posteriors.flow import FlowPosterior
from vae_zoo.tensors import BatchShape, LayerOptions


@keras.saving.register_keras_serializable("vae_zoo")
class InverseAutoregressiveFlow(FlowPosterior):
    """q(z|x) by steps z -> z exp(s(z, x)) + m(z, x) with autoregressive s and m.

    Element i of s and m depends on x and on the elements of z before i; every second
    step reverses the order. s lies between -3 and 3.

    Args:
        num_flows: steps of the flow, >= 1.
        hidden_units: units of each hidden layer of a step's network, a `MADE`.
        name: the layer's name.
        **kwargs: what every Keras layer takes.

    Raises:
        ValueError: if a size is not a positive integer.

    Source: Kingma et al. 2016, algorithm 1 (with z exp(s) + m, equation 10, where the
    publication's experiments have a gate).
    """

    def __init__(
        self,
        num_flows: int = 2,
        hidden_units: tuple[int, ...] = (320,),
        *,
        name: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.num_flows = check_count("num_flows", num_flows, 1, "the steps")
        self.hidden_units = check_sizes("hidden_units", hidden_units, 1)

    def build_flow(self, features_shape: BatchShape, size: int) -> None:
        """See `FlowPosterior`."""
        context_shape = (None, self.hidden_units[0])
        self.context = built_projection(features_shape, context_shape[1:], "context")
        self.steps = []
        for number in range(self.num_flows):
            step = MADE(
                self.hidden_units,
                2,
                is_reversed=number % 2 == 1,
                dtype="float32",
                name=f"step_{number}",
            )
            step.build((None, size), context_shape)
            self.steps.append(step)

    def flow_parameters(self, features: tf.Tensor) -> dict[str, tf.Tensor]:
        """`context` [B, C]."""
        return {"context": self.context(features)}

    def flow(self, z: tf.Tensor, context: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See `FlowPosterior`."""
        log_det = tf.zeros_like(z[..., 0])
        for step in self.steps:
            shift, raw = step(z, context=context)
            log_scale = bounded(raw)
            z = z * tf.exp(log_scale) + shift
            log_det += tf.reduce_sum(log_scale, axis=-1)
        return z, log_det

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "num_flows": self.num_flows,
            "hidden_units": self.hidden_units,
        }
