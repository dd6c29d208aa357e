"""What a model's constructor takes beside what it names, for type checkers."""

import keras

from vae_zoo.components.likelihoods import Likelihood
from vae_zoo.components.posteriors import Posterior
from vae_zoo.components.priors import Prior
from vae_zoo.tensors import LayerOptions


class CommonOptions(LayerOptions, total=False):
    """Of every model."""

    encoder: keras.Layer | None
    decoder: keras.Layer | None
    likelihood: Likelihood | None
    seed: int | None
    name: str | None


class PosteriorOptions(CommonOptions, total=False):
    """Of a model with a prior of its own."""

    posterior: Posterior | None


class VAEOptions(PosteriorOptions, total=False):
    """Of a model that leaves both to the user."""

    prior: Prior | None
