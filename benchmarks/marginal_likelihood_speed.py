"""Importance sampling of log p(x), compared with the matrix products in it.

    python benchmarks/marginal_likelihood_speed.py [--runs 5]
    python benchmarks/marginal_likelihood_speed.py --runs 0 --model runs/vae

The VAE has two hidden layers of 500, 20 latents and 784 pixels, with 5000 samples an
image. The products are those of the decoder for as many rows at a time, alone in a
loop, with XLA and without; the ratio is over the faster of the two. All alternate. The
table has the fastest run of each, since other work on the machine only slows them.

With `--model` the log p(x) of a whole data set and its time follow. At the end comes
the peak memory of the process.
"""

import argparse
import itertools
import resource
import time

import numpy as np
import tensorflow as tf

from vae_zoo import VAE, datasets
from vae_zoo.components import networks
from vae_zoo.evaluation import marginal_likelihood
from vae_zoo.models import importance

HIDDEN, NUM_LATENTS, NUM_PIXELS = (500, 500), 20, 784
NUM_SAMPLES, BATCH_SIZE = 5000, 100
SIZES = (NUM_LATENTS, *HIDDEN, NUM_PIXELS)


def products(jit_compile):
    """A function that multiplies as many rows as one batch has samples."""
    rows = importance.SAMPLES_PER_STEP * BATCH_SIZE
    num_steps = NUM_SAMPLES * BATCH_SIZE // rows
    draw = np.random.default_rng(0).normal
    shapes = itertools.pairwise(SIZES)
    weights = [tf.constant(draw(size=s) / s[0] ** 0.5, tf.float32) for s in shapes]

    @tf.function(jit_compile=jit_compile)
    def multiply(z):
        def step(number, total):
            x = z + total
            for matrix in weights:
                x = x @ matrix
            # One element of the result, lest nothing is multiplied.
            return number + 1, 1e-20 * x[0, 0]

        return tf.while_loop(lambda n, _: n < num_steps, step, (0, 0.0))[1]

    z = tf.constant(draw(size=(rows, NUM_LATENTS)), tf.float32)
    return lambda: multiply(z).numpy(), num_steps * rows


def sampling():
    """A function that scores one batch, compiled as in `marginal_likelihood`."""
    model = VAE((NUM_PIXELS,), NUM_LATENTS, encoder=networks.MLP(HIDDEN), seed=0)
    x = np.random.default_rng(0).random((BATCH_SIZE, NUM_PIXELS)) < 0.13
    x = tf.constant(x, tf.float32)
    score = tf.function(importance.log_weight_sums, jit_compile=True)
    seed = tf.constant([1, 2])
    return lambda: score(model, x, NUM_SAMPLES, seed)[0].numpy()


def fastest(functions, runs):
    """The least seconds of each function over alternating runs, after a first one."""
    times = [[] for _ in functions]
    for run in range(runs + 1):
        for own, function in zip(times, functions, strict=True):
            start = time.perf_counter()
            function()
            if run:
                own.append(time.perf_counter() - start)
    return [min(own) for own in times]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--model", default=None, help="a preset or a run's folder")
    parser.add_argument("--dataset", default="binarized_mnist")
    parser.add_argument("--split", default="test")
    parser.add_argument("--data-dir", default=None, help="where TFDS keeps its data")
    arguments = parser.parse_args()
    if arguments.runs:
        (compiled, rows), (plain, _) = (products(jit) for jit in (True, False))
        times = fastest([sampling(), compiled, plain], arguments.runs)
        count = NUM_SAMPLES * BATCH_SIZE
        names = ("importance sampling", "products, XLA", "products, no XLA")
        speeds = [count / times[0], rows / times[1], rows / times[2]]
        for name, speed in zip(names, speeds, strict=True):
            print(f"{name:<20} {speed:12,.0f} samples a second")
        print(f"ratio to the faster  {speeds[0] / max(speeds[1:]):12.2f}")
    if arguments.model:
        model = VAE.from_preset(arguments.model)
        data = datasets.load(
            arguments.dataset,
            arguments.split,
            BATCH_SIZE,
            shuffle=False,
            data_dir=arguments.data_dir,
        )
        start = time.perf_counter()
        found = marginal_likelihood(model, data, NUM_SAMPLES, verbose=1)
        for name, score in found.items():
            print(f"{name:<24} {score.mean:9.3f} +- {score.standard_error:.3f}")
        print(f"{time.perf_counter() - start:.0f} seconds")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory {peak:.2f} GiB")


if __name__ == "__main__":
    main()
