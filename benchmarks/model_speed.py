"""What a model costs beside the plain VAE, and von Mises-Fisher samples beside TFP's.

    python benchmarks/model_speed.py [--runs 7] [--sizes SIZE ...]

Models with the same layers, and one network with each objective, prior and posterior,
train on the same arrays with XLA, alternating in one process. The table has each one's
examples per second, the median and the fastest run's, and the time of its step over the
plain VAE's, both in their fastest runs: what else the machine does only slows, by half
and more at times. For the samples the ratio is the median over runs.
"""

import argparse
import statistics
import time

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from vae_zoo import VAE, GaussianMixtureVAE, HypersphericalVAE
from vae_zoo.components import networks, objectives, posteriors, priors
from vae_zoo.distributions import VonMisesFisher

SHAPE, NUM_EXAMPLES = (784,), 25_600


def families(hidden, latent_dim):
    """Models with the same layers, the plain VAE first."""

    def encoder():
        return networks.MLP(hidden)

    spherical = posteriors.PowerSpherical()
    return {
        "normal": VAE(SHAPE, latent_dim, encoder=encoder()),
        "von Mises-Fisher": HypersphericalVAE(SHAPE, latent_dim + 1, encoder=encoder()),
        "power spherical": HypersphericalVAE(
            SHAPE, latent_dim + 1, encoder=encoder(), posterior=spherical
        ),
        # Without groups of data to wait for, all of it is at work from the start.
        "Gaussian mixture, K = 10": GaussianMixtureVAE(
            SHAPE, latent_dim, 10, encoder=encoder(), initialization=None
        ),
    }


def parts():
    """The network of `objectives_mnist.py` with each objective, prior and posterior."""
    weighted = objectives.ImportanceWeighted
    made = {
        "normal": {},
        "IWAE-5": {"objective": weighted(num_samples=5)},
        "IWAE-5 STL": {
            "objective": weighted(num_samples=5, gradient="sticking-the-landing")
        },
        "IWAE-5 DReG": {
            "objective": weighted(num_samples=5, gradient="doubly-reparameterized")
        },
        "score function": {"objective": objectives.ScoreFunction()},
        "wake-sleep": {"objective": objectives.WakeSleep()},
        "VampPrior-500": {"prior": priors.VampPrior(500, start_from="random")},
        "flow prior": {"prior": priors.Flow()},
        "IAF, 2 MADEs of 320": {
            "posterior": posteriors.InverseAutoregressiveFlow(2, (320,))
        },
        "planar flow": {"posterior": posteriors.Planar()},
        "Sylvester flow": {"posterior": posteriors.Sylvester()},
    }
    return {
        name: VAE(
            SHAPE,
            40,
            encoder=networks.MLP((300, 300), activation="linear", gated=True),
            **options,
        )
        for name, options in made.items()
    }


SIZES = {
    "784-500-500-20, batch 128": (lambda: families((500, 500), 20), 128),
    "784-256-128-10, batch 64": (lambda: families((256, 128), 10), 64),
    "784-300-300-40 gated, batch 128": (parts, 128),
}


def compare_training(models, batch_size, runs):
    """Examples per second of each model, one figure a run."""
    x = np.random.default_rng(0).random((NUM_EXAMPLES, *SHAPE)) < 0.13
    x = x.astype("float32")
    speeds = {name: [] for name in models}
    for model in models.values():
        model.compile("adam", steps_per_execution=20, jit_compile=True)
    for run in range(runs + 1):
        for name, model in models.items():
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
    parser.add_argument("--sizes", nargs="+", choices=list(SIZES), default=list(SIZES))
    options = parser.parse_args()
    runs = options.runs
    for size in options.sizes:
        make_models, batch_size = SIZES[size]
        speeds = compare_training(make_models(), batch_size, runs)
        print(
            f"fit, {size:<32} {'examples/s':>10} {'fastest':>8} {'step / normal':>14}"
        )
        for name, values in speeds.items():
            middle, fastest = statistics.median(values), max(values)
            ratio = max(speeds["normal"]) / fastest
            print(f"  {name:<35} {middle:10.0f} {fastest:8.0f} {ratio:14.2f}")
    if options.sizes == list(SIZES):
        print_sampling(runs)


def print_sampling(runs):
    """The second table."""
    times = compare_sampling(21, 128, runs)
    print(f"sample, 128 x 21 elements       {'us':>10} {'':>8} {'TFP / it':>14}")
    for name, values in times.items():
        pairs = zip(times["TFP, eager"], values, strict=True)
        ratio = statistics.median(theirs / ours for theirs, ours in pairs)
        print(f"  {name:<29} {statistics.median(values):10.0f} {'':>8} {ratio:14.2f}")


if __name__ == "__main__":
    main()
