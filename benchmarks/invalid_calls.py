"""How many invalid calls of the public functions end in an error that helps.

    python benchmarks/invalid_calls.py --calls 2000 --seed 0

Draws functions, constructors and methods from the public modules, and calls each with
valid arguments but one, which is drawn from values that its kind cannot have ("3" for a
count, NaN for a number, a class for an object, …). A call ends

- clear: with a ValueError or TypeError that has the argument's name in backquotes and
  what was received;
- unclear: with any other exception;
- silent: without one, the worst of the three.

Prints the shares, and each unclear and silent call once. The goal is 95% clear and none
silent.
"""

import argparse
import collections
import contextlib
import dataclasses
import functools
import inspect
import io
import math
import os
import random
import tempfile
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

import vae_zoo
from vae_zoo import (
    arguments,
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
    sample impute interpolate traverse save_to_preset from_preset compile
    """.split()  # noqa: SIM905
)
# Results, which users read and do not make; what only subclasses call.
NOT_CALLED = frozenset(
    """
    BidirectionalEstimate ClusteringScores DisentanglementScores Estimate
    LatentUsage Head Prior Likelihood Schedule ClusterInitializer Product
    Marginal MixtureOfNormals DEFAULT ValueRule
    """.split()  # noqa: SIM905
)

DATA = ("data", "reference", "start", "end")
NAN, INFINITY = math.nan, math.inf
NOT_NUMBERS = ["3", int, [1, 2], {}, object(), 1j, NAN, INFINITY]
NOT_ARRAYS = [
    "digits",
    {},
    object(),
    np.array([["a", "b"]]),
    np.full((4, 6, 5, 1), NAN),
    np.zeros((4, 7)),
    np.zeros((4, 6, 5, 1)) * 1j,
    [[0, 1], [0]],
]
INVALID = {
    "count": [*NOT_NUMBERS, 2.5, -1, 0, True],
    "whole": [*NOT_NUMBERS, 2.5, -1, True],
    "integer": [*NOT_NUMBERS, 2.5, True],
    "index": [*NOT_NUMBERS, 2.5, -1, 99, True],
    "number": NOT_NUMBERS,
    "positive": [*NOT_NUMBERS, -1.0, 0.0],
    "amount": [*NOT_NUMBERS, -1.0],
    "share": [*NOT_NUMBERS, -0.1, 1.5],
    "weight": [*NOT_NUMBERS[:-3], -1.0, NAN, INFINITY],
    "seed": ["3", 2.5, NAN, int, [1, 2, 3], np.zeros((3, 3), "int32"), object()],
    "flag": ["yes", 2, [], object()],
    "array": NOT_ARRAYS,
    "data": NOT_ARRAYS,
    # Whatever it is, but for its length.
    "later": [],
    "ignored": [3, np.zeros(3)],
    "images": ["digits", {}, object(), np.zeros(3), np.array([["a"]]), 3],
    "latents": ["z", {}, object(), np.zeros((4, 7)), np.zeros(2), [[0], [0, 1]]],
    "model": ["vae_mnist", vae_zoo.VAE, keras.Sequential(), object(), 3],
    "layer": ["mlp", networks.MLP, len, 3, object(), {}],
    "component": ["normal", posteriors.DiagonalNormal, len, 3, object(), {}],
    "shape": ["8", 8, (), (0, 3), (2.5, 3), ("3",), (1, 2, 3, 4), [None]],
    "sizes": [8, "8", (0,), (2.5,), ("3",), (True,), NAN, (-1,)],
    "choice": ["nonsense", 3, object(), []],
    "path": [3, object(), [], ""],
    "text": [3, object(), ["a"]],
    "concentration": ["3", NAN, INFINITY, -1.0, object()],
    "direction": ["x", np.full((3,), NAN), object(), {}],
    "sums": ["3", -1.0, 99.0, 1.5, NAN],
    "dict": ["a", 3, [1], object()],
    "objects": ["csv", [3], len, object()],
    "split": [3, "train[", "nine", "", object()],
}
# Which kind an argument is, by its name; of one function alone as "function.name".
KINDS = {
    "num_samples num_steps num_chains num_examples num_components num_restarts "
    "noise_dim latent_dim every num_images columns max_batch_size cpus memory_gib "
    "min_replicas max_replicas num_importance_samples num_imputation_steps version "
    "keep steps_per_epoch batch_size kernel_size num_blocks max_examples dimension "
    "epochs steps labels_per_class num_clusters validation_steps validation_batch_size "
    "steps_per_execution": "count",
    "fit.epochs first_epoch initial_epoch patience warmup_steps num_epochs": "whole",
    "cluster traverse.dimension": "index",
    "seed": "seed",
    "with_few_labels.seed TensorBoardPictures.seed load.seed VAE.seed "
    "BetaVAE.seed Distorted.seed": "integer",
    "per_element per_channel full_covariance normalized labels shuffle is_writer "
    "training on_sphere draw restore_best_weights": "flag",
    "rotation shear zoom translation elastic": "amount",
    "min_scale scale perplexity": "positive",
    "prior_share dropout_rate decoder_dropout_rate ramp validation_split": "share",
    "amount": "number",
    "denoise.noise": "share",
    "beta capacity free_bits classifier_weight": "weight",
    "start stop min_concentration seconds_between warmup_epochs": "amount",
    "x y data.x": "array",
    "interpolate.start interpolate.end z": "latents",
    "analogy.start analogy.end": "array",
    "data reference": "data",
    "model": "model",
    "encoder decoder cluster_network network": "layer",
    "open_held_out.validation_split": "text",
    # Keras' own arguments, and data that are checked when the model is known.
    "EarlyStoppingAfterWarmup.monitor EarlyStoppingAfterWarmup.verbose "
    "EarlyStoppingAfterWarmup.mode EarlyStoppingAfterWarmup.patience "
    "EarlyStoppingAfterWarmup.min_delta EarlyStoppingAfterWarmup.baseline "
    "EarlyStoppingAfterWarmup.restore_best_weights TensorBoardPictures.x": "later",
    "evaluate.y train_on_batch.y test_on_batch.y fit.y": "ignored",
    "posterior prior likelihood noise_posterior": "component",
    "input_shape": "shape",
    "hidden_units filters sizes": "sizes",
    "activation binarize monitor mode upsampling": "choice",
    "name_or_path directory folder output folders log_dir path": "path",
    "images originals reconstructed completed": "images",
    "latents": "images",
    "concentration": "concentration",
    "mean_direction": "direction",
    "total": "sums",
    "class_weight metadata": "dict",
    "callbacks loss metrics optimizer": "objects",
    "split": "split",
    "verbose": "choice",
    "sample_weight": "array",
    "return_dict": "flag",
    "num_parts": "count",
    "num_classes": "count",
    "initialization": "component",
    "name": "text",
    "image load.name data_dir sha256": "text",
}


@dataclasses.dataclass(frozen=True)
class Call:
    """One function with valid arguments, and an invalid value for one of them."""

    name: str
    function: object
    valid: dict
    argument: str
    value: object

    def outcome(self):
        """ "clear", "unclear" or "silent", and what happened."""
        given = {**self.valid, self.argument: self.value}
        try:
            with _quiet():
                self.function(**given)
        except (ValueError, TypeError) as error:
            message = " ".join(str(error).split())
            # What is wrong with a data set's batches is wrong with their x.
            names = (self.argument, "x") if self.argument in DATA else (self.argument,)
            is_clear = "eceived" in message and any(f"`{n}" in message for n in names)
            return ("clear" if is_clear else "unclear"), _short(error)
        except Exception as error:
            return "unclear", _short(error)
        return "silent", "no error"

    def __str__(self):
        return f"{self.name}({self.argument}={arguments.shown(self.value)})"


def _short(error):
    return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"


@contextlib.contextmanager
def _quiet():
    nowhere = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(nowhere):
        warnings.simplefilter("ignore")
        with contextlib.redirect_stderr(nowhere):
            yield


def kind_of(function, argument):
    """The kind of an argument, or None if the table has none for it."""
    for names, kind in KINDS.items():
        if f"{function}.{argument}" in names.split():
            return kind
    for names, kind in KINDS.items():
        if argument in names.split():
            return kind
    return None


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


def all_calls():
    """Every call with one invalid argument; and the arguments that no kind covers."""
    calls, uncovered = [], []
    for place, function in public_functions().items():
        name = place.rpartition(".")[2]
        parameters = inspect.signature(function).parameters.values()
        named = [
            each
            for each in parameters
            if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)
        ]
        named = [each for each in named if each.name != "self"]
        candidates = valid_arguments(name)
        required = [each.name for each in named if each.default is each.empty]
        if missing := set(required) - candidates.keys():
            uncovered += [f"{place}({each})" for each in sorted(missing)]
            continue
        valid = {each: candidates[each] for each in required}
        if name in ("fit", "evaluate"):
            valid |= {"x": candidates["x"], "verbose": 0}
        for parameter in named:
            kind = kind_of(name, parameter.name)
            if kind is None:
                uncovered.append(f"{place}({parameter.name})")
                continue
            values = list(INVALID[kind])
            if parameter.default is parameter.empty:
                values.append(None)
            calls += [
                Call(place, function, valid, parameter.name, value) for value in values
            ]
    return calls, uncovered


def main():
    """Prints the shares of the three outcomes, and what is not clear."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, help="how many to draw (default: all)")
    parser.add_argument("--seed", type=int, default=0, help="fixes which")
    parser.add_argument("--only", help="functions with this in their name alone")
    options = parser.parse_args()
    calls, uncovered = all_calls()
    if options.only:
        calls = [call for call in calls if options.only in call.name]
    random.Random(options.seed).shuffle(calls)
    counts = collections.Counter()
    for call in calls[: options.calls]:
        outcome, found = call.outcome()
        counts[outcome] += 1
        if outcome != "clear":
            print(f"{outcome}: {call}: {found}", flush=True)
    total = sum(counts.values())
    print(f"no kind for: {', '.join(uncovered) or 'none'}")
    shares = [
        f"{counts[outcome]} {outcome} ({counts[outcome] / total:.1%})"
        for outcome in ("clear", "unclear", "silent")
    ]
    print(f"{total} calls: {', '.join(shares)}")


if __name__ == "__main__":
    main()
