"""The steps of training and validation, and the metrics that they update."""

import keras
import tensorflow as tf

from vae_zoo.components import replicas
from vae_zoo.components.keras_private import is_under_strategy, loss_metric
from vae_zoo.fitting.inputs import Batch
from vae_zoo.fitting.labels import labels_or_none
from vae_zoo.fitting.step import Step, inputs_of_batch, loss_of
from vae_zoo.tensors import ModelInput, TensorLike


def loss_by_hand(
    model: keras.Model,
    x: ModelInput,
    y: TensorLike | None,
    sample_weight: TensorLike | None,
    training: bool,
) -> tf.Tensor:
    """See `Adapter.compute_loss`."""
    door = model.door()
    checked = door.arrays if tf.executing_eagerly() else door.in_graph
    x, y, weights = tf.nest.map_structure(
        lambda part: None if part is None else tf.convert_to_tensor(part),
        checked(x, y, sample_weight),
    )
    step = Step(model, inputs_of_batch(x), y, weights, training=training)
    loss, _ = loss_of(step)
    if training:
        model.learn(step)
    return loss


def train_step(
    model: keras.Model, data: Batch | tuple[Batch, ...]
) -> dict[str, tf.Tensor]:
    """One step of the optimizer; returns the metrics so far."""
    step = _step(model, data, training=True)
    with tf.GradientTape() as tape:
        loss, losses = loss_of(step)
        loss = model.optimizer.scale_loss(loss)
    if variables := model.trainable_weights:
        gradients = tape.gradient(loss, variables)
        with replicas.no_sum_over_one_replica(model.optimizer):
            model.optimizer.apply_gradients(zip(gradients, variables, strict=True))
    model.learn(step)
    return _updated_metrics(model, step, losses + sum(model.losses))


def test_step(
    model: keras.Model, data: Batch | tuple[Batch, ...]
) -> dict[str, tf.Tensor]:
    """The metrics so far, at beta = 1."""
    step = _step(model, data, training=False)
    return _updated_metrics(model, step, -step.elbo)


def _step(model: keras.Model, data: Batch | tuple[Batch, ...], training: bool) -> Step:
    x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
    y = labels_or_none(y)
    if is_under_strategy(model):
        # What a strategy has distributed cannot be checked on its way here.
        x, y, weights = model.door().in_graph(x, y, weights)
    return Step(model, inputs_of_batch(x), y, weights, training=training)


def _updated_metrics(
    model: keras.Model, step: Step, losses: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Updates the means of the bound and its terms, sum(w v) / sum(w)."""
    loss_metric(model).update_state(losses, step.sample_weight)
    for tracker in model.trackers:
        tracker.update_state(step.outputs[tracker.name], step.sample_weight)
    for metric in model.further_metrics:
        metric.update_state(step.outputs, step.y, step.sample_weight)
    results = model.get_metrics_result()
    if step.y is None:
        for metric in _metrics_of_labels(model):
            results.pop(metric.name, None)
    return results


def _metrics_of_labels(model: keras.Model) -> list[keras.metrics.Metric]:
    further = model.further_metrics
    return [each for each in further if getattr(each, "needs_labels", False)]


def metrics_to_show(
    model: keras.Model, results: dict[str, tf.Tensor]
) -> dict[str, tf.Tensor]:
    """See `Adapter.get_metrics_result`; `results` are those of Keras."""
    if tf.executing_eagerly():
        for metric in _metrics_of_labels(model):
            if metric.count == 0:
                results.pop(metric.name, None)
    if replicas.context() is None:
        return results
    return {name: tf.reshape(value, [1]) for name, value in results.items()}
