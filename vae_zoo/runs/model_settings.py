"""From the settings of a run, plain values, to its model and its optimizer."""

import functools

import keras
import numpy as np

from vae_zoo import models
from vae_zoo.components import (
    cluster_initializers,
    distortions,
    likelihoods,
    networks,
    optimizers,
    posteriors,
    schedules,
)
from vae_zoo.zoo.catalogue import MODELS

NETWORKS = {"mlp": networks.MLP, "conv": networks.Conv, "resnet": networks.ResNet}
POSTERIORS = {
    "diagonal-normal": posteriors.DiagonalNormal,
    "full-covariance-normal": posteriors.FullCovarianceNormal,
    "von-mises-fisher": posteriors.VonMisesFisher,
    "power-spherical": posteriors.PowerSpherical,
}
LIKELIHOODS = {
    "bernoulli": likelihoods.Bernoulli,
    "continuous-bernoulli": likelihoods.ContinuousBernoulli,
    "normal": likelihoods.Normal,
    "normal-per-channel": functools.partial(likelihoods.Normal, per_channel=True),
    "normal-per-element": functools.partial(likelihoods.Normal, per_element=True),
}
INITIALIZATIONS = {
    "gaussian-mixture": cluster_initializers.GaussianMixture,
    "k-means": cluster_initializers.KMeans,
    "neighbor-embedding": cluster_initializers.NeighborEmbedding,
}
DISTORTIONS = ("rotation", "shear", "zoom", "translation", "elastic")


def build_model(settings, input_shape, steps_per_epoch):
    """The model, not compiled, that the settings of a run describe."""
    return getattr(models, MODELS[settings["model"]].class_name)(
        input_shape,
        settings["latent_dim"],
        encoder=_encoder(settings),
        posterior=POSTERIORS[settings["posterior"]](),
        likelihood=LIKELIHOODS[settings["likelihood"]](),
        seed=settings["seed"],
        **_weights(settings, steps_per_epoch),
        **_clusters(settings),
    )


def _encoder(settings):
    sizes = {"hidden_units": settings["hidden_units"]}
    if settings["network"] != "mlp":
        sizes["filters"] = settings["filters"]
    if settings["network"] == "resnet":
        sizes["num_blocks"] = settings["num_blocks"]
    _check_activation(settings["activation"])
    network = NETWORKS[settings["network"]](
        activation=settings["activation"],
        dropout_rate=settings["dropout_rate"],
        decoder_dropout_rate=settings["decoder_dropout_rate"],
        dtype=settings["dtype_policy"],
        **sizes,
    )
    amounts = {name: settings[name] for name in DISTORTIONS if settings[name]}
    if not amounts:
        return network
    return distortions.Distorted(network, seed=settings["seed"], **amounts)


def _check_activation(name):
    try:
        # Some, such as "glu", make another shape, which layers cannot go on with.
        is_right = keras.activations.get(name)(np.zeros((1, 2))).shape == (1, 2)
    except (ValueError, TypeError):
        is_right = False
    if not is_right:
        raise ValueError(
            "`activation` must be the name of one of Keras' activations, such as "
            f"'relu' or 'silu', that keeps the shape. Received: activation={name!r}"
        )


def _clusters(settings):
    """The arguments of a model with clusters."""
    if not MODELS[settings["model"]].has_clusters:
        return {}
    method = INITIALIZATIONS.get(settings["initialization"])
    return {
        "num_clusters": settings["num_clusters"],
        "noise_dim": settings["noise_dim"],
        "initialization": method and method(settings["pretraining_epochs"]),
        "free_bits": settings["free_bits"],
        "classifier_weight": settings["classifier_weight"],
    }


def _weights(settings, steps_per_epoch):
    """The arguments that weigh the KL term, of the models that have them."""

    def warmed_up(value):
        num_steps = round(settings["warmup_epochs"] * steps_per_epoch)
        if value is None or not num_steps:
            return value
        return schedules.Linear(0.0, value, num_steps)

    weights = MODELS[settings["model"]].weights
    arguments = {}
    capacity = settings.get("capacity")
    if "beta" in weights:
        # With a capacity it is the capacity that grows; beta is then gamma.
        beta = settings["beta"]
        arguments["beta"] = warmed_up(beta) if capacity is None else beta
    if "capacity" in weights:
        arguments["capacity"] = warmed_up(capacity)
        arguments["normalized"] = settings["normalized"]
    return arguments


def build_optimizer(settings, steps_per_epoch):
    """Adam with the learning rate, its schedule and the decay of a run."""
    rate = settings["learning_rate"]
    if settings["cosine_decay"]:
        num_steps = settings["epochs"] * steps_per_epoch
        rate = keras.optimizers.schedules.CosineDecay(rate, num_steps)
    momentum = settings["ema_momentum"]
    decay = settings["weight_decay"] or None
    if not momentum:
        return keras.optimizers.Adam(rate, weight_decay=decay)
    return optimizers.AveragedAdam(rate, ema_momentum=momentum, weight_decay=decay)
