"""Train on a folder of images or an array of your own, and serve the result.

    python examples/your_own_images.py PATH [--image-size 64 64] [--epochs 50]

PATH is a folder of images, a .npy or a .npz file. Images of several sizes need
--image-size: they are scaled to cover it and then cropped. A random tenth of the images
decides when to stop. Grey values and colours get a continuous Bernoulli likelihood,
which, unlike the Bernoulli, is a likelihood of values between 0 and 1.
"""

import argparse

import keras

import vae_zoo
from vae_zoo.components import likelihoods, networks, posteriors


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("path")
    parser.add_argument("--image-size", type=int, nargs=2)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--output", default="served/mine")
    arguments = parser.parse_args()

    train, held_out = (
        source.batches(128, labels=False, shuffle=True)
        for source in vae_zoo.datasets.open_sources(
            arguments.path,
            ["train[not-held-out]", "train[held-out]"],
            image_size=arguments.image_size,
        )
    )
    input_shape = tuple(train.element_spec.shape[1:])
    is_image = len(input_shape) > 1
    model = vae_zoo.VAE(
        input_shape,
        latent_dim=16,
        encoder=networks.Conv((32, 64)) if is_image else networks.MLP((256, 128)),
        posterior=posteriors.DiagonalNormal(),
        likelihood=likelihoods.ContinuousBernoulli(),
    )
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(
        train,
        validation_data=held_out,
        epochs=arguments.epochs,
        callbacks=[
            keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True)
        ],
        shuffle=False,
    )
    print("saved as", vae_zoo.export(model, arguments.output))


if __name__ == "__main__":
    main()
