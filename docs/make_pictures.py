"""Makes the README's picture: `python docs/make_pictures.py vae_mnist`."""

import pathlib
import sys

import vae_zoo
from vae_zoo import plotting


def main():
    """Draws samples of a preset or a run into the picture that the README shows."""
    model = vae_zoo.VAE.from_preset(sys.argv[1])
    figure = plotting.samples(model.sample(48, seed=0).numpy(), columns=16)
    plotting.save(figure, pathlib.Path(__file__).with_name("samples.png"))


if __name__ == "__main__":
    main()
