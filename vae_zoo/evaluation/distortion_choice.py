"""Finds distortions that help a mixture model with the classes of images."""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, get_args

import keras
import tensorflow as tf

from vae_zoo.arguments import check_choice, check_count, check_instance, shown
from vae_zoo.components.distortions import CANDIDATES, Distorted
from vae_zoo.evaluation.clustering import (
    ClusteringScores,
    probabilities_and_labels,
    score_clusters,
)
from vae_zoo.evaluation.estimate import Data
from vae_zoo.models.vae import VAE
from vae_zoo.tensors import TensorLike

AMOUNTS = {*CANDIDATES["strong"], "elastic"}
Measure: TypeAlias = Literal[
    "hungarian_accuracy",
    "majority_accuracy",
    "most_confident_accuracy",
    "label_accuracy",
    "normalized_mutual_information",
    "adjusted_rand_index",
]


def compare_distortions(
    model: VAE,
    x: Data | keras.utils.PyDataset,
    y: TensorLike | None = None,
    *,
    validation: tf.data.Dataset,
    epochs: int,
    candidates: Mapping[str, Mapping[str, float]] = CANDIDATES,
    measure: Measure | None = None,
    batch_size: int | None = None,
    verbose: int = 0,
) -> dict[str, ClusteringScores]:
    """Trains a model once with each of a few distortions, and scores the clusters.

    Part of the data and fewer epochs are enough to choose. The amounts chosen then go
    to `components.distortions.Distorted`, or to the options of `vae-zoo train`. `model`
    itself does not change.

    Args:
        model: an untrained mixture model of images, compiled. Each training starts from
            its weights and wraps its encoder in another distortion.
        x: the training data, as in `fit`.
        y: labels of arrays, as in `fit`, or None.
        validation: a `tf.data.Dataset` of other examples and their labels, -1 if
            unknown; a few hundred labels are enough. Do not use the test data.
        epochs: epochs of each training, more than those before the clusters start.
        candidates: name -> arguments of `Distorted`.
        measure: the one of `ClusteringScores` that decides; by default `label_accuracy`
            with `y`, else `hungarian_accuracy`.
        batch_size: of arrays, as in `fit`.
        verbose: as in `fit`.

    Returns:
        Dict name -> `ClusteringScores` of the validation data, the best first.

    Raises:
        ValueError: if `model` is no compiled mixture model, an argument is not as
            above, or `validation` has no labels.
    """
    _check(model, candidates)
    check_count("epochs", epochs, 1, "of each training")
    # Checked before the first training, which takes long.
    spec = getattr(validation, "element_spec", None)
    if not isinstance(validation, tf.data.Dataset) or not isinstance(spec, tuple):
        raise ValueError(
            "`validation` must be a tf.data.Dataset of examples and their labels. "
            f"Received: {shown(validation)}"
        )
    default: Measure = "hungarian_accuracy" if y is None else "label_accuracy"
    chosen = default if measure is None else measure
    check_choice("measure", chosen, get_args(Measure))
    scores = {}
    for name, amounts in candidates.items():
        candidate = _with_distortions(model, amounts)
        candidate.fit(x, y, batch_size=batch_size, epochs=epochs, verbose=verbose)
        scores[name] = score_clusters(*probabilities_and_labels(candidate, validation))
    best_first = sorted(scores, key=lambda name: -getattr(scores[name], chosen))
    return {name: scores[name] for name in best_first}


def _check(model: VAE, candidates: Mapping[str, Mapping[str, float]]) -> None:
    check_instance(
        "model",
        model,
        keras.Model,
        "a mixture model, such as a compiled GaussianMixtureVAE",
    )
    if not getattr(model, "num_clusters", None) or not model.compiled:
        raise ValueError(
            "`model` must be a compiled model with clusters. Received: "
            f"{type(model).__name__}, compiled={model.compiled}"
        )
    check_instance("candidates", candidates, dict, "a dict of names and amounts")
    for name, amounts in candidates.items():
        if not isinstance(amounts, dict) or not set(amounts) <= AMOUNTS:
            raise ValueError(
                "`candidates` must be dicts of rotation, shear, zoom, translation and "
                f"elastic. Received: candidates[{name!r}]={shown(amounts)}"
            )


def _with_distortions(model: VAE, amounts: Mapping[str, Any]) -> VAE:
    """A compiled copy of `model` whose encoder sees distorted images."""
    encoder = model.encoder
    if isinstance(encoder, Distorted):
        encoder = encoder.network
    serialized = keras.saving.serialize_keras_object(encoder)
    if amounts:
        network = keras.saving.deserialize_keras_object(serialized)
        distorted = Distorted(network, seed=model.seed, **amounts)
        serialized = keras.saving.serialize_keras_object(distorted)
    copy = type(model).from_config({**model.get_config(), "encoder": serialized})
    copy.set_weights(model.get_weights())
    copy.compile_from_config(model.get_compile_config())
    return copy
