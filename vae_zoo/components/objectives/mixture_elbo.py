"""The bound of a model with clusters, which also learns from labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import keras
import tensorflow as tf

from vae_zoo.components.objectives.number import Number
from vae_zoo.components.objectives.objective import Objective
from vae_zoo.components.schedules import ScheduleLike
from vae_zoo.tensors import LayerOptions

if TYPE_CHECKING:
    from vae_zoo.fitting.step import Step
    from vae_zoo.fitting.training_data import TrainingData
    from vae_zoo.models.vae import VAE


@keras.saving.register_keras_serializable("vae_zoo")
class MixtureElbo(Objective):
    """-log p(x|z) + beta KL; for a labelled example, minus the bound on log p(x, y).

    The latter is the bound on log p(x) plus log p(c = y|z), since the cluster is known.
    Labels count once the clusters have started; before that all clusters are alike.

    Args:
        beta: weight of all divergences, >= 0; a number or a schedule.
        free_bits: lambda, nats of KL(p(c|z) || p(c)) that are free, as the mean over a
            batch by its sample weights, >= 0; a number or a schedule.
        classifier_weight: weight of -log p(c = y|z) of a labelled example, added to the
            bound, >= 0; a number or a schedule.
        name: the layer's name.
        **kwargs: what every Keras layer takes.

    Raises:
        ValueError: if a number is negative, or the model's prior is no mixture.

    Source: Dilokthanakul et al. 2016, equation 5; labels: Kingma et al. 2014, section
    3.1.2.
    """

    beta = Number()
    free_bits = Number()
    classifier_weight = Number()

    def __init__(
        self,
        *,
        beta: float | ScheduleLike = 1.0,
        free_bits: float | ScheduleLike = 0.0,
        classifier_weight: float | ScheduleLike = 0.0,
        name: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.beta, self.free_bits = beta, free_bits
        self.classifier_weight = classifier_weight

    def build(self, model: VAE) -> None:
        """Reads the number of classes, one for each cluster, from the prior."""
        prior = model.prior_layer
        if prior.num_components is None:
            raise ValueError(
                "`objective` must be one for any prior, such as objectives.Elbo(), "
                "unless `prior` is a mixture. Received: objective=MixtureElbo, "
                f"prior={type(prior).__name__}"
            )
        self.num_classes = prior.num_components

    def loss(self, step: Step) -> tf.Tensor:
        """See `Objective`."""
        # The step's mixture is reused: another one would compute its gradient twice.
        mixture = step.conditionals["z"]
        log_p = mixture.log_probabilities(step.draw.z["z"])  # log p(c|z), [1, B, C]
        kl_c = tf.exp(log_p) * (log_p - mixture.log_weights())
        kl_c = tf.reduce_sum(kl_c, axis=-1)[0]
        is_known = step.is_known & (step.model.prior_layer.is_initialized > 0)
        log_p_y = 0.0
        if step.y is not None:
            log_p_y = tf.gather(log_p[0], tf.maximum(step.y, 0), axis=1, batch_dims=1)
        free_bits = self.number("free_bits", step.iteration)
        missing_bits = free_bits - step.mean(kl_c, ~is_known)
        kl = step.terms["kl"] + tf.where(is_known, -log_p_y, tf.nn.relu(missing_bits))
        classifier_loss = tf.where(is_known, -log_p_y, 0.0)
        return (
            self.number("beta", step.iteration) * kl
            - step.terms["log_likelihood"]
            + self.number("classifier_weight", step.iteration) * classifier_loss
        )

    def check_training_data(self, data: TrainingData) -> None:
        """Raises ValueError if there is a classifier weight but no label."""
        if self.classifier_weight:
            data.check_any_label_is_known()
