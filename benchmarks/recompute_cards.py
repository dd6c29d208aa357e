"""Recomputes the figures of the model cards, only from the SavedModels' signatures.

    python benchmarks/recompute_cards.py --data-dir DIR

This program does not import `vae_zoo`. A child process writes the test examples to a
file, and the measures are written here again, from the signatures' answers. For each
figure the program prints the card's value, its own value, and their difference in
standard errors of the card's.
"""

import argparse
import functools
import itertools
import json
import math
import pathlib
import shlex
import subprocess
import sys
import tempfile

import numpy as np
import tensorflow as tf
from scipy.optimize import linear_sum_assignment

SAVED_MODELS = pathlib.Path(__file__).resolve().parent.parent / "savedmodels"
BATCH_SIZE = 250
WRITE_EXAMPLES = """
import sys, numpy as np
from vae_zoo.datasets import open_source
name, split, binarize, data_dir, path, limit = sys.argv[1:]
source = open_source(name, split, data_dir=data_dir or None)
labels = bool(source.has_labels)
parts = list(
    source.first(int(limit)).batches(1000, binarize=binarize or None, labels=labels)
)
x, y = zip(*parts) if labels else (parts, [np.zeros(0)])
np.savez(path, x=np.concatenate(x), y=np.concatenate(y))
"""


def examples(command, data_dir, limit):
    """x and y of what an evaluation command looks at, written by a child process."""
    words = dict(itertools.pairwise(command))
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "examples.npz"
        subprocess.run(
            [
                *(sys.executable, "-c", WRITE_EXAMPLES),
                *(words["--dataset"], words.get("--split", "test")),
                *(words.get("--binarize", ""), data_dir or "", str(path), str(limit)),
            ],
            check=True,
        )
        with np.load(path) as file:
            return file["x"], file["y"], int(words.get("--num-samples", 100))


class Signatures:
    """The signatures of a SavedModel, for arrays of any length."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.loaded = tf.saved_model.load(self.folder)

    def __call__(self, name, output, inputs, seeds=None):
        """One output of one signature, batch by batch."""
        function, parts = self.loaded.signatures[name], []
        for start in range(0, len(inputs), BATCH_SIZE):
            rows = slice(start, start + BATCH_SIZE)
            arguments = {"inputs": tf.constant(inputs[rows])}
            if seeds is not None:
                arguments["seeds"] = tf.constant(seeds[rows])
            parts.append(function(**arguments)[output].numpy())
        return np.concatenate(parts)


def seeds_of(count, number):
    """Seeds int32 [count, 2], others for each number."""
    return np.stack([np.arange(count), np.full(count, number)], axis=1).astype("int32")


def log_marginal_likelihood(call, x, y, num_samples, per_call):
    """Mean of the log of the mean of as many importance weights."""
    del y
    count = math.ceil(num_samples / per_call)
    answers = [
        call("score", "log_marginal_likelihood", x, seeds_of(len(x), number))
        for number in range(count)
    ]
    return np.mean(np.logaddexp.reduce(answers, axis=0) - math.log(count))


def elbo(call, x, y, num_samples, per_call):
    """Mean of the bound, one sample each."""
    del y, num_samples, per_call
    return np.mean(call("score", "elbo", x, seeds_of(len(x), 0)))


def hungarian_accuracy(call, x, y, num_samples, per_call):
    """Accuracy under the best one-to-one mapping of clusters to classes."""
    del num_samples, per_call
    found = call("cluster", "cluster", x)
    counts = np.zeros((found.max() + 1, y.max() + 1))
    np.add.at(counts, (found, y), 1)
    return counts[linear_sum_assignment(counts, maximize=True)].sum() / len(y)


def label_accuracy(call, x, y, num_samples, per_call):
    """Share of the examples whose cluster has the number of their class."""
    del num_samples, per_call
    return np.mean(call("cluster", "cluster", x) == y)


def mutual_information_gap(call, x, y, num_samples, per_call, num_bins=20):
    """MIG by histograms, of 10,000 examples."""
    del num_samples, per_call
    z, y = call("encode", "latents", x[:10_000]), y[:10_000]
    gaps = []
    for factor in y.T:
        p = np.bincount(factor) / len(factor)
        entropy = -np.sum(p[p > 0] * np.log(p[p > 0]))
        shared = []
        for latent in z.T:
            edges = np.linspace(latent.min(), latent.max(), num_bins + 1)[1:-1]
            joint = np.zeros((num_bins, factor.max() + 1))
            np.add.at(joint, (np.digitize(latent, edges), factor), 1 / len(factor))
            independent = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
            some = joint > 0
            shared.append(np.sum(joint[some] * np.log(joint[some] / independent[some])))
        best, second = np.sort(shared)[-1:-3:-1]
        gaps.append((best - second) / entropy)
    return np.mean(gaps)


def factor_vae_score(call, x, y, num_samples, per_call, min_deviation=0.05):
    """10,000 votes to learn from, 5,000 to score, of 64 examples each."""
    del num_samples, per_call
    rng = np.random.default_rng(0)
    z = call("encode", "latents", x)
    used = z.std(axis=0) >= min_deviation
    z = z[:, used] / z[:, used].std(axis=0)
    votes = []
    for _ in range(15_000):
        factor = rng.integers(y.shape[1])
        value = y[rng.integers(len(y)), factor]
        alike = rng.choice(np.flatnonzero(y[:, factor] == value), 64)
        votes.append((np.argmin(z[alike].var(axis=0)), factor))
    table = np.zeros((z.shape[1], y.shape[1]))
    np.add.at(table, tuple(np.transpose(votes[:10_000])), 1)
    answer = table.argmax(axis=1)
    return np.mean([answer[latent] == factor for latent, factor in votes[10_000:]])


MEASURES = {
    "log_marginal_likelihood": log_marginal_likelihood,
    "elbo": elbo,
    "hungarian_accuracy": hungarian_accuracy,
    "label_accuracy": label_accuracy,
    "mutual_information_gap": mutual_information_gap,
    "factor_vae_score": factor_vae_score,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("presets", nargs="*", help="default: all of them")
    parser.add_argument("--data-dir", default=None, help="where TFDS keeps its data")
    parser.add_argument("--limit", type=int, default=10_000, help="examples at most")
    text = "the least of a latent that counts for the FactorVAE score"
    parser.add_argument("--min-deviation", type=float, default=0.05, help=text)
    options = parser.parse_args()
    measures = MEASURES | {
        "factor_vae_score": functools.partial(
            factor_vae_score, min_deviation=options.min_deviation
        )
    }
    wanted = options.presets or sorted(p.parent.name for p in SAVED_MODELS.glob("*/1"))
    for name in wanted:
        folder = SAVED_MODELS / name / "1"
        described = json.loads((folder / "assets.extra/vae_zoo.json").read_text())
        card = described["card"]
        command = shlex.split(card["evaluation_command"])
        x, y, num_samples = examples(command, options.data_dir, options.limit)
        call = Signatures(folder)
        for metric in card["metrics"]:
            value = metric.get("scale", 1) * measures[metric["measure"]](
                call, x, y, num_samples, described["num_importance_samples"]
            )
            difference = value - metric["value"]
            errors = difference / (metric["standard_error"] or math.nan)
            print(
                f"{name:<28} {metric['name']:<24} card {metric['value']:9.4f}  "
                f"recomputed {value:9.4f}  {errors:+.2f} errors, {len(x)} examples",
                flush=True,
            )


if __name__ == "__main__":
    main()
