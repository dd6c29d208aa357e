"""Latency and throughput of a served preset, compared with the bare network.

    python benchmarks/serving_speed.py vae_mnist --runs 30

The reference is a SavedModel of plain functions. They call the same layers and do the
rest of the signature's work by hand, for the whole batch and from one seed. Both models
are loaded and called in the same way, in turns; the ratio is the median over the runs.
For `score`, with 128 importance samples for each row, the bare function holds all
latents at once.
"""

import argparse
import math
import statistics
import tempfile
import time

import numpy as np
import tensorflow as tf

from vae_zoo import VAE
from vae_zoo.serving.layout import find_version, read_metadata
from vae_zoo.zoo import presets

BATCH_SIZES = (1, 8, 64, 256)
SIGNATURES = ("encode", "decode", "sample", "score")
SECONDS_PER_RUN = 0.2


def bare_functions(model, num_samples):
    """The signatures' work by hand, of a VAE with normal latents and Bernoulli data."""
    size, shape = model.latent_dim, model.input_shape

    def parameters(x):
        return model.posterior_head(model.encoder(x))

    def logits(z):
        return model.likelihood_head(model.decoder(z))["logits"]

    def encode(inputs):
        return parameters(inputs)

    def decode(latents):
        return {"outputs": tf.sigmoid(logits(latents))}

    def sample(seeds):
        z = tf.random.stateless_normal((tf.shape(seeds)[0], size), seeds[0])
        return {"outputs": tf.sigmoid(logits(z))}

    def score(inputs, seeds):
        q = parameters(inputs)
        loc, scale = q["loc"], q["scale_diag"]
        # One more for the bound of a single draw.
        counts = (num_samples + 1, tf.shape(inputs)[0], size)
        noise = tf.random.stateless_normal(counts, seeds[0])
        z = loc + scale * noise
        given = logits(tf.reshape(z, (-1, size)))
        given = tf.reshape(given, (num_samples + 1, -1, *shape))
        log_weights = tf.reduce_sum(
            inputs * given - tf.nn.softplus(given), axis=[2, 3, 4]
        ) + tf.reduce_sum((noise**2 - z**2) / 2 + tf.math.log(scale), axis=-1)
        total = tf.reduce_logsumexp(log_weights[1:], axis=0)
        return {
            "log_marginal_likelihood": total - math.log(num_samples),
            "elbo": log_weights[0],
        }

    x = tf.TensorSpec((None, *shape), name="inputs")
    z = tf.TensorSpec((None, size), name="latents")
    seeds = tf.TensorSpec((None, 2), tf.int32, name="seeds")
    specs = {encode: [x], decode: [z], sample: [seeds], score: [x, seeds]}
    return {f.__name__: tf.function(f, spec) for f, spec in specs.items()}


def loaded(functions, weights):
    """`functions`, saved and loaded as a server would."""
    module = tf.Module()
    module.weights = weights
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=functions)
        return tf.saved_model.load(folder)


def seconds_per_call(function, request, calls):
    """The mean over some calls, one after the other."""
    start = time.perf_counter()
    for _ in range(calls):
        answer = function(**request)
    next(iter(answer.values())).numpy()
    return (time.perf_counter() - start) / calls


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("preset", nargs="?", default="vae_mnist")
    parser.add_argument("--runs", type=int, default=30, help="of each, alternating")
    options = parser.parse_args()
    folder = find_version(presets.find(options.preset))
    model = VAE.from_preset(folder)
    functions = bare_functions(model, read_metadata(folder)["num_importance_samples"])
    bare = loaded(functions, [variable.value for variable in model.weights])
    ours = tf.saved_model.load(str(folder))
    rng, shape = np.random.default_rng(0), model.input_shape
    print("signature  batch        ms    rows/s   bare ms   ratio")
    for name in SIGNATURES:
        for size in BATCH_SIZES:
            given = {
                "inputs": rng.integers(0, 2, (size, *shape)).astype("float32"),
                "latents": rng.standard_normal((size, model.latent_dim), "float32"),
                "seeds": rng.integers(0, 2**31, (size, 2), "int32"),
            }
            pair = (ours.signatures[name], bare.signatures[name])
            request = {
                key: tf.constant(given[key])
                for key in pair[0].structured_input_signature[1]
            }
            for function in pair:  # The first calls make the plans.
                once = seconds_per_call(function, request, 3)
            calls = max(1, round(SECONDS_PER_RUN / once))
            runs = [
                [seconds_per_call(function, request, calls) for function in pair]
                for _ in range(options.runs)
            ]
            mine, other = (
                statistics.median(times) for times in zip(*runs, strict=True)
            )
            ratio = statistics.median(a / b for a, b in runs)
            print(
                f"{name:<10}{size:>6}{mine * 1e3:>10.2f}{size / mine:>10.0f}"
                f"{other * 1e3:>10.2f}{ratio:>8.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
