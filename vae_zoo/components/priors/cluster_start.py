"""How the clusters of a mixture prior start from data, in the course of training."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import keras
import numpy as np

from vae_zoo.components import replicas
from vae_zoo.components.cluster_initializers import DEFAULT
from vae_zoo.components.optimizers import restart_averages
from vae_zoo.components.priors.cluster_labels import groups_with_labels
from vae_zoo.components.priors.cluster_moments import (
    ROWS_PER_STEP,
    fit_to_codes,
    moments,
)
from vae_zoo.components.rows import num_rows, parts_of_rows

if TYPE_CHECKING:
    from vae_zoo.fitting.training_data import TrainingData


def callbacks(model: keras.Model, data: TrainingData) -> list[keras.callbacks.Callback]:
    """`StartClusters` for the model, if training on `data` needs it.

    Args:
        model: a model with a mixture prior.
        data: a `fitting.TrainingData`.

    Raises:
        ValueError: if its clusters await data, and `data` cannot be read twice.
    """
    if model.prior_layer.awaits_data:
        _check_can_be_read_again(data)
    elif not model.learns_from_labels:
        return []
    return [StartClusters(data)]


class StartClusters(keras.callbacks.Callback):
    """Starts the clusters of the model in the course of `fit`, if they await data.

    `fit` adds one for its own data, unless there is one already. At the end of a
    training with labels it fits the clusters once more to the codes of the examples
    (`cluster_moments.fit_to_codes`).

    Args:
        data: what `fit` trains on, a `fitting.TrainingData`.

    Raises:
        ValueError: if the clusters await data, and `data` cannot be read a second time.
    """

    def __init__(self, data: TrainingData) -> None:
        super().__init__()
        self.data = data
        self._has_warned = False

    def set_model(self, model: keras.Model) -> None:
        """Checks the data."""
        super().set_model(model)
        if model.prior_layer.awaits_data:
            _check_can_be_read_again(self.data)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Warns of a training that ends before the clusters have trained."""
        del logs
        prior, epochs = self.model.prior_layer, (self.params or {}).get("epochs")
        if prior.awaits_data and epochs and epochs <= prior.initialization.num_epochs:
            self._warn(f"epochs={epochs}")

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """After the epochs without clusters."""
        del logs
        prior = self.model.prior_layer
        if prior.awaits_data and epoch >= prior.initialization.num_epochs:
            start_clusters(self.model, self.data)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """The start at the latest, and the last fit to the codes."""
        del logs
        if self.model.prior_layer.awaits_data:
            if not self._has_warned:
                self._warn("a training that was stopped before")
            start_clusters(self.model, self.data)
        self.model.prior_layer.finish(self.model, self.data)

    def _warn(self, received: str) -> None:
        self._has_warned = True
        num_epochs = self.model.prior_layer.initialization.num_epochs
        warnings.warn(
            f"The clusters start after {num_epochs} epochs (`num_epochs` of the "
            "model's `initialization`, --pretraining-epochs on the command line), and "
            f"`epochs` should be higher. Received: {received}. They start at the end "
            "instead and stay untrained: cluster probabilities and samples of a "
            "cluster are those of groups that the decoder has not learned",
            stacklevel=2,
        )


def start_clusters(model: keras.Model, data: TrainingData) -> None:
    """Sets the clusters of a mixture prior to groups of encoded examples.

    With labels cluster k is class k, and labelled examples are in the cluster of their
    label; see `cluster_labels.groups_with_labels` for the others.

    Args:
        model: a model whose `prior_layer` is a mixture with an `initialization`.
        data: what it trains on, a `fitting.TrainingData`.

    Raises:
        ValueError: if there are fewer examples than clusters, or the model encodes
            them as NaN.
    """
    prior = model.prior_layer
    seed = int(model.as_seed(None)[0]) & 0x7FFFFFFF
    count = prior.initialization.max_examples
    inputs, y = data.some(count, seed, with_labels=model.learns_from_labels)
    size = num_rows(inputs)
    if size < prior.num_components:
        raise ValueError(
            f"`x` must have at least {prior.num_components} examples, one for each "
            f"cluster. Received: {size}"
        )
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    for part in parts_of_rows(inputs, ROWS_PER_STEP):
        features = model.features(part)
        draw = model.infer(part, features=features, seed=model.as_seed(None))
        codes_of_part = model.locations(part, features=features)["z"]
        parts.append((draw.z["z"][0].numpy(), codes_of_part.numpy()))
    draws, codes = (np.concatenate(each) for each in zip(*parts, strict=True))
    if y is not None and (y >= 0).all():
        groups = y
    else:
        groups = prior.initialization.group(codes, prior.num_components, seed)
        if y is not None:
            x = inputs["x"]
            groups = groups_with_labels(groups, codes, x, y, prior.num_components)
    found = moments(draws, groups, prior.num_components)
    prior.set_components(*replicas.of_the_first(model, found))
    restart_averages(model.optimizer, prior.trainable_variables)


def finish_clusters(model: keras.Model, data: TrainingData) -> None:
    """Fits the clusters to the codes of examples, if any of these has a label.

    Args:
        model: a model whose clusters have started.
        data: as in `start_clusters`; what can be read only once is left alone.
    """
    prior = model.prior_layer
    if not (model.learns_from_labels and prior.trainable) or data.is_read_once:
        return
    if not data.may_have_labels:
        return
    count = (prior.initialization or DEFAULT).max_examples
    inputs, y = data.some(count, 0, with_labels=True)
    if y is not None and (y >= 0).any():
        fit_to_codes(model, inputs, y)
        restart_averages(model.optimizer, prior.trainable_variables)


def _check_can_be_read_again(data: TrainingData) -> None:
    if data.is_read_once:
        raise ValueError(
            "`x` must be arrays, a tf.data.Dataset or a PyDataset while the "
            "clusters of the model await data, which are read twice. Received: a "
            "generator"
        )
