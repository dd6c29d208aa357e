"""The command line `vae-zoo`, whose help needs no TensorFlow."""

from vae_zoo.cli.commands import main

__all__ = ["main"]
