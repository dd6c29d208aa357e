"""How fast `fit` is beside a stock Keras VAE written by hand with the same layers.

    python benchmarks/fit_speed.py [--runs 5]

Both models train on the same arrays, alternating in one process; the table has the
median examples per second of each and the ratios of the medians, run by run.
"""

import argparse
import resource
import statistics
import time

import keras
import numpy as np
from keras import ops

import vae_zoo
from vae_zoo.components import networks

HIDDEN, LATENT_DIM, NUM_PIXELS, NUM_EXAMPLES = (500, 500), 20, 784, 25_600


class StockVAE(keras.Model):
    """What the tutorials teach: a custom `train_step` and two summed losses."""

    def __init__(self):
        super().__init__()
        dense = keras.layers.Dense
        self.encoder = keras.Sequential([dense(units, "relu") for units in HIDDEN])
        self.mean, self.log_variance = dense(LATENT_DIM), dense(LATENT_DIM)
        self.decoder = keras.Sequential(
            [*(dense(units, "relu") for units in HIDDEN), dense(NUM_PIXELS, "sigmoid")]
        )
        self.seed_generator = keras.random.SeedGenerator(0)
        names = ("loss", "reconstruction_loss", "kl_loss")
        self.trackers = [keras.metrics.Mean(name=name) for name in names]

    @property
    def metrics(self):
        return self.trackers

    def train_step(self, data):
        import tensorflow as tf

        with tf.GradientTape() as tape:
            features = self.encoder(data)
            mean, log_variance = self.mean(features), self.log_variance(features)
            noise = keras.random.normal(ops.shape(mean), seed=self.seed_generator)
            z = mean + ops.exp(0.5 * log_variance) * noise
            cross_entropy = keras.losses.binary_crossentropy(data, self.decoder(z))
            reconstruction_loss = ops.mean(cross_entropy * NUM_PIXELS)
            variance = ops.exp(log_variance)
            kl = -0.5 * (1 + log_variance - ops.square(mean) - variance)
            kl_loss = ops.mean(ops.sum(kl, axis=1))
            loss = reconstruction_loss + kl_loss
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(
            zip(gradients, self.trainable_weights, strict=True)
        )
        losses = (loss, reconstruction_loss, kl_loss)
        for tracker, value in zip(self.trackers, losses, strict=True):
            tracker.update_state(value)
        return {tracker.name: tracker.result() for tracker in self.trackers}


def models():
    def ours():
        return vae_zoo.VAE((NUM_PIXELS,), LATENT_DIM, encoder=networks.MLP(HIDDEN))

    made = {"stock Keras": StockVAE(), "vae_zoo": ours(), "vae_zoo, no XLA": ours()}
    options = {"vae_zoo, no XLA": {"jit_compile": False}}
    for name, model in made.items():
        model.compile("adam", **options.get(name, {}))
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=128)
    arguments = parser.parse_args()
    x = np.random.default_rng(0).random((NUM_EXAMPLES, NUM_PIXELS)) < 0.13
    x = x.astype("float32")
    made = models()
    speeds = {name: [] for name in made}
    for run in range(arguments.runs + 1):
        for name, model in made.items():
            start = time.perf_counter()
            model.fit(x, batch_size=arguments.batch_size, verbose=0)
            if run:  # The first one compiles.
                speeds[name].append(NUM_EXAMPLES / (time.perf_counter() - start))
    print(f"{'fit':<18} {'examples/s':>10} {'of stock':>9}   (medians)")
    for name, values in speeds.items():
        pairs = zip(values, speeds["stock Keras"], strict=True)
        ratio = statistics.median(value / stock for value, stock in pairs)
        print(f"{name:<18} {statistics.median(values):10.0f} {ratio:9.2f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory of this process: {peak:.2f} GiB")


if __name__ == "__main__":
    main()
