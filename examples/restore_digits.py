"""Restore digits: one half hidden, one with noise, one at a quarter of its pixels.

    python examples/restore_digits.py [--epochs 100] [--output restored.png]

Trains a VAE on scikit-learn's 8 x 8 digits in black and white, and draws from three
posteriors: of the hidden half given the other half, of the digit given a copy with one
in ten pixels flipped, and of the digit given the means of its blocks of 2 x 2 pixels.
Each result is the mean of many draws, shown with its share of wrong pixels.
"""

import argparse

import keras
import numpy as np
import tensorflow as tf

import vae_zoo
from vae_zoo import plotting, tasks
from vae_zoo.components import networks

NUM_DIGITS, NUM_DRAWS, NUM_STEPS, FLIPPED = 8, 50, 100, 0.1


def mean_of_draws(draw):
    """The mean of `draw(seed)` over seeds."""
    compiled = tf.function(draw)
    seeds = [tf.constant([0, number]) for number in range(NUM_DRAWS)]
    return np.mean([compiled(seed) for seed in seeds], axis=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--output", default="restored.png")
    arguments = parser.parse_args()

    keras.utils.set_random_seed(0)
    data = vae_zoo.datasets.load("digits", binarize="fixed")
    model = vae_zoo.VAE((8, 8, 1), latent_dim=8, encoder=networks.MLP((256,)), seed=0)
    model.compile(keras.optimizers.Adam(2e-3))
    model.fit(data, epochs=arguments.epochs, verbose=2)

    test = vae_zoo.datasets.load("digits", "test", NUM_DIGITS, binarize="fixed")
    x = next(iter(test)).numpy()
    mask = np.ones_like(x)
    mask[:, 4:] = 0
    flips = np.random.default_rng(0).random(x.shape) < FLIPPED
    noisy = np.where(flips, 1 - x, x)
    small = x.reshape(-1, 4, 2, 4, 2, 1).mean(axis=(2, 4))
    restored = {
        "lower half hidden": mean_of_draws(
            lambda seed: model.impute(x, mask, NUM_STEPS, seed=seed)
        ),
        "a tenth flipped": mean_of_draws(
            lambda seed: tasks.denoise(model, noisy, FLIPPED, NUM_STEPS, seed=seed)
        ),
        "means of 2 x 2": mean_of_draws(
            lambda seed: tasks.super_resolve(model, small, NUM_STEPS, seed=seed)
        ),
    }
    shown = {
        "lower half hidden": np.where(mask, x, 0.5),
        "a tenth flipped": noisy,
        "means of 2 x 2": small.repeat(2, axis=1).repeat(2, axis=2),
    }
    rows = {"data": x}
    for name, images in restored.items():
        wrong = np.mean(np.round(images) != x)
        print(f"{name}: {wrong:.1%} of all pixels wrong")
        rows |= {name: shown[name], f"{name}, restored": images}
    figure = plotting.rows(np.stack(list(rows.values())), list(rows))
    plotting.save(figure, arguments.output)
    print(arguments.output)


if __name__ == "__main__":
    main()
