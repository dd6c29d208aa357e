"""Interpolate between digits along great circles of latents on the unit sphere.

    python examples/great_circles.py [--epochs 60] [--output great_circles.png]

Trains a hyperspherical VAE on scikit-learn's 8 x 8 digits and draws one row of images
for each of six pairs of different digits: the two reconstructions and the images
between them.
"""

import argparse

import keras
import numpy as np

import vae_zoo
from vae_zoo import plotting
from vae_zoo.components import networks, schedules

NUM_PAIRS, NUM_STEPS = 6, 10


def codes_of_classes(model):
    """Codes [N, 6] of the test digits, and their classes [N]."""
    test = vae_zoo.datasets.load("digits", "test", binarize="fixed", labels=True)
    pairs = [(model.encode(x), y) for x, y in test]
    codes, digits = (np.concatenate(part) for part in zip(*pairs, strict=True))
    return codes, digits


def far_apart(codes, digits):
    """The ends of six paths between typical digits that are far apart.

    The typical digit of a class is the one nearest to the mean of its codes.
    """
    typical = []
    for digit in range(10):
        own = codes[digits == digit]
        typical.append(own[np.argmax(own @ own.mean(axis=0))])
    typical = np.stack(typical)
    cosines = np.triu(typical @ typical.T) + np.tril(np.full((10, 10), 2.0))
    uses, pairs = np.zeros(10), []
    for place in np.argsort(cosines, axis=None):
        start, end = divmod(place, 10)
        # Each digit at most twice, for variety.
        if max(uses[start], uses[end]) < 2 and len(pairs) < NUM_PAIRS:
            pairs.append((start, end))
            uses[[start, end]] += 1
    return np.swapaxes(typical[np.array(pairs)], 0, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--output", default="great_circles.png")
    arguments = parser.parse_args()

    data = vae_zoo.datasets.load("digits", binarize="dynamic", labels=False)
    keras.utils.set_random_seed(0)
    model = vae_zoo.HypersphericalVAE(
        (8, 8, 1),
        latent_dim=6,
        encoder=networks.MLP((256, 128)),
        beta=schedules.Linear(0.0, 1.0, num_steps=len(data) * arguments.epochs // 3),
        seed=0,
    )
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(data, epochs=arguments.epochs, verbose=2)

    starts, ends = far_apart(*codes_of_classes(model))
    paths = model.interpolate(starts, ends, NUM_STEPS)
    rows = np.stack([model.decode(step) for step in paths], axis=1)
    figure = plotting.samples(rows.reshape(-1, 8, 8, 1), columns=NUM_STEPS)
    plotting.save(figure, arguments.output)
    print(arguments.output)


if __name__ == "__main__":
    main()
