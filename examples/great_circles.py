"""Between two digits along a great circle, in latents on the unit sphere.

    python examples/great_circles.py [--epochs 60] [--output great_circles.png]

Trains a hyperspherical VAE on scikit-learn's 8 x 8 digits and draws one row of images
for each pair of digits: the two reconstructions, and what lies between them.
"""

import argparse

import keras
import numpy as np

import vae_zoo
from vae_zoo import plotting
from vae_zoo.components import networks, schedules

NUM_PAIRS, NUM_STEPS = 6, 10


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

    images = next(iter(data)).numpy()
    latents = model.encode(images[: 2 * NUM_PAIRS])
    paths = model.interpolate(latents[:NUM_PAIRS], latents[NUM_PAIRS:], NUM_STEPS)
    rows = np.stack([model.decode(step) for step in paths], axis=1)
    figure = plotting.samples(rows.reshape(-1, 8, 8, 1), columns=NUM_STEPS)
    plotting.save(figure, arguments.output)
    print(arguments.output)


if __name__ == "__main__":
    main()
