"""The public functions and methods, and valid values of their required arguments."""

import functools
import os
import tempfile

import numpy as np
import tensorflow as tf

import vae_zoo
from vae_zoo import (
    callbacks,
    datasets,
    distributions,
    evaluation,
    plotting,
    serving,
    tasks,
)
from vae_zoo.components import (
    cluster_initializers,
    distortions,
    likelihoods,
    networks,
    objectives,
    posteriors,
    priors,
    products,
    schedules,
)

MODULES = (
    vae_zoo,
    networks,
    posteriors,
    priors,
    likelihoods,
    objectives,
    products,
    schedules,
    distortions,
    cluster_initializers,
    distributions,
    evaluation,
    tasks,
    plotting,
    datasets,
    serving,
    callbacks,
)
METHODS = frozenset(
    """
    fit evaluate predict train_on_batch test_on_batch predict_on_batch posterior
    likelihood elbo_terms elbo log_marginal_likelihood encode decode reconstruct
    sample impute interpolate traverse save_to_preset from_preset compile features
    infer locations conditionals log_joint log_prior draw_prior prior compute_loss
    posterior_parameters signatures
    """.split()  # noqa: SIM905
)
# Results, which users read and do not make; what only subclasses call.
NOT_CALLED = frozenset(
    """
    BidirectionalEstimate ClusteringScores DisentanglementScores Estimate
    LatentUsage Head Prior Likelihood Schedule ClusterInitializer Product
    Marginal MixtureOfNormals DEFAULT ValueRule Posterior Objective
    """.split()  # noqa: SIM905
)


@functools.cache
def model():
    """A small trained-enough model that every call may use."""
    built = vae_zoo.VAE((6, 5, 1), 2, encoder=networks.MLP((4,)), seed=0)
    built.compile("adam", jit_compile=False)
    return built


@functools.cache
def mixture():
    """The same of a mixture."""
    return vae_zoo.GaussianMixtureVAE((6, 5, 1), 2, 3, encoder=networks.MLP((4,)))


@functools.cache
def scratch():
    """A folder for what calls write."""
    return tempfile.mkdtemp()


def valid_arguments(name):
    """Valid values of the required arguments, by name, for function `name`."""
    x = np.zeros((4, 6, 5, 1), "float32")
    x[:2] = 1.0
    z = np.zeros((4, 2), "float32")
    common = {
        "input_shape": (6, 5, 1),
        "latent_dim": 3,
        "num_components": 3,
        "num_clusters": 3,
        "noise_dim": 2,
        "hidden_units": (4,),
        "network": networks.MLP((4,)),
        "model": mixture() if name == "evaluate_clusters" else model(),
        "data": tf.data.Dataset.from_tensors((x, np.zeros(4, "int32"))),
        "x": x,
        "y": x,
        "z": z,
        "mask": np.ones_like(x),
        "start": x,
        "end": x,
        "num_samples": 2,
        "num_steps": 2,
        "num_examples": 2,
        "dimension": 1,
        "noise": 0.1,
        "directory": os.path.join(scratch(), "model"),
        "folder": scratch(),
        "log_dir": scratch(),
        "path": os.path.join(scratch(), "history.csv"),
        "output": os.path.join(scratch(), "serving"),
        "folders": [],
        "models": [],
        "name": "digits",
        "name_or_path": "vae_digits",
        "source": datasets.open_source("digits"),
        "labels_per_class": 2,
        "seed": 0,
        "steps_per_epoch": 2,
        "patience": 1,
        "images": x,
        "originals": x,
        "reconstructed": x,
        "completed": x,
        "latents": z,
        "mean_direction": np.array([1.0, 0.0, 0.0], "float32"),
        "concentration": 3.0,
        "logits": np.zeros(4, "float32"),
        "total": 2.0,
        "stop": 1.0,
        "dimensions": 3,
        "names": ["a", "b", "c", "d"],
        "epochs": 1,
    }
    if name in ("Linear", "Cosine", "Cyclical"):
        common |= {"start": 0.0, "num_steps": 5}
    if name in ("interpolate",):
        common |= {"start": z, "end": z}
    if name in ("ProductPosterior", "ProductPrior"):
        part = posteriors.DiagonalNormal
        part = part if name == "ProductPosterior" else priors.StandardNormal
        common |= {"factors": [part(), part()], "sizes": (1, 2)}
    if name == "super_resolve":
        small = vae_zoo.VAE((4, 4, 1), 2, encoder=networks.MLP((4,)))
        common |= {"model": small, "x": np.zeros((2, 2, 2, 1), "float32")}
    if name == "hamiltonian_marginal_likelihood":
        common["num_samples"] = 40
    if name == "imputations":
        common["completed"] = x[None]
    if name == "write_server_config":
        folder = os.path.join(scratch(), "served")
        if not os.path.exists(folder):
            vae_zoo.export(model(), folder, signatures=["encode"])
        common["models"] = serving.served_models([folder])
    if name in ("conditionals", "log_joint", "log_prior"):
        common |= {"z": {"z": z}, "inputs": x}
    if name in ("features", "infer", "locations", "draw_prior"):
        common |= {"inputs": x, "shape": [4]}
    if name in ("fit", "evaluate", "train_on_batch", "test_on_batch"):
        del common["y"], common["epochs"], common["steps_per_epoch"]
    return common


def public_functions():
    """Name -> function or class, of the public modules, and methods of a model."""
    found = {}
    for module in MODULES:
        home = module.__name__.rpartition(".")[2]
        for name in getattr(module, "__all__", vars(module)):
            value = getattr(module, name)
            place = getattr(value, "__module__", "")
            is_public = hasattr(module, "__all__") or place == module.__name__
            is_public = is_public and name[0] != "_" and name not in NOT_CALLED
            if callable(value) and is_public:
                found[f"{home}.{name}"] = value
    found |= {f"model.{name}": getattr(model(), name) for name in METHODS}
    found["model.sample"] = mixture().sample
    return found
