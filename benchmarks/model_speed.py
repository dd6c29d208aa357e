"""What a model costs beside the plain VAE, and von Mises-Fisher samples beside TFP's.

    python benchmarks/model_speed.py [--runs 7]

Models with the same layers train on the same arrays, alternating in one process. The
table has each one's examples per second, the median and the fastest run's, and the time
of its step over the plain VAE's, both in their fastest runs: what else the machine does
only slows, by half and more at times. Of the samples the ratio is the median over runs.
"""

import argparse
import statistics
import time

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from vae_zoo import VAE, GaussianMixtureVAE, HypersphericalVAE
from vae_zoo.components import networks, posteriors
from vae_zoo.distributions import VonMisesFisher

NUM_PIXELS, NUM_EXAMPLES = 784, 25_600
SIZES = {
    "784-500-500-20, batch 128": ((500, 500), 20, 128),
    "784-256-128-10, batch 64": ((256, 128), 10, 64),
}


def compare_training(hidden, latent_dim, batch_size, runs):
    """Examples per second of each posterior, one figure a run."""
    x = np.random.default_rng(0).random((NUM_EXAMPLES, NUM_PIXELS)) < 0.13
    x = x.astype("float32")
    shape, encoder = (NUM_PIXELS,), lambda: networks.MLP(hidden)
    spherical = posteriors.PowerSpherical()
    made = {
        "normal": VAE(shape, latent_dim, encoder=encoder()),
        "von Mises-Fisher": HypersphericalVAE(shape, latent_dim + 1, encoder=encoder()),
        "power spherical": HypersphericalVAE(
            shape, latent_dim + 1, encoder=encoder(), posterior=spherical
        ),
        # Without groups of data to wait for, all of it is at work from the start.
        "Gaussian mixture, K = 10": GaussianMixtureVAE(
            shape, latent_dim, 10, encoder=encoder(), initialization=None
        ),
    }
    speeds = {name: [] for name in made}
    for model in made.values():
        model.compile("adam", steps_per_execution=20)
    for run in range(runs + 1):
        for name, model in made.items():
            start = time.perf_counter()
            model.fit(x, batch_size=batch_size, verbose=0)
            if run:  # The first one compiles.
                speeds[name].append(NUM_EXAMPLES / (time.perf_counter() - start))
    return speeds


def compare_sampling(dimension, batch_size, runs):
    """Microseconds of one `sample` of TFP's and of ours."""
    rng = np.random.default_rng(0)
    mu = rng.normal(size=(batch_size, dimension)).astype("float32")
    mu /= np.linalg.norm(mu, axis=1, keepdims=True)
    concentration = rng.uniform(5, 60, batch_size).astype("float32")

    def draw(make):
        return lambda seed: make(mu, concentration).sample(seed=seed)

    ways = {
        "TFP, eager": draw(tfp.distributions.VonMisesFisher),
        "vae_zoo, eager": draw(VonMisesFisher),
        "vae_zoo, XLA": tf.function(draw(VonMisesFisher), jit_compile=True),
    }
    times = {name: [] for name in ways}
    for run in range(runs + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            for number in range(50):
                way(tf.constant([run, number]))
            if run:
                times[name].append((time.perf_counter() - start) / 50 * 1e6)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    for size, (hidden, latent_dim, batch_size) in SIZES.items():
        speeds = compare_training(hidden, latent_dim, batch_size, runs)
        print(
            f"fit, {size:<26} {'examples/s':>10} {'fastest':>8} {'step / normal':>14}"
        )
        for name, values in speeds.items():
            middle, fastest = statistics.median(values), max(values)
            ratio = max(speeds["normal"]) / fastest
            print(f"  {name:<29} {middle:10.0f} {fastest:8.0f} {ratio:14.2f}")
    times = compare_sampling(21, 128, runs)
    print(f"sample, 128 x 21 elements       {'us':>10} {'':>8} {'TFP / it':>14}")
    for name, values in times.items():
        pairs = zip(times["TFP, eager"], values, strict=True)
        ratio = statistics.median(theirs / ours for theirs, ours in pairs)
        print(f"  {name:<29} {statistics.median(values):10.0f} {'':>8} {ratio:14.2f}")


if __name__ == "__main__":
    main()
